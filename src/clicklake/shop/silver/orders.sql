select
    order_id,
    coalesce(line_id, product_id) as line_id,
    customer_id,
    product_id,
    order_date,
    case when order_day_text not like '%:%' then order_day end as order_day,
    quantity,
    in_lake_currency(unit_price, upper(currency), order_date) as unit_price,
    in_lake_currency(discount, upper(currency), order_date) as discount,
    in_lake_currency(net_amount, upper(currency), order_date) as net_amount,
    upper(currency) as currency,
    lower_snake(status) as status,
    case
        when lower_snake(status) in (:booked_statuses) then 'booked'
        when lower_snake(status) in (:cancelled_statuses) then 'cancelled'
        when lower_snake(status) in (:refunded_statuses) then 'refunded'
    end as status_class,
    updated_at,
    row_id,
    source,
    ingestion_timestamp,
    ingestion_date,
    source_file
from candidates
