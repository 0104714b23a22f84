with

orders as (
    select * from gold.order_amounts
),

days as (
    select * from gold.purchase_days
),

-- An order that no click names is one of those that its customer made that day, where clicks of
-- this customer and day say that there was one, but not which.
placed_orders as (
    select
        orders.*,
        coalesce(orders.purchases = 0 and orders.booked_lines > 0 and days.purchases > 0, false)
            as is_in_day
    from orders
    left join days
        on orders.customer_id = days.customer_id and orders.date_key = days.date_key
),

orders_of_days as (
    select
        customer_id,
        date_key,
        count(*) as orders,
        sum(payments) as payments,
        sum(booked_amount) as booked_amount,
        sum(refund_amount) as refund_amount,
        sum(paid_amount) as paid_amount
    from placed_orders
    where is_in_day
    group by customer_id, date_key
),

all_rows as (
    select
        order_id,
        customer_id,
        date_key,
        case when booked_lines > 0 then 1 else 0 end as orders,
        purchases,
        payments,
        tracked_amount,
        booked_amount,
        refund_amount,
        paid_amount
    from placed_orders
    where not is_in_day
    union all
    select
        cast(null as varchar) as order_id,
        days.customer_id,
        days.date_key,
        coalesce(orders_of_days.orders, 0) as orders,
        days.purchases,
        coalesce(orders_of_days.payments, 0) as payments,
        days.tracked_amount,
        coalesce(orders_of_days.booked_amount, 0) as booked_amount,
        coalesce(orders_of_days.refund_amount, 0) as refund_amount,
        coalesce(orders_of_days.paid_amount, 0) as paid_amount
    from days
    left join orders_of_days
        on
            days.customer_id = orders_of_days.customer_id
            and days.date_key = orders_of_days.date_key
),

final as (
    select
        order_id,
        customer_id,
        make_date(date_key // 10000, date_key // 100 % 100, date_key % 100) as date,
        date_key,
        orders,
        purchases,
        tracked_amount,
        booked_amount,
        refund_amount,
        paid_amount,
        tracked_amount - booked_amount as tracked_minus_booked,
        paid_amount - booked_amount as paid_minus_booked,
        case
            when orders = 0 then 'unbooked'
            when purchases = 0 then 'untracked'
            when tracked_amount = booked_amount then 'matched'
            else 'differs'
        end as tracking_status,
        case
            when orders = 0 then 'unbooked'
            when refund_amount > 0 and refund_amount = booked_amount then 'refunded'
            when paid_amount in (booked_amount, booked_amount - refund_amount) then 'paid'
            when payments = 0 then 'unpaid'
            when paid_amount < booked_amount - refund_amount then 'underpaid'
            else 'overpaid'
        end as payment_status
    from all_rows
)

select * from final
