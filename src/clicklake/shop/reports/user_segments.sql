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

users as (
    select
        user_id,
        count(*) as events
    from events
    group by user_id
),

-- One purchase is one order: events with the same order_id count once, others one by one.
buyers as (
    select
        user_id,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        sum(amount) as spent
    from purchases
    group by user_id
),

segmented_users as (
    select
        case
            when users.events >= :segment_high then 'High Activity'
            when users.events >= :segment_medium then 'Medium Activity'
            when users.events >= :segment_low then 'Low Activity'
            else 'One-time Visitors'
        end as segment,
        users.events,
        coalesce(buyers.purchases, 0) as purchases,
        coalesce(buyers.spent, 0) as spent
    from users
    left join buyers on users.user_id = buyers.user_id
),

final as (
    select
        segment,
        count(*) as user_count,
        per(sum(events), count(*)) as avg_events,
        per(sum(purchases), count(*)) as avg_purchases,
        per(sum(spent), count(*)) as avg_spent
    from segmented_users
    group by segment
)

-- Segments are ranges of events, so that this is from the most to the least active.
select * from final
order by avg_events desc
