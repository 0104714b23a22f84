with

events as (
    select
        min(date_key) as first_key,
        max(date_key) as last_key,
        count(*) as events
    from gold.fact_events
),

order_lines as (
    select
        min(date_key) as first_key,
        max(date_key) as last_key,
        count(*) as order_lines
    from gold.fact_sales
),

-- Where there is one of them alone, the other is null and left out.
days as (
    select
        least(events.first_key, order_lines.first_key) as first_key,
        greatest(events.last_key, order_lines.last_key) as last_key,
        events.events,
        order_lines.order_lines
    from events
    cross join order_lines
),

final as (
    select
        make_date(first_key // 10000, first_key // 100 % 100, first_key % 100) as first_day,
        make_date(last_key // 10000, last_key // 100 % 100, last_key % 100) as last_day,
        events,
        order_lines
    from days
)

select * from final
order by first_day asc
