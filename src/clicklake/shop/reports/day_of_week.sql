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

names as (
    select distinct
        day_of_week,
        day_name
    from dates
),

users_of_days as (
    select
        names.day_of_week,
        count(*) as users
    from users
    inner join names on (users.weekdays & (1 << names.day_of_week)) <> 0
    group by names.day_of_week
),

days as (
    select
        dates.day_of_week,
        cast(sum(events_of_dates.events) as bigint) as events
    from events_of_dates
    inner join dates on events_of_dates.date_key = dates.date_key
    group by dates.day_of_week
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        dates.day_of_week,
        count(distinct purchases.order_id) + count(*) - count(purchases.order_id) as purchases,
        count(distinct purchases.user_id) as purchasers,
        sum(purchases.amount) as revenue
    from purchases
    inner join dates on purchases.date_key = dates.date_key
    group by dates.day_of_week
),

final as (
    select
        days.day_of_week,
        names.day_name,
        users_of_days.users,
        days.events,
        per(days.events, users_of_days.users) as events_per_user,
        coalesce(sales.purchases, 0) as purchases,
        coalesce(sales.revenue, 0) as revenue,
        per(coalesce(sales.revenue, 0), users_of_days.users) as revenue_per_user,
        pct(coalesce(sales.purchasers, 0), users_of_days.users) as conversion_pct
    from days
    inner join names on days.day_of_week = names.day_of_week
    inner join users_of_days on days.day_of_week = users_of_days.day_of_week
    left join sales on days.day_of_week = sales.day_of_week
)

select * from final
order by day_of_week asc
