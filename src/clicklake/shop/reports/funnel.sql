with

steps as (
    select
        numbers.n as step,
        trim(split_part(:steps, ',', numbers.n)) as event_type
    from (values (1), (2), (3), (4), (5), (6)) as numbers (n)
    where trim(split_part(:steps, ',', numbers.n)) <> ''
),

-- The host of a URL, without its scheme, user, port and www.
referred_events as (
    select
        user_id,
        event_timestamp,
        regexp_extract(
            lower(referrer_url), '^([a-z][a-z0-9+.-]*:)?(//)?([^/?#@]*@)?(www[.])?([^/:?#]*)', 5
        ) as referrer,
        regexp_extract(
            lower(page_url), '^([a-z][a-z0-9+.-]*:)?(//)?([^/?#@]*@)?(www[.])?([^/:?#]*)', 5
        ) as site
    from gold.fact_events
    where :by = 'referrer' and referrer_url is not null
),

referred_users as (
    select
        user_id,
        arg_min(
            referrer, struct_pack(event_timestamp := event_timestamp, referrer := referrer)
        ) as referrer
    from referred_events
    where referrer <> '' and referrer <> coalesce(site, '')
    group by user_id
),

products as (
    select
        product_id,
        category
    from gold.dim_products
    where :by = 'category'
),

step_events as (
    select
        case cast(:by as varchar)
            when 'device' then coalesce(events.device_type, 'unknown')
            when 'category' then coalesce(products.category, 'unknown')
            when 'referrer' then coalesce(referred_users.referrer, 'direct')
            else 'all'
        end as part,
        events.user_id,
        steps.step,
        unix_micros(events.event_timestamp) as happened_at
    from gold.fact_events as events
    inner join steps on events.event_type = steps.event_type
    left join products on events.product_id = products.product_id
    left join referred_users on events.user_id = referred_users.user_id
    where
        (events.event_type <> 'purchase' or events.is_success)
        and (:by <> 'category' or events.product_id is not null)
),

users as (
    select
        part,
        user_id,
        bit_or(1 << step) as done_steps
    from step_events
    group by part, user_id
),

-- Numbers are sorted much faster than texts. Who did not begin is nowhere in order.
beginners as (
    select
        part,
        user_id,
        row_number() over (order by part asc, user_id asc) as user_number
    from users
    where (done_steps & 2) <> 0 and done_steps > 3
),

-- Who is on the way: rows of step 2 have done it, the ones after it may; then of step 3, and so on.
-- At the same instant later steps stand first, so that what stands before an event is earlier.
-- Where all steps before were done in order, begun is the latest beginning that they had: the one
-- that the days reach from. Of the same step again and again the first row tells all.
step_2 as (
    select
        beginners.user_number,
        step_events.step,
        step_events.happened_at,
        last_value(case when step_events.step = 1 then step_events.happened_at end ignore nulls)
            over earlier as begun_2
    from step_events
    inner join beginners
        on step_events.part = beginners.part and step_events.user_id = beginners.user_id
    window
        earlier as (
            partition by beginners.user_number
            order by step_events.happened_at asc, step_events.step desc
        )
    qualify
        step_events.step >= 2
        and begun_2 is not null
        and lag(step_events.step) over earlier is distinct from step_events.step
),

step_3 as (
    select
        user_number,
        step,
        happened_at,
        last_value(case when step = 2 then begun_2 end ignore nulls)
            over earlier as begun_3
    from step_2
    window earlier as (partition by user_number order by happened_at asc, step desc)
    qualify
        step >= 3
        and begun_3 is not null
        and lag(step) over earlier is distinct from step
),

step_4 as (
    select
        user_number,
        step,
        happened_at,
        last_value(case when step = 3 then begun_3 end ignore nulls)
            over earlier as begun_4
    from step_3
    window earlier as (partition by user_number order by happened_at asc, step desc)
    qualify
        step >= 4
        and begun_4 is not null
        and lag(step) over earlier is distinct from step
),

step_5 as (
    select
        user_number,
        step,
        happened_at,
        last_value(case when step = 4 then begun_4 end ignore nulls)
            over earlier as begun_5
    from step_4
    window earlier as (partition by user_number order by happened_at asc, step desc)
    qualify
        step >= 5
        and begun_5 is not null
        and lag(step) over earlier is distinct from step
),

step_6 as (
    select
        user_number,
        step,
        happened_at,
        last_value(case when step = 5 then begun_5 end ignore nulls)
            over earlier as begun_6
    from step_5
    window earlier as (partition by user_number order by happened_at asc, step desc)
    qualify
        step >= 6
        and begun_6 is not null
        and lag(step) over earlier is distinct from step
),

reached_steps as (
    select
        user_number,
        step,
        happened_at - begun_2 as needed
    from step_2
    where step = 2
    union all
    select
        user_number,
        step,
        happened_at - begun_3 as needed
    from step_3
    where step = 3
    union all
    select
        user_number,
        step,
        happened_at - begun_4 as needed
    from step_4
    where step = 4
    union all
    select
        user_number,
        step,
        happened_at - begun_5 as needed
    from step_5
    where step = 5
    union all
    select
        user_number,
        step,
        happened_at - begun_6 as needed
    from step_6
    where step = 6
),

orderly as (
    select
        beginners.part,
        reached_steps.step,
        count(distinct reached_steps.user_number) as users
    from reached_steps
    inner join beginners on reached_steps.user_number = beginners.user_number
    where reached_steps.needed <= cast(:within_days as bigint) * 86400000000
    group by beginners.part, reached_steps.step
),

parts as (
    select
        part,
        count(*) as part_users
    from users
    group by part
    union all
    select
        'all' as part,
        0 as part_users
    from steps
    where :by = '' and step = 1 and not exists (select 1 from users)
),

counts as (
    select
        parts.part,
        parts.part_users,
        steps.step,
        steps.event_type,
        count(*) filter (where (users.done_steps & (1 << steps.step)) <> 0) as users
    from parts
    cross join steps
    left join users on parts.part = users.part
    group by parts.part, parts.part_users, steps.step, steps.event_type
),

both_counts as (
    select
        counts.*,
        case
            when counts.step = 1 then counts.users else coalesce(orderly.users, 0)
        end as users_in_order
    from counts
    left join orderly on counts.part = orderly.part and counts.step = orderly.step
),

final as (
    select
        part,
        step,
        event_type,
        users,
        pct(users, first_value(users) over steps_of_part) as pct_of_first,
        pct(users, lag(users) over steps_of_part) as pct_of_previous,
        users_in_order,
        pct(users_in_order, first_value(users_in_order) over steps_of_part)
            as pct_in_order_of_first,
        pct(users_in_order, lag(users_in_order) over steps_of_part) as pct_in_order_of_previous,
        part_users
    from both_counts
    window steps_of_part as (partition by part order by step asc)
)

select * from final
order by part_users desc, part asc, step asc
