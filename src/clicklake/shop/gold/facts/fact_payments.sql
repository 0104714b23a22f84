with

payments as (
    select * from silver.payments
),

latest_payments as (
    select *
    from payments
    qualify row_number() over (
        partition by payment_id
        order by
            updated_at desc nulls last, order_id asc, payment_method asc, amount asc,
            currency asc, payment_date asc, payment_day asc, status asc, source asc
    ) = 1
),

dated_payments as (
    select
        *,
        coalesce(payment_day, cast(reporting_time(payment_date) as date)) as paid_on
    from latest_payments
),

final as (
    select
        payment_id,
        order_id,
        year(paid_on) * 10000 + month(paid_on) * 100 + day(paid_on) as date_key,
        payment_method,
        amount,
        status,
        coalesce(status_class = 'settled', false) as is_settled,
        source,
        year(paid_on) as payment_year,
        month(paid_on) as payment_month
    from dated_payments
)

select * from final
