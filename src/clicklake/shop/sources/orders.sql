select
    order_id,
    line_id,
    customer_id,
    product_id,
    order_date,
    order_date as order_day,
    quantity,
    unit_price,
    discount,
    net_amount,
    currency,
    status,
    updated_at
from bronze.orders
