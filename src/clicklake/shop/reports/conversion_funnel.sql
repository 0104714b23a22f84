with

step_events as (
    select
        user_id,
        unix_micros(event_timestamp) as happened_at,
        case event_type when 'product_view' then 1 when 'add_to_cart' then 2 else 3 end as step
    from gold.fact_events
    where
        event_type in ('product_view', 'add_to_cart')
        or (event_type = 'purchase' and is_success)
),

users as (
    select
        user_id,
        bool_or(step = 1) as has_viewed,
        bool_or(step = 2) as has_carted,
        bool_or(step = 3) as has_bought
    from step_events
    group by user_id
),

-- Who can have done two steps in order; numbers are sorted much faster than texts.
candidates as (
    select
        user_id,
        row_number() over (order by user_id asc) as user_number
    from users
    where has_viewed and has_carted
),

-- The latest view before each event. At the same instant later steps stand first, so that what
-- stands before an event is strictly earlier; the latest view is the one that 30 days reach from.
viewed_events as (
    select
        candidates.user_number,
        step_events.step,
        step_events.happened_at,
        last_value(case when step_events.step = 1 then step_events.happened_at end ignore nulls)
            over (
                partition by candidates.user_number
                order by step_events.happened_at asc, step_events.step desc
                rows between unbounded preceding and current row
            ) as viewed_at
    from step_events
    inner join candidates on step_events.user_id = candidates.user_id
),

-- The latest view before a cart before each event.
carted_events as (
    select
        *,
        last_value(case when step = 2 then viewed_at end ignore nulls) over (
            partition by user_number
            order by happened_at asc, step desc
            rows between unbounded preceding and current row
        ) as viewed_before_cart_at
    from viewed_events
    where step > 1
),

-- 30 days are 2,592,000 seconds.
users_in_order as (
    select
        user_number,
        bool_or(step = 2 and happened_at - viewed_at <= 2592000000000) as has_carted,
        bool_or(step = 3 and happened_at - viewed_before_cart_at <= 2592000000000) as has_bought
    from carted_events
    group by user_number
),

totals as (
    select
        count(*) filter (where has_viewed) as viewers,
        count(*) filter (where has_carted) as carters,
        count(*) filter (where has_bought) as buyers
    from users
),

totals_in_order as (
    select
        count(*) filter (where has_carted) as carters,
        count(*) filter (where has_bought) as buyers
    from users_in_order
),

steps as (
    select unnest(range(1, 4)) as step
),

counts as (
    select
        steps.step,
        case steps.step when 1 then t.viewers when 2 then t.carters else t.buyers end as users,
        t.viewers as first_users,
        case steps.step when 2 then t.viewers when 3 then t.carters end as previous_users,
        case steps.step when 1 then t.viewers when 2 then o.carters else o.buyers end
            as users_in_order
    from totals as t
    cross join totals_in_order as o
    cross join steps
),

final as (
    select
        step,
        case step when 1 then 'product_view' when 2 then 'add_to_cart' else 'purchase' end
            as event_type,
        users,
        pct(users, first_users) as pct_of_first,
        pct(users, previous_users) as pct_of_previous,
        users_in_order
    from counts
)

select * from final
order by step asc
