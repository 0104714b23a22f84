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

dates as (
    select
        date_key,
        case when is_weekend then 'Weekend' else 'Weekday' end as day_type
    from gold.dim_dates
),

users_of_days as (
    select
        date_key,
        user_id,
        count(*) as events
    from events
    group by date_key, user_id
),

-- A day's users first: most of them come back on several days, but few on all.
users_of_day_types as (
    select
        dates.day_type,
        users_of_days.user_id,
        sum(users_of_days.events) as events
    from users_of_days
    inner join dates on users_of_days.date_key = dates.date_key
    group by dates.day_type, users_of_days.user_id
),

days as (
    select
        day_type,
        count(*) as users,
        cast(sum(events) as bigint) as events
    from users_of_day_types
    group by day_type
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        dates.day_type,
        count(distinct purchases.order_id) + count(*) - count(purchases.order_id) as purchases,
        count(distinct purchases.user_id) as purchasers,
        sum(purchases.amount) as revenue
    from purchases
    inner join dates on purchases.date_key = dates.date_key
    group by dates.day_type
),

final as (
    select
        days.day_type,
        days.users,
        days.events,
        per(days.events, days.users) as events_per_user,
        coalesce(sales.purchases, 0) as purchases,
        coalesce(sales.revenue, 0) as revenue,
        per(coalesce(sales.revenue, 0), days.users) as revenue_per_user,
        pct(coalesce(sales.purchasers, 0), days.users) as conversion_pct
    from days
    left join sales on days.day_type = sales.day_type
)

select * from final
order by day_type asc
