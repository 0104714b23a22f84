with

sessions as (
    select * from gold.dim_sessions
),

events_without_session as (
    select *
    from silver.events
    where session_id is null
),

purchases as (
    select *
    from silver.events
    where event_type = 'purchase' and is_success
),

-- Sessions already hold most of the events: a sixth of the rows to add up.
visits as (
    select
        user_id,
        session_start as first_seen,
        session_end as last_seen,
        event_count as events,
        1 as sessions
    from sessions
    union all
    select
        user_id,
        event_timestamp as first_seen,
        event_timestamp as last_seen,
        1 as events,
        0 as sessions
    from events_without_session
),

users as (
    select
        user_id,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen,
        sum(events) as total_events,
        sum(sessions) as total_sessions
    from visits
    group by user_id
),

-- One purchase is one order: events with the same order_id count once, others one by one.
buyers as (
    select
        user_id,
        min(event_timestamp) as first_purchase,
        max(event_timestamp) as last_purchase,
        count(distinct order_id) + count(*) - count(order_id) as total_purchases,
        sum(amount) as total_spent
    from purchases
    group by user_id
),

final as (
    select
        users.user_id,
        users.first_seen,
        users.last_seen,
        buyers.first_purchase,
        buyers.last_purchase,
        users.total_events,
        users.total_sessions,
        coalesce(buyers.total_purchases, 0) as total_purchases,
        coalesce(buyers.total_spent, 0) as total_spent
    from users
    left join buyers on users.user_id = buyers.user_id
)

select * from final
