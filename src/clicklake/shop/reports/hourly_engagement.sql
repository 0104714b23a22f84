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

users_of_hours as (
    select
        event_hour,
        user_id,
        count(*) as events
    from events
    group by event_hour, user_id
),

hours as (
    select
        event_hour,
        count(*) as active_users,
        cast(sum(events) as bigint) as events
    from users_of_hours
    group by event_hour
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        event_hour,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        count(distinct user_id) as purchasers
    from purchases
    group by event_hour
),

final as (
    select
        hours.event_hour as hour,
        hours.active_users,
        hours.events,
        coalesce(sales.purchases, 0) as purchases,
        pct(coalesce(sales.purchasers, 0), hours.active_users) as conversion_pct
    from hours
    left join sales on hours.event_hour = sales.event_hour
)

select * from final
order by hour asc
