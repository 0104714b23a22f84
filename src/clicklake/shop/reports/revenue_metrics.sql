with

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

-- One purchase is one order: events with the same order_id count once, others one by one.
buyers as (
    select
        user_id,
        count(distinct order_id) + count(*) - count(order_id) as orders
    from purchases
    group by user_id
),

buyer_totals as (
    select
        count(*) as purchasers,
        count(*) filter (where orders >= 2) as repeat_purchasers
    from buyers
),

revenue_totals as (
    select
        count(distinct order_id) + count(*) - count(order_id) as orders,
        coalesce(sum(amount), 0) as revenue
    from purchases
),

final as (
    select
        buyer_totals.purchasers,
        buyer_totals.repeat_purchasers,
        pct(buyer_totals.repeat_purchasers, buyer_totals.purchasers) as repeat_purchaser_pct,
        revenue_totals.revenue as total_revenue,
        per(revenue_totals.revenue, buyer_totals.purchasers) as revenue_per_purchaser,
        per(revenue_totals.revenue, revenue_totals.orders) as average_order_value
    from buyer_totals
    cross join revenue_totals
)

select * from final
order by purchasers asc
