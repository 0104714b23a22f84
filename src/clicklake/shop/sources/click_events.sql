select
    UserID as user_id,
    SessionID as session_id,
    Timestamp as event_timestamp,
    EventType as event_type,
    ProductID as product_id,
    Amount as amount,
    Outcome as outcome
from bronze.click_events
