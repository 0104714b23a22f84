with

-- One source of purchases counts: a customer who ordered has most often clicked too.
purchases as (
    select
        order_id,
        date_key,
        net_amount as amount
    from gold.fact_sales
    where :purchase_source = 'orders' and is_booked
    union all
    select
        order_id,
        date_key,
        amount
    from gold.fact_events
    where :purchase_source = 'clicks' and event_type = 'purchase' and is_success
),

purchase_days as (
    select
        date_key,
        count(distinct order_id) + count(*) - count(order_id) as orders,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as revenue
    from purchases
    group by date_key
),

users_of_days as (
    select
        date_key,
        user_id,
        bool_or(event_type = 'purchase' and is_success) as is_buyer
    from gold.fact_events
    group by date_key, user_id
),

event_days as (
    select
        date_key,
        count(*) as active_users,
        count(*) filter (where is_buyer) as buyers
    from users_of_days
    group by date_key
),

dates as (
    select * from gold.dim_dates
),

final as (
    select
        dates.date,
        case when dates.is_weekend then 'Weekend' else 'Weekday' end as day_type,
        coalesce(purchase_days.revenue, 0) as revenue,
        coalesce(purchase_days.orders, 0) as orders,
        coalesce(event_days.active_users, 0) as active_users,
        coalesce(event_days.buyers, 0) as buyers,
        pct(event_days.buyers, event_days.active_users) as conversion_pct
    from dates
    left join purchase_days on dates.date_key = purchase_days.date_key
    left join event_days on dates.date_key = event_days.date_key
    where purchase_days.date_key is not null or event_days.date_key is not null
)

select * from final
order by date desc
