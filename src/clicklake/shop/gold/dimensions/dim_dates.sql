with

-- The least and the greatest days of the facts alone, which their files know.
days as (
    select
        min(date_key) as first_key,
        max(date_key) as last_key
    from gold.fact_events
    union all
    select
        least(min(date_key), min(refund_date_key)) as first_key,
        greatest(max(date_key), max(refund_date_key)) as last_key
    from gold.fact_sales
    union all
    select
        min(date_key) as first_key,
        max(date_key) as last_key
    from gold.fact_payments
),

bounds as (
    select
        min(first_key) as first_key,
        max(last_key) as last_key
    from days
),

first_and_last as (
    select
        make_date(first_key // 10000, first_key // 100 % 100, first_key % 100) as first_date,
        make_date(last_key // 10000, last_key // 100 % 100, last_key % 100) as last_date
    from bounds
),

offsets as (
    select
        first_date,
        unnest(range(date_diff('day', first_date, last_date) + 1)) as days_later
    from first_and_last
),

dates as (
    select first_date + cast(days_later as int) as date
    from offsets
),

-- 0001-01-01 was a Monday; counted from before every event, the remainder is never negative.
dates_and_weekdays as (
    select
        date,
        cast(date_diff('day', date '0001-01-01', date) % 7 as int) as days_since_monday
    from dates
),

final as (
    select
        year(date) * 10000 + month(date) * 100 + day(date) as date_key,
        date,
        year(date) as year,
        quarter(date) as quarter,
        month(date) as month,
        strftime(date, '%B') as month_name,
        date - days_since_monday as week_start,
        day(date) as day,
        days_since_monday + 1 as day_of_week,
        strftime(date, '%A') as day_name,
        days_since_monday >= 5 as is_weekend,
        date in (:holidays) as is_holiday
    from dates_and_weekdays
)

select * from final
