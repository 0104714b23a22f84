with

events as (
    select * from gold.fact_events
),

step_events as (
    select
        user_id,
        event_timestamp,
        case event_type when 'product_view' then 1 when 'add_to_cart' then 2 else 3 end as step
    from events
    where
        event_type in ('product_view', 'add_to_cart')
        or (event_type = 'purchase' and is_success)
),

-- The latest view before each event. At the same instant later steps stand first, so that what
-- stands before an event is strictly earlier; the latest view is the one that 30 days reach from.
viewed_events as (
    select
        *,
        last_value(case when step = 1 then event_timestamp end ignore nulls) over (
            partition by user_id
            order by event_timestamp asc, step desc
            rows between unbounded preceding and current row
        ) as viewed_at
    from step_events
),

-- The latest view before a cart before each event.
carted_events as (
    select
        *,
        last_value(case when step = 2 then viewed_at end ignore nulls) over (
            partition by user_id
            order by event_timestamp asc, step desc
            rows between unbounded preceding and current row
        ) as viewed_before_cart_at
    from viewed_events
),

users as (
    select
        user_id,
        bool_or(step = 1) as has_viewed,
        bool_or(step = 2) as has_carted,
        bool_or(step = 3) as has_bought,
        bool_or(step = 2 and event_timestamp <= viewed_at + interval 30 day) as has_carted_in_order,
        bool_or(step = 3 and event_timestamp <= viewed_before_cart_at + interval 30 day)
            as has_bought_in_order
    from carted_events
    group by user_id
),

totals as (
    select
        count(*) filter (where has_viewed) as viewers,
        count(*) filter (where has_carted) as carters,
        count(*) filter (where has_bought) as buyers,
        count(*) filter (where has_carted_in_order) as carters_in_order,
        count(*) filter (where has_bought_in_order) as buyers_in_order
    from users
),

steps as (
    select
        1 as step,
        'product_view' as event_type,
        viewers as users,
        viewers as first_users,
        cast(null as bigint) as previous_users,
        viewers as users_in_order
    from totals
    union all
    select
        2 as step,
        'add_to_cart' as event_type,
        carters as users,
        viewers as first_users,
        viewers as previous_users,
        carters_in_order as users_in_order
    from totals
    union all
    select
        3 as step,
        'purchase' as event_type,
        buyers as users,
        viewers as first_users,
        carters as previous_users,
        buyers_in_order as users_in_order
    from totals
),

final as (
    select
        step,
        event_type,
        users,
        pct(users, first_users) as pct_of_first,
        pct(users, previous_users) as pct_of_previous,
        users_in_order
    from steps
)

select * from final
order by step asc
