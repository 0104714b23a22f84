with

events as (
    select * from gold.fact_events
),

users as (
    select
        event_type,
        user_id,
        count(*) as events
    from events
    group by event_type, user_id
),

totals as (
    select
        event_type,
        cast(sum(events) as bigint) as events,
        count(*) as users
    from users
    group by event_type
),

final as (
    select
        totals.event_type,
        types.event_category,
        totals.events,
        totals.users
    from totals
    inner join gold.dim_event_types as types on totals.event_type = types.event_type
)

select * from final
order by users desc, event_type asc
