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

-- 0001-01-01 was a Monday; counted from before every order, the remainder is never negative.
periods as (
    select
        *,
        ordered_on - cast(date_diff('day', date '0001-01-01', ordered_on) % 7 as int) as ordered_in,
        refunded_on - cast(date_diff('day', date '0001-01-01', refunded_on) % 7 as int)
            as refunded_in
    from booked_lines
),

ordered as (
    select
        ordered_in as week,
        count(distinct order_id) as orders,
        sum(quantity) as units,
        count(distinct customer_id) as customers,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(net_amount) as net_amount
    from periods
    group by ordered_in
),

-- A line that was refunded counts where it was ordered, its refund where it was refunded.
refunded as (
    select
        refunded_in as week,
        sum(net_amount) as refund_amount
    from periods
    where refunded_in is not null
    group by refunded_in
),

weeks as (
    select week from ordered
    union
    select week from refunded
),

final as (
    select
        weeks.week as week,
        coalesce(ordered.orders, 0) as orders,
        coalesce(ordered.units, 0) as units,
        coalesce(ordered.customers, 0) as customers,
        coalesce(ordered.gross_amount, 0) as gross_amount,
        coalesce(ordered.discount_amount, 0) as discount_amount,
        coalesce(ordered.net_amount, 0) as net_amount,
        coalesce(refunded.refund_amount, 0) as refund_amount,
        per(ordered.net_amount, ordered.orders) as average_order_value
    from weeks
    left join ordered on weeks.week = ordered.week
    left join refunded on weeks.week = refunded.week
)

select * from final
