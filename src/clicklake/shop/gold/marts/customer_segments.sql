with

chosen_source as (
    select
        case
            when :purchase_source <> 'auto' then :purchase_source
            when count(*) > 0 then 'orders'
            else 'clicks'
        end as name
    from gold.fact_sales
),

purchases as (
    select
        sales.customer_id,
        sales.order_id,
        sales.date_key,
        sales.net_amount as amount
    from gold.fact_sales as sales
    inner join chosen_source on chosen_source.name = 'orders'
    where sales.is_booked and sales.customer_id is not null
    union all
    select
        events.user_id as customer_id,
        events.order_id,
        events.date_key,
        events.amount
    from gold.fact_events as events
    inner join chosen_source on chosen_source.name = 'clicks'
    where events.event_type = 'purchase' and events.is_success
),

-- One purchase is one order: rows with the same order_id count once, others one by one.
customers as (
    select
        customer_id,
        min(date_key) as first_key,
        max(date_key) as last_key,
        count(distinct date_key) - 1 as gaps,
        count(distinct order_id) + count(*) - count(order_id) as frequency,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as monetary
    from purchases
    group by customer_id
),

dated_customers as (
    select
        *,
        make_date(first_key // 10000, first_key // 100 % 100, first_key % 100) as first_day,
        make_date(last_key // 10000, last_key // 100 % 100, last_key % 100) as last_day
    from customers
),

today as (
    select make_date(max(newest) // 10000, max(newest) // 100 % 100, max(newest) % 100) as date
    from (
        select max(date_key) as newest from gold.fact_sales
        union all
        select max(date_key) as newest from gold.fact_events
    ) as newest_days
),

usual_gap as (
    select per(sum(date_diff('day', first_day, last_day)), sum(gaps)) as days
    from dated_customers
),

-- Two purchases tell little of a customer's rhythm: all customers' usual gap is one gap more.
histories as (
    select
        customers.customer_id,
        customers.frequency,
        customers.monetary,
        customers.gaps,
        date_diff('day', customers.last_day, today.date) as recency_days,
        per(
            date_diff('day', customers.first_day, customers.last_day) + usual_gap.days,
            customers.gaps + 1
        ) as expected_gap_days
    from dated_customers as customers
    cross join usual_gap
    cross join today
),

-- The most recent, frequent and valuable fifth have 5; equal customers have equal scores.
scored_customers as (
    select
        *,
        least(1 + floor(5 * percent_rank() over (order by recency_days desc)), 5) as r_score,
        least(1 + floor(5 * percent_rank() over (order by frequency asc)), 5) as f_score,
        least(1 + floor(5 * percent_rank() over (order by monetary asc)), 5) as m_score
    from histories
),

final as (
    select
        customer_id,
        recency_days,
        frequency,
        monetary,
        r_score,
        f_score,
        m_score,
        case
            when r_score = 5 and f_score >= 4 then 'Champions'
            when r_score >= 3 and f_score >= 4 then 'Loyal Customers'
            when r_score >= 4 and f_score >= 2 then 'Potential Loyalists'
            when r_score = 5 then 'New Customers'
            when r_score = 4 then 'Promising'
            when r_score = 3 and f_score = 3 then 'Need Attention'
            when r_score = 3 then 'About To Sleep'
            when f_score = 5 then 'Cannot Lose Them'
            when f_score >= 3 then 'At Risk'
            else 'Hibernating'
        end as rfm_segment,
        gaps > 0 and recency_days > :at_risk_gaps * expected_gap_days as is_at_risk
    from scored_customers
)

select * from final
