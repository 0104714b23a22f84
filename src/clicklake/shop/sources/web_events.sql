select
    json_extract_string(metadata, '$.event_id') as source_event_id,
    user_id,
    session_id,
    event_timestamp,
    event_type,
    json_extract_string(metadata, '$.product_id') as product_id,
    json_extract_string(metadata, '$.order_id') as order_id,
    json_extract_string(metadata, '$.amount') as amount,
    json_extract_string(metadata, '$.currency') as currency,
    json_extract_string(metadata, '$.outcome') as outcome,
    device_type,
    page_url,
    referrer_url,
    metadata
from bronze.web_events
