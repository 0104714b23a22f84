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

-- Purchases of one day are one.
purchase_days as (
    select
        customer_id,
        make_date(date_key // 10000, date_key // 100 % 100, date_key % 100) as purchase_date,
        coalesce(sum(amount), 0) as spent
    from purchases
    group by customer_id, date_key
),

customers as (
    select
        customer_id,
        min(purchase_date) as first_purchase,
        max(purchase_date) as last_purchase,
        arg_min(spent, purchase_date) as first_spent,
        count(*) as purchase_days,
        sum(spent) as monetary
    from purchase_days
    group by customer_id
),

histories as (  -- noqa: ST03
    select
        customer_id,
        last_purchase,
        monetary,
        purchase_days - 1 as frequency,
        date_diff('day', first_purchase, last_purchase) as recency,
        date_diff('day', first_purchase, cast(:today as date)) as age,
        per(monetary - first_spent, purchase_days - 1) as monetary_value
    from customers
),

predictions as (
    select * from fitted
),

usual_gap as (
    select per(sum(recency), sum(frequency)) as days
    from histories
    where frequency > 0
),

-- Two purchases tell little of a customer's rhythm: all customers' usual gap is one gap more.
expectations as (
    select
        predictions.customer_id,
        predictions.last_purchase,
        predictions.age - predictions.recency as days_since,
        per(
            predictions.recency + usual_gap.days, predictions.frequency + 1
        ) as expected_gap_days,
        predictions.probability_alive,
        predictions.monetary
    from predictions
    cross join usual_gap
    where predictions.frequency > 0
),

final as (
    select
        customer_id,
        last_purchase,
        days_since,
        expected_gap_days,
        cast(cast(probability_alive as decimal(5, 4)) as double) as probability_alive,
        monetary
    from expectations
    where days_since > :at_risk_gaps * expected_gap_days
)

select * from final
order by monetary desc, customer_id asc
