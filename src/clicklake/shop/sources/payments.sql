select
    payment_id,
    order_id,
    payment_method,
    amount,
    currency,
    payment_date,
    payment_date as payment_day,
    status,
    updated_at
from bronze.payments
