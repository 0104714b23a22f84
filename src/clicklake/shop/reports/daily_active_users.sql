with

events as (
    select * from gold.fact_events
),

dates as (
    select * from gold.dim_dates
),

users_of_days as (
    select
        date_key,
        user_id,
        count(*) as events
    from events
    group by date_key, user_id
),

days as (
    select
        date_key,
        count(*) as active_users,
        cast(sum(events) as bigint) as events
    from users_of_days
    group by date_key
),

final as (
    select
        dates.date,
        case when dates.is_weekend then 'Weekend' else 'Weekday' end as day_type,
        days.active_users,
        days.events,
        per(days.events, days.active_users) as events_per_user
    from days
    inner join dates on days.date_key = dates.date_key
)

select * from final
order by date desc
