with

reconciliation as (
    select * from gold.click_order_reconciliation
),

final as (
    select
        order_id,
        customer_id,
        date,
        tracked_amount,
        booked_amount,
        paid_amount,
        tracked_minus_booked,
        paid_minus_booked,
        tracking_status,
        payment_status,
        greatest(abs(tracked_minus_booked), abs(paid_minus_booked)) as gap,
        date_key
    from reconciliation
)

select * from final
order by
    gap desc, date_key asc, order_id asc nulls last, customer_id asc nulls last
