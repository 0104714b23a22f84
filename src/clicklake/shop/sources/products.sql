select
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    price,
    cost,
    updated_at
from bronze.products
