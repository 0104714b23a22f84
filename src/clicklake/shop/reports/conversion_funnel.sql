with

step_events as (
    select
        user_id,
        unix_micros(event_timestamp) as happened_at,
        case event_type when 'product_view' then 1 when 'add_to_cart' then 2 else 3 end as step
    from gold.fact_events
    where event_type in ('product_view', 'add_to_cart') or (event_type = 'purchase' and is_success)
),

users as (
    select
        user_id,
        min(case when step = 1 then happened_at end) as viewed_at,
        min(case when step = 2 then happened_at end) as carted_at,
        min(case when step = 3 then happened_at end) as paid_at
    from step_events
    group by user_id
),

-- Most did their first steps in order, and in time: 30 days are 2,592,000 seconds.
known_users as (
    select
        *,
        viewed_at < carted_at
        and carted_at - viewed_at <= 2592000000000
        and (paid_at is null or (carted_at < paid_at and paid_at - viewed_at <= 2592000000000))
            as is_in_order
    from users
),

-- The others are looked at event by event; numbers are sorted much faster than texts.
other_users as (
    select
        user_id,
        row_number() over (order by user_id asc) as user_number
    from known_users
    where viewed_at is not null and carted_at is not null and not is_in_order
),

-- The latest view before each event. At the same instant later steps stand first, so that what
-- stands before an event is strictly earlier; the latest view is the one that 30 days reach from.
viewed_events as (
    select
        other_users.user_number,
        step_events.step,
        step_events.happened_at,
        last_value(case when step_events.step = 1 then step_events.happened_at end ignore nulls)
            over (
                partition by other_users.user_number
                order by step_events.happened_at asc, step_events.step desc
                rows between unbounded preceding and current row
            ) as viewed_at
    from step_events
    inner join other_users on step_events.user_id = other_users.user_id
),

-- Before a purchase it is the latest view before a cart that counts.
timed_events as (
    select
        user_number,
        step = 2 and happened_at - viewed_at <= 2592000000000 as is_cart_in_time,
        step = 3
        and happened_at - last_value(case when step = 2 then viewed_at end ignore nulls) over (
            partition by user_number
            order by happened_at asc, step desc
            rows between unbounded preceding and current row
        ) <= 2592000000000 as is_purchase_in_time
    from viewed_events
    where step > 1
),

totals as (
    select
        count(viewed_at) as viewers,
        count(carted_at) as carters,
        count(paid_at) as buyers,
        count(*) filter (where is_in_order) as carters_in_order,
        count(paid_at) filter (where is_in_order) as buyers_in_order
    from known_users
),

other_totals as (
    select
        count(distinct case when is_cart_in_time then user_number end) as carters,
        count(distinct case when is_purchase_in_time then user_number end) as buyers
    from timed_events
),

steps (step, event_type) as (
    values (1, 'product_view'), (2, 'add_to_cart'), (3, 'purchase')
),

counts as (
    select
        s.*,
        case s.step when 1 then t.viewers when 2 then t.carters else t.buyers end as users,
        case s.step
            when 1 then t.viewers when 2 then t.carters_in_order + o.carters
            else t.buyers_in_order + o.buyers
        end as users_in_order
    from totals as t
    cross join other_totals as o
    cross join steps as s
),

final as (
    select
        step,
        event_type,
        users,
        pct(users, first_value(users) over (order by step asc)) as pct_of_first,
        pct(users, lag(users) over (order by step asc)) as pct_of_previous,
        users_in_order
    from counts
)

select * from final
order by step asc
