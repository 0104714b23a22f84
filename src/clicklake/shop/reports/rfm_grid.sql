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

-- The most recent and frequent fifth have 5; equal customers have equal scores.
ranked_customers as (
    select
        customer_id,
        monetary,
        percent_rank() over (order by last_key asc) as r_rank,
        percent_rank() over (order by frequency asc) as f_rank
    from totals
),

scored_customers as (
    select
        customer_id,
        monetary,
        cast(least(1 + floor(5 * r_rank), 5) as int) as r_score,
        cast(least(1 + floor(5 * f_rank), 5) as int) as f_score
    from ranked_customers
),

cells as (
    select
        r_score,
        f_score,
        count(*) as customers,
        cast(sum(monetary) as decimal(18, 2)) as monetary
    from scored_customers
    group by r_score, f_score
),

everything as (
    select
        sum(customers) as customers,
        cast(sum(monetary) as decimal(18, 2)) as monetary
    from cells
),

scores as (
    select unnest(range(1, 6)) as score
),

-- Every pair of scores, so that the grid has no holes.
pairs as (
    select
        cast(recency.score as int) as r_score,
        cast(frequency.score as int) as f_score
    from scores as recency
    cross join scores as frequency
),

final as (
    select
        pairs.r_score,
        pairs.f_score,
        case
            when pairs.r_score = 5 and pairs.f_score >= 4 then 'Champions'
            when pairs.r_score >= 3 and pairs.f_score >= 4 then 'Loyal Customers'
            when pairs.r_score >= 4 and pairs.f_score >= 2 then 'Potential Loyalists'
            when pairs.r_score = 5 then 'New Customers'
            when pairs.r_score = 4 then 'Promising'
            when pairs.r_score = 3 and pairs.f_score = 3 then 'Need Attention'
            when pairs.r_score = 3 then 'About To Sleep'
            when pairs.f_score = 5 then 'Cannot Lose Them'
            when pairs.f_score >= 3 then 'At Risk'
            else 'Hibernating'
        end as segment,
        coalesce(cells.customers, 0) as customers,
        pct(coalesce(cells.customers, 0), everything.customers) as customers_share_pct,
        per(cells.monetary, cells.customers) as avg_monetary,
        cast(
            per(10000 * coalesce(cells.monetary, 0), 100 * everything.monetary) as double
        ) as revenue_share_pct
    from pairs
    cross join everything
    left join cells on pairs.r_score = cells.r_score and pairs.f_score = cells.f_score
    where everything.customers > 0
)

select * from final
order by r_score desc, f_score asc
