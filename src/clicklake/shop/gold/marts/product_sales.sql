with

sales as (
    select *
    from gold.fact_sales
    where is_booked
),

final as (
    select
        product_id,
        order_year,
        order_month,
        sum(quantity) as units,
        sum(case when refund_date_key is not null then quantity else 0 end) as returned_units,
        sum(net_amount) as revenue,
        sum(margin_amount) as margin
    from sales
    group by product_id, order_year, order_month
)

select * from final
