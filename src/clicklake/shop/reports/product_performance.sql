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

order_lines as (
    select * from gold.fact_sales
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

booked as (
    select
        product_id,
        sum(quantity) as units,
        sum(case when refund_date_key is not null then quantity else 0 end) as returned_units,
        sum(net_amount) as revenue,
        sum(margin_amount) as margin
    from order_lines
    where is_booked
    group by product_id
),

sources as (
    select count(*) > 0 as has_orders
    from booked
),

-- Where there are no orders at all, revenue is what the purchases among the clicks brought.
performance as (
    select
        dim.product_id,
        dim.category,
        coalesce(products.product_views, 0) as product_views,
        coalesce(products.add_to_carts, 0) as add_to_carts,
        coalesce(sales.purchases, 0) as purchases,
        case when sources.has_orders then coalesce(booked.units, 0) end as units,
        booked.returned_units,
        case
            when sources.has_orders then coalesce(booked.revenue, 0) else coalesce(sales.revenue, 0)
        end as revenue,
        booked.margin
    from gold.dim_products as dim
    cross join sources
    left join products on dim.product_id = products.product_id
    left join sales on dim.product_id = sales.product_id
    left join booked on dim.product_id = booked.product_id
    where products.product_id is not null or booked.product_id is not null
),

final as (
    select
        product_id,
        category,
        product_views,
        add_to_carts,
        purchases,
        units,
        revenue,
        margin,
        pct(add_to_carts, product_views) as view_to_cart_pct,
        pct(purchases, add_to_carts) as cart_to_purchase_pct,
        pct(returned_units, units) as return_pct,
        row_number() over (partition by category order by revenue desc, product_id asc)
            as category_rank
    from performance
)

select * from final
order by revenue desc, product_id asc
