with

products as (
    select * from gold.dim_products
),

clicks as (
    select
        product_id,
        sum(product_views) as product_views,
        sum(add_to_carts) as add_to_carts,
        sum(purchases) as purchases,
        sum(amount) as amount
    from gold.product_clicks
    group by product_id
),

sales as (
    select
        product_id,
        sum(units) as units,
        sum(returned_units) as returned_units,
        sum(revenue) as revenue,
        sum(margin) as margin
    from gold.product_sales
    group by product_id
),

sources as (
    select count(*) > 0 as has_orders
    from sales
),

-- Where the lake has no orders at all, revenue is what the purchases among the clicks brought.
performance as (
    select
        products.product_id,
        products.category,
        coalesce(clicks.product_views, 0) as product_views,
        coalesce(clicks.add_to_carts, 0) as add_to_carts,
        coalesce(clicks.purchases, 0) as purchases,
        case when sources.has_orders then coalesce(sales.units, 0) end as units,
        sales.returned_units,
        case
            when sources.has_orders then coalesce(sales.revenue, 0) else coalesce(clicks.amount, 0)
        end as revenue,
        sales.margin
    from products
    cross join sources
    left join clicks on products.product_id = clicks.product_id
    left join sales on products.product_id = sales.product_id
),

final as (
    select
        product_id,
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
