with

step_events as (
    select
        user_id,
        product_id,
        event_type
    from gold.fact_events
    where
        product_id is not null
        and (
            event_type in ('product_view', 'add_to_cart')
            or (event_type = 'purchase' and is_success)
        )
),

categories as (
    select
        product_id,
        coalesce(category, 'unknown') as category
    from gold.dim_products
),

users as (
    select
        categories.category,
        step_events.user_id,
        bool_or(step_events.event_type = 'product_view') as has_viewed,
        bool_or(step_events.event_type = 'add_to_cart') as has_carted,
        bool_or(step_events.event_type = 'purchase') as has_bought
    from step_events
    inner join categories on step_events.product_id = categories.product_id
    group by categories.category, step_events.user_id
),

totals as (
    select
        category,
        count(*) filter (where has_viewed) as viewers,
        count(*) filter (where has_carted) as carters,
        count(*) filter (where has_bought) as buyers
    from users
    group by category
),

final as (
    select
        category,
        viewers,
        carters,
        buyers,
        pct(carters, viewers) as view_to_cart_pct,
        pct(buyers, carters) as cart_to_purchase_pct,
        pct(buyers, viewers) as view_to_purchase_pct
    from totals
)

select * from final
order by viewers desc, category asc
