with

-- One source of purchases counts: a customer who ordered has most often clicked too.
purchases as (
    select
        order_id,
        net_amount as amount
    from gold.fact_sales
    where :purchase_source = 'orders' and is_booked
    union all
    select
        order_id,
        amount
    from gold.fact_events
    where :purchase_source = 'clicks' and event_type = 'purchase' and is_success
),

-- One purchase is one order: rows with the same order_id count once, others one by one.
purchase_totals as (
    select
        count(distinct order_id) + count(*) - count(order_id) as orders,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as revenue
    from purchases
),

users as (
    select
        user_id,
        count(*) as events,
        bool_or(event_type = 'purchase' and is_success) as is_buyer
    from gold.fact_events
    group by user_id
),

user_totals as (
    select
        count(*) as active_users,
        count(*) filter (where is_buyer) as buyers,
        cast(coalesce(sum(events), 0) as bigint) as events
    from users
),

final as (
    select
        purchase_totals.revenue,
        purchase_totals.orders,
        per(purchase_totals.revenue, purchase_totals.orders) as average_order_value,
        user_totals.active_users,
        user_totals.buyers,
        pct(user_totals.buyers, user_totals.active_users) as conversion_pct,
        user_totals.events
    from purchase_totals
    cross join user_totals
)

select * from final
order by revenue asc
