with

events as (
    select * from silver.events
),

reported_events as (
    select
        *,
        reporting_time(event_timestamp) as reported_at
    from events
),

final as (
    select
        event_id,
        source,
        user_id,
        session_id,
        product_id,
        order_id,
        event_type,
        year(reported_at) * 10000 + month(reported_at) * 100 + day(reported_at) as date_key,
        hour(reported_at) as event_hour,
        event_timestamp,
        amount,
        currency,
        outcome,
        is_success,
        device_type,
        page_url,
        referrer_url,
        year(reported_at) as event_year,
        month(reported_at) as event_month
    from reported_events
)

select * from final
