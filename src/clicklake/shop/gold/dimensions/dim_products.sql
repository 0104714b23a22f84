with

events as (
    select * from silver.events
),

clicked_products as (
    select distinct product_id
    from events
    where product_id is not null
),

-- Without a catalogue every product is an inferred member: known by its id alone.
final as (
    select
        product_id,
        cast(null as varchar) as product_name,
        cast(null as varchar) as category,
        cast(null as varchar) as subcategory,
        cast(null as varchar) as brand,
        cast(null as decimal(18, 2)) as price,
        cast(null as decimal(18, 2)) as cost,
        false as is_in_catalogue
    from clicked_products
)

select * from final
