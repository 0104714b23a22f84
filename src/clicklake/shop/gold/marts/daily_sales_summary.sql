with

sales as (
    select * from gold.fact_sales
),

booked_lines as (
    select
        *,
        make_date(date_key // 10000, date_key // 100 % 100, date_key % 100)
            as ordered_on,
        make_date(
            refund_date_key // 10000, refund_date_key // 100 % 100, refund_date_key % 100
        ) as refunded_on
    from sales
    where is_booked
),

ordered as (
    select
        ordered_on as day,
        count(distinct order_id) as orders,
        sum(quantity) as units,
        count(distinct customer_id) as customers,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(net_amount) as net_amount
    from booked_lines
    group by ordered_on
),

-- A line that was refunded counts where it was ordered, its refund where it was refunded.
refunded as (
    select
        refunded_on as day,
        sum(net_amount) as refund_amount
    from booked_lines
    where refunded_on is not null
    group by refunded_on
),

days as (
    select day from ordered
    union
    select day from refunded
),

final as (
    select
        days.day as date,
        year(days.day) * 10000 + month(days.day) * 100 + day(days.day) as date_key,
        coalesce(ordered.orders, 0) as orders,
        coalesce(ordered.units, 0) as units,
        coalesce(ordered.customers, 0) as customers,
        coalesce(ordered.gross_amount, 0) as gross_amount,
        coalesce(ordered.discount_amount, 0) as discount_amount,
        coalesce(ordered.net_amount, 0) as net_amount,
        coalesce(refunded.refund_amount, 0) as refund_amount,
        per(ordered.net_amount, ordered.orders) as average_order_value
    from days
    left join ordered on days.day = ordered.day
    left join refunded on days.day = refunded.day
)

select * from final
