with

purchases as (
    select *
    from gold.fact_events
    where event_type = 'purchase' and is_success and order_id is null
),

final as (
    select
        user_id,
        date_key,
        user_id as customer_id,
        count(*) as purchases,
        coalesce(sum(amount), 0) as tracked_amount
    from purchases
    group by user_id, date_key
)

select * from final
