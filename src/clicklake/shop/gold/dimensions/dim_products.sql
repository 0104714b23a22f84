with

catalogue as (
    select * from silver.products
),

latest_products as (
    select *
    from catalogue
    qualify row_number() over (
        partition by product_id
        order by
            updated_at desc nulls last, product_name asc, category asc, subcategory asc,
            brand asc, price asc, cost asc
    ) = 1
),

used_products as (
    select distinct product_id
    from silver.events
    where product_id is not null
    union
    select distinct product_id
    from silver.orders
),

-- What was clicked or ordered but is in no catalogue is known by its id alone, until one comes.
inferred as (
    select used_products.product_id
    from used_products
    left join latest_products on used_products.product_id = latest_products.product_id
    where latest_products.product_id is null
),

final as (
    select
        product_id,
        product_name,
        category,
        subcategory,
        brand,
        price,
        cost,
        true as is_in_catalogue
    from latest_products
    union all
    select
        product_id,
        cast(null as varchar) as product_name,
        cast(null as varchar) as category,
        cast(null as varchar) as subcategory,
        cast(null as varchar) as brand,
        cast(null as decimal(18, 2)) as price,
        cast(null as decimal(18, 2)) as cost,
        false as is_in_catalogue
    from inferred
)

select * from final
