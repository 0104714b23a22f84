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

products as (
    select
        product_id,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type = 'add_to_cart') as add_to_carts
    from events
    where product_id is not null
    group by product_id
),

-- One purchase is one order: events with the same order_id count once, others one by one.
sales as (
    select
        product_id,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        sum(amount) as revenue
    from purchases
    where product_id is not null
    group by product_id
),

final as (
    select
        products.product_id,
        products.product_views,
        products.add_to_carts,
        coalesce(sales.purchases, 0) as purchases,
        coalesce(sales.revenue, 0) as revenue,
        pct(products.add_to_carts, products.product_views) as view_to_cart_pct,
        pct(coalesce(sales.purchases, 0), products.product_views) as view_to_purchase_pct
    from products
    left join sales on products.product_id = sales.product_id
)

select * from final
order by product_views desc, product_id asc
