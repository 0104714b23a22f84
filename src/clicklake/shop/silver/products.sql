select
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    price,
    cost,
    updated_at,
    row_id,
    source,
    ingestion_timestamp,
    ingestion_date,
    source_file
from candidates
