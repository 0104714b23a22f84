with

events as (
    select *
    from gold.fact_events
    where product_id is not null
),

clicks as (
    select
        product_id,
        event_year,
        event_month,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type = 'add_to_cart') as add_to_carts
    from events
    group by product_id, event_year, event_month
),

-- One purchase is one order: events with the same order_id count once, others one by one.
purchases as (
    select
        product_id,
        event_year,
        event_month,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        sum(amount) as amount
    from events
    where event_type = 'purchase' and is_success
    group by product_id, event_year, event_month
),

final as (
    select
        clicks.product_id,
        clicks.event_year,
        clicks.event_month,
        clicks.product_views,
        clicks.add_to_carts,
        coalesce(purchases.purchases, 0) as purchases,
        coalesce(purchases.amount, 0) as amount
    from clicks
    left join purchases
        on
            clicks.product_id = purchases.product_id
            and clicks.event_year = purchases.event_year
            and clicks.event_month = purchases.event_month
)

select * from final
