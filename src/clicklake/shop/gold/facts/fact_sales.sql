with

orders as (
    select * from silver.orders
),

customers as (
    select * from gold.dim_customers
),

products as (
    select * from gold.dim_products
),

latest_lines as (
    select *
    from orders
    qualify row_number() over (
        partition by order_id, line_id
        order by
            updated_at desc nulls last, customer_id asc, product_id asc, order_date asc,
            order_day asc, quantity asc, unit_price asc, discount asc, net_amount asc,
            currency asc, status asc, source asc
    ) = 1
),

refunds as (
    select
        order_id,
        line_id,
        min(updated_at) as refunded_at
    from orders
    where status_class = 'refunded'
    group by order_id, line_id
),

-- A day without a time of day is the day as written, in whatever zone it is reported.
dated_lines as (
    select
        latest_lines.*,
        coalesce(
            latest_lines.order_day, cast(reporting_time(latest_lines.order_date) as date)
        ) as ordered_on,
        cast(reporting_time(refunds.refunded_at) as date) as refunded_on,
        latest_lines.quantity * latest_lines.unit_price as gross_amount,
        coalesce(latest_lines.discount, 0) as discount_amount
    from latest_lines
    left join refunds
        on
            latest_lines.order_id = refunds.order_id
            and latest_lines.line_id = refunds.line_id
),

-- A refund whose time nobody tells is one of the day of the order.
priced_lines as (
    select
        *,
        case
            when status_class = 'refunded' then coalesce(refunded_on, ordered_on)
        end as refund_date,
        coalesce(net_amount, gross_amount - discount_amount) as net_of_line
    from dated_lines
),

final as (
    select
        priced_lines.order_id,
        priced_lines.line_id,
        priced_lines.product_id,
        priced_lines.customer_id,
        customers.customer_key,
        year(priced_lines.ordered_on) * 10000
        + month(priced_lines.ordered_on) * 100
        + day(priced_lines.ordered_on) as date_key,
        priced_lines.quantity,
        priced_lines.unit_price,
        priced_lines.gross_amount,
        priced_lines.discount_amount,
        priced_lines.net_of_line as net_amount,
        priced_lines.quantity * products.cost as cost_amount,
        priced_lines.net_of_line - priced_lines.quantity * products.cost as margin_amount,
        priced_lines.status,
        coalesce(priced_lines.status_class in ('booked', 'refunded'), false) as is_booked,
        year(priced_lines.refund_date) * 10000
        + month(priced_lines.refund_date) * 100
        + day(priced_lines.refund_date) as refund_date_key,
        priced_lines.source,
        year(priced_lines.ordered_on) as order_year,
        month(priced_lines.ordered_on) as order_month
    from priced_lines
    left join customers
        on
            priced_lines.customer_id = customers.customer_id
            and priced_lines.order_date >= customers.valid_from
            and priced_lines.order_date
            < coalesce(customers.valid_to, timestamp '9999-12-31 23:59:59.999999')
    left join products on priced_lines.product_id = products.product_id
)

select * from final
