with

events as (
    select * from gold.fact_events
),

-- When each session bought first; numbers are sorted and compared much faster than texts.
buying_sessions as (
    select
        user_id,
        session_id,
        min(unix_micros(event_timestamp)) as bought_at,
        row_number() over (order by user_id asc, session_id asc) as session_number
    from gold.fact_events
    where event_type = 'purchase' and is_success and session_id is not null
    group by user_id, session_id
),

session_events as (
    select
        buying_sessions.session_number,
        buying_sessions.bought_at,
        unix_micros(events.event_timestamp) as happened_at,
        case
            when events.event_type = 'purchase' and not events.is_success then 'purchase failed'
            else events.event_type
        end as step
    from events
    inner join buying_sessions
        on
            events.user_id = buying_sessions.user_id
            and events.session_id = buying_sessions.session_id
    where unix_micros(events.event_timestamp) <= buying_sessions.bought_at
),

-- What happened at the instant of the purchase stands in the order of its name.
steps as (
    select
        session_number,
        happened_at,
        step,
        lag(step) over (partition by session_number order by happened_at asc, step asc)
            as step_before
    from session_events
    where happened_at < bought_at or step <= 'purchase'
),

-- A step that is another than the one before it was come to from that one.
places as (
    select
        session_number,
        step_before,
        step,
        row_number() over (partition by session_number order by happened_at desc, step desc)
            as place
    from steps
    where step is distinct from step_before
),

totals as (
    select count(*) as sessions
    from buying_sessions
),

final as (
    select
        places.place as steps_left,
        places.step_before as from_step,
        places.step as to_step,
        count(distinct buying_sessions.user_id) as users,
        count(*) as sessions,
        pct(count(*), max(totals.sessions)) as share_pct
    from places
    inner join buying_sessions on places.session_number = buying_sessions.session_number
    cross join totals
    where places.step_before is not null and places.place <= cast(:steps_shown as bigint)
    group by places.place, places.step_before, places.step
)

select * from final
order by steps_left desc, sessions desc, from_step asc, to_step asc
