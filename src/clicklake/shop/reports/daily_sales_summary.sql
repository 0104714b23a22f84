with

days as (
    select * from gold.daily_sales_summary
),

final as (
    select
        date,
        orders,
        units,
        customers,
        gross_amount,
        discount_amount,
        net_amount,
        refund_amount,
        average_order_value
    from days
)

select * from final
order by date asc
