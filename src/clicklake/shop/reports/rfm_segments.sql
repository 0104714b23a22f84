with

-- One source of purchases counts: a customer who ordered has most often clicked too.
purchases as (
    select
        customer_id,
        order_id,
        date_key,
        net_amount as amount
    from gold.fact_sales
    where :purchase_source = 'orders' and is_booked and customer_id is not null
    union all
    select
        user_id as customer_id,
        order_id,
        date_key,
        amount
    from gold.fact_events
    where :purchase_source = 'clicks' and event_type = 'purchase' and is_success
),

-- One purchase is one order: rows with the same order_id count once, others one by one.
totals as (
    select
        customer_id,
        max(date_key) as last_key,
        count(distinct order_id) + count(*) - count(order_id) as frequency,
        coalesce(sum(amount), 0) as monetary
    from purchases
    group by customer_id
),

customers as (
    select
        customer_id,
        frequency,
        cast(monetary as decimal(18, 2)) as monetary,
        date_diff(
            'day',
            make_date(last_key // 10000, last_key // 100 % 100, last_key % 100),
            cast(:today as date)
        ) as recency_days
    from totals
),

-- The most recent and frequent fifth have 5; equal customers have equal scores.
scored_customers as (
    select
        *,
        least(1 + floor(5 * percent_rank() over (order by recency_days desc)), 5) as r_score,
        least(1 + floor(5 * percent_rank() over (order by frequency asc)), 5) as f_score
    from customers
),

segmented_customers as (
    select
        *,
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
        end as segment
    from scored_customers
),

segments as (
    select
        segment,
        count(*) as customers,
        sum(recency_days) as recency_days,
        sum(frequency) as frequency,
        cast(sum(monetary) as decimal(18, 2)) as monetary
    from segmented_customers
    group by segment
),

everything as (
    select cast(sum(monetary) as decimal(18, 2)) as monetary
    from segments
),

final as (
    select
        segments.segment,
        segments.customers,
        per(segments.recency_days, segments.customers) as avg_recency_days,
        per(segments.frequency, segments.customers) as avg_frequency,
        per(segments.monetary, segments.customers) as avg_monetary,
        cast(
            per(10000 * segments.monetary, 100 * everything.monetary) as double
        ) as revenue_share_pct
    from segments
    cross join everything
)

select * from final
order by avg_monetary desc, segment asc
