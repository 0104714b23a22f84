select
    payment_id,
    order_id,
    lower_snake(payment_method) as payment_method,
    in_lake_currency(amount, upper(currency), payment_date) as amount,
    upper(currency) as currency,
    payment_date,
    case when payment_day_text not like '%:%' then payment_day end as payment_day,
    lower_snake(status) as status,
    case
        when lower_snake(status) in (:settled_statuses) then 'settled'
        when lower_snake(status) in (:refunded_statuses) then 'refunded'
        when lower_snake(status) in (:failed_statuses) then 'failed'
    end as status_class,
    updated_at,
    row_id,
    source,
    ingestion_timestamp,
    ingestion_date,
    source_file
from candidates
