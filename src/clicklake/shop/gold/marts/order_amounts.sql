with

sales as (
    select
        order_id,
        min(customer_id) as customer_id,
        min(date_key) as date_key,
        count(*) filter (where is_booked) as booked_lines,
        sum(case when is_booked then net_amount else 0 end) as booked_amount,
        sum(case when refund_date_key is not null then net_amount else 0 end) as refund_amount
    from gold.fact_sales
    group by order_id
),

payments as (
    select
        order_id,
        min(date_key) as date_key,
        count(*) as payments,
        sum(amount) as paid_amount
    from gold.fact_payments
    where is_settled and order_id is not null
    group by order_id
),

purchases as (
    select
        order_id,
        min(user_id) as user_id,
        min(date_key) as date_key,
        count(*) as purchases,
        sum(amount) as tracked_amount
    from gold.fact_events
    where event_type = 'purchase' and is_success and order_id is not null
    group by order_id
),

-- A cancelled order that nobody paid and no click tells of is none.
orders as (
    select order_id
    from sales
    where booked_lines > 0
    union
    select order_id from payments
    union
    select order_id from purchases
),

final as (
    select
        orders.order_id,
        coalesce(sales.customer_id, purchases.user_id) as customer_id,
        coalesce(sales.date_key, purchases.date_key, payments.date_key) as date_key,
        coalesce(sales.booked_lines, 0) as booked_lines,
        coalesce(purchases.purchases, 0) as purchases,
        coalesce(payments.payments, 0) as payments,
        coalesce(purchases.tracked_amount, 0) as tracked_amount,
        coalesce(sales.booked_amount, 0) as booked_amount,
        coalesce(sales.refund_amount, 0) as refund_amount,
        coalesce(payments.paid_amount, 0) as paid_amount
    from orders
    left join sales on orders.order_id = sales.order_id
    left join purchases on orders.order_id = purchases.order_id
    left join payments on orders.order_id = payments.order_id
)

select * from final
