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
    select * from gold.dim_dates
),

-- On which days of the week each user was there, a bit a day: one row a user, where one a user
-- and day would be several times as many.
users as (
    select
        events.user_id,
        bit_or(1 << dates.day_of_week) as weekdays
    from events
    inner join dates on events.date_key = dates.date_key
    group by events.user_id
),

events_of_dates as (
    select
        date_key,
        count(*) as events
    from gold.fact_events
    group by date_key
),

types as (
    select
        date_key,
        day_of_week,
        case when is_weekend then 'Weekend' else 'Weekday' end as day_type
    from dates
),

weekdays_of_types as (
    select
        day_type,
        bit_or(1 << day_of_week) as weekdays
    from types
    group by day_type
),

users_of_types as (
    select
        weekdays_of_types.day_type,
        count(*) as users
    from users
    inner join weekdays_of_types on (users.weekdays & weekdays_of_types.weekdays) <> 0
    group by weekdays_of_types.day_type
),

days as (
    select
        types.day_type,
        cast(sum(events_of_dates.events) as bigint) as events
    from events_of_dates
    inner join types on events_of_dates.date_key = types.date_key
    group by types.day_type
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        types.day_type,
        count(distinct purchases.order_id) + count(*) - count(purchases.order_id) as purchases,
        count(distinct purchases.user_id) as purchasers,
        sum(purchases.amount) as revenue
    from purchases
    inner join types on purchases.date_key = types.date_key
    group by types.day_type
),

final as (
    select
        days.day_type,
        users_of_types.users,
        days.events,
        per(days.events, users_of_types.users) as events_per_user,
        coalesce(sales.purchases, 0) as purchases,
        coalesce(sales.revenue, 0) as revenue,
        per(coalesce(sales.revenue, 0), users_of_types.users) as revenue_per_user,
        pct(coalesce(sales.purchasers, 0), users_of_types.users) as conversion_pct
    from days
    inner join users_of_types on days.day_type = users_of_types.day_type
    left join sales on days.day_type = sales.day_type
)

select * from final
order by day_type asc
