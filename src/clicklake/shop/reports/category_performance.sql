with

events as (
    select * from gold.fact_events
),

order_lines as (
    select * from gold.fact_sales
),

clicks as (
    select
        product_id,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type = 'add_to_cart') as add_to_carts,
        sum(amount) filter (where event_type = 'purchase' and is_success) as revenue
    from events
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
categories as (
    select
        coalesce(dim.category, 'unknown') as category,
        count(*) as products,
        cast(coalesce(sum(clicks.product_views), 0) as bigint) as product_views,
        cast(coalesce(sum(clicks.add_to_carts), 0) as bigint) as add_to_carts,
        case when sources.has_orders then coalesce(sum(booked.units), 0) end as units,
        sum(booked.returned_units) as returned_units,
        cast(
            case
                when sources.has_orders then coalesce(sum(booked.revenue), 0)
                else coalesce(sum(clicks.revenue), 0)
            end as decimal(18, 2)
        ) as revenue,
        sum(booked.margin) as margin
    from gold.dim_products as dim
    cross join sources
    left join clicks on dim.product_id = clicks.product_id
    left join booked on dim.product_id = booked.product_id
    where clicks.product_id is not null or booked.product_id is not null
    group by coalesce(dim.category, 'unknown'), sources.has_orders
),

everything as (
    select cast(sum(revenue) as decimal(18, 2)) as revenue
    from categories
),

final as (
    select
        categories.category,
        categories.products,
        categories.product_views,
        categories.add_to_carts,
        categories.units,
        categories.revenue,
        cast(
            per(10000 * categories.revenue, 100 * everything.revenue) as double
        ) as revenue_share_pct,
        categories.margin,
        pct(categories.add_to_carts, categories.product_views) as view_to_cart_pct,
        pct(categories.returned_units, categories.units) as return_pct
    from categories
    cross join everything
)

select * from final
order by revenue desc, category asc
