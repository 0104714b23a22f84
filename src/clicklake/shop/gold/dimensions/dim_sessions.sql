with

events as (
    select *
    from silver.events
    where session_id is not null
),

sessions as (
    select
        user_id,
        session_id,
        min(event_timestamp) as session_start,
        max(event_timestamp) as session_end,
        count(*) as event_count,
        bool_or(event_type = 'purchase' and is_success) as is_converted
    from events
    group by user_id, session_id
),

-- What orders the events of one session, and leaves no tie between two different pages.
placed_events as (
    select
        user_id,
        session_id,
        page_url,
        device_type,
        struct_pack(
            event_timestamp := event_timestamp,
            event_type := event_type,
            product_id := coalesce(product_id, ''),
            amount := coalesce(amount, -1),
            outcome := coalesce(outcome, ''),
            page_url := coalesce(page_url, ''),
            device_type := coalesce(device_type, '')
        ) as place
    from silver.events
    where session_id is not null and (page_url is not null or device_type is not null)
),

-- Apart from the sessions, because sources without pages and devices then cost nothing.
surroundings as (
    select
        user_id,
        session_id,
        arg_min(page_url, place) filter (where page_url is not null) as entry_page,
        arg_max(page_url, place) filter (where page_url is not null) as exit_page,
        arg_min(device_type, place) filter (where device_type is not null) as device_type
    from placed_events
    group by user_id, session_id
),

final as (
    select
        sessions.user_id,
        sessions.session_id,
        sessions.session_start,
        sessions.session_end,
        (unix_micros(sessions.session_end) - unix_micros(sessions.session_start)) // 1000000
            as duration_seconds,
        sessions.event_count,
        surroundings.device_type,
        surroundings.entry_page,
        surroundings.exit_page,
        coalesce(sessions.is_converted, false) as is_converted
    from sessions
    left join surroundings
        on
            sessions.user_id = surroundings.user_id
            and sessions.session_id = surroundings.session_id
)

select * from final
