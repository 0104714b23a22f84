with

events as (
    select * from gold.fact_events
),

buying_events as (
    select *
    from gold.fact_events
    where event_type = 'purchase' and is_success
),

users_of_devices as (
    select
        coalesce(device_type, 'unknown') as device,
        user_id,
        count(*) as events
    from events
    group by coalesce(device_type, 'unknown'), user_id
),

devices as (
    select
        device,
        count(*) as users,
        cast(sum(events) as bigint) as events
    from users_of_devices
    group by device
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        coalesce(device_type, 'unknown') as device,
        count(distinct user_id) as purchasers,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        sum(amount) as revenue
    from buying_events
    group by coalesce(device_type, 'unknown')
),

final as (
    select
        devices.device,
        devices.users,
        devices.events,
        coalesce(sales.purchasers, 0) as purchasers,
        coalesce(sales.purchases, 0) as purchases,
        coalesce(sales.revenue, 0) as revenue,
        pct(coalesce(sales.purchasers, 0), devices.users) as conversion_pct
    from devices
    left join sales on devices.device = sales.device
)

select * from final
order by users desc, device asc
