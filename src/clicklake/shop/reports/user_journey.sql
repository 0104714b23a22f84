with

events as (
    select * from gold.fact_events
),

purchases as (
    select
        user_id,
        product_id,
        order_id,
        date_key,
        event_hour,
        amount
    from gold.fact_events
    where event_type = 'purchase' and is_success
),

buyers as (
    select
        user_id,
        row_number() over (order by user_id asc) as place
    from purchases
    where cast(:user as varchar) is null or user_id = :user
    group by user_id
),

-- Each has an event, so that so many rows are of so many users.
first_buyers as (
    select user_id
    from buyers
    where cast(:row_limit as bigint) is null or place <= :row_limit
),

-- Behind the report's columns stand those that order events of the same instant.
final as (
    select
        user_id,
        event_id,
        event_type,
        product_id,
        amount,
        event_timestamp,
        outcome,
        page_url,
        device_type,
        order_id,
        session_id,
        referrer_url,
        currency,
        source
    from events
    where user_id in (select first_buyers.user_id from first_buyers)
)

select * from final
order by
    user_id asc,
    event_timestamp asc,
    event_type asc,
    product_id asc nulls first,
    amount asc nulls first,
    outcome asc nulls first,
    page_url asc nulls first,
    device_type asc nulls first,
    order_id asc nulls first,
    session_id asc nulls first,
    referrer_url asc nulls first,
    currency asc nulls first,
    source asc
