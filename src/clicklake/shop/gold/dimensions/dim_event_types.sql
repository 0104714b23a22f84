with

events as (
    select * from silver.events
),

known_types (event_type, event_category, is_product_event, is_conversion) as (
    values
    ('page_view', 'browsing', false, false),
    ('click', 'browsing', false, false),
    ('search', 'browsing', false, false),
    ('product_view', 'product', true, false),
    ('add_to_cart', 'cart', true, false),
    ('remove_from_cart', 'cart', true, false),
    ('purchase', 'purchase', true, true),
    ('login', 'account', false, false),
    ('logout', 'account', false, false)
),

seen_types as (
    select distinct event_type
    from events
),

-- A type that nobody announced is kept, so that no event is without its type.
unknown_types as (
    select
        seen_types.event_type,
        'other' as event_category,
        false as is_product_event,
        false as is_conversion
    from seen_types
    left join known_types on seen_types.event_type = known_types.event_type
    where known_types.event_type is null
),

final as (
    select
        event_type,
        event_category,
        is_product_event,
        is_conversion
    from known_types
    union all
    select
        event_type,
        event_category,
        is_product_event,
        is_conversion
    from unknown_types
)

select * from final
