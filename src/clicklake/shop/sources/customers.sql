select
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    address,
    city,
    state,
    country,
    registration_date,
    segment,
    updated_at
from bronze.customers
