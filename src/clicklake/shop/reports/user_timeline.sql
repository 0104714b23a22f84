with

-- The events and orders of one user; without one there is nothing to tell.
events as (
    select
        *,
        make_date(date_key // 10000, date_key // 100 % 100, date_key % 100) as date
    from gold.fact_events
    where user_id = :user
),

sessions as (
    select
        session_id,
        min(event_timestamp) as session_start,
        row_number() over (order by min(event_timestamp) asc, session_id asc) as session_number
    from events
    where session_id is not null
    group by session_id
),

orders as (
    select
        order_id,
        status,
        is_booked,
        make_date(date_key // 10000, date_key // 100 % 100, date_key % 100) as date,
        sum(quantity) as units,
        sum(net_amount) as amount
    from gold.fact_sales
    where customer_id = :user
    group by order_id, status, is_booked, date_key
),

everything as (
    select
        events.date,
        events.event_timestamp as happened_at,
        'event' as kind,
        events.event_id,
        events.event_type as what,
        sessions.session_number,
        (unix_micros(events.event_timestamp) - unix_micros(sessions.session_start)) // 1000000
            as session_seconds,
        events.product_id,
        events.order_id,
        events.amount,
        events.outcome,
        events.is_success as is_counted,
        events.device_type,
        cast(null as bigint) as units,
        events.page_url
    from events
    left join sessions on events.session_id = sessions.session_id
    union all
    select
        date,
        cast(null as timestamp) as happened_at,
        'order' as kind,
        cast(null as bigint) as event_id,
        'order' as what,
        cast(null as bigint) as session_number,
        cast(null as bigint) as session_seconds,
        cast(null as varchar) as product_id,
        order_id,
        amount,
        status as outcome,
        is_booked as is_counted,
        cast(null as varchar) as device_type,
        units,
        cast(null as varchar) as page_url
    from orders
),

final as (
    select
        date,
        happened_at,
        kind,
        what,
        session_number,
        session_seconds,
        product_id,
        order_id,
        units,
        amount,
        outcome,
        is_counted,
        device_type,
        event_id,
        page_url
    from everything
)

select * from final
order by
    date asc,
    happened_at asc nulls last,
    what asc,
    product_id asc nulls first,
    amount asc nulls first,
    outcome asc nulls first,
    page_url asc nulls first,
    device_type asc nulls first,
    order_id asc nulls first,
    session_number asc nulls first
