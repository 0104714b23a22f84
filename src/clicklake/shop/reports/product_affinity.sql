with

order_lines as (
    select * from gold.fact_sales
),

order_products as (
    select distinct
        order_id,
        product_id
    from order_lines
    where is_booked
),

-- An order of thousands of products says little of any two of them, and has millions of pairs.
orders as (
    select order_id
    from order_products
    group by order_id
    having count(*) <= :affinity_max_products
),

order_totals as (
    select count(*) as all_orders
    from orders
),

products as (
    select
        order_products.product_id,
        count(*) as orders
    from order_products
    inner join orders on order_products.order_id = orders.order_id
    group by order_products.product_id
    having count(*) >= :affinity_min_orders
),

-- A product in fewer orders is in no pair that counts.
bought as (
    select
        order_products.order_id,
        order_products.product_id
    from order_products
    inner join orders on order_products.order_id = orders.order_id
    inner join products on order_products.product_id = products.product_id
),

pairs as (
    select
        one.product_id as product_a,
        other.product_id as product_b,
        count(*) as orders
    from bought as one
    inner join bought as other
        on one.order_id = other.order_id and one.product_id < other.product_id
    group by one.product_id, other.product_id
    having count(*) >= :affinity_min_orders
),

final as (
    select
        pairs.product_a,
        pairs.product_b,
        pairs.orders,
        a.orders as orders_a,
        b.orders as orders_b,
        pct(pairs.orders, order_totals.all_orders) as support_pct,
        pct(pairs.orders, a.orders) as confidence_a_to_b_pct,
        pct(pairs.orders, b.orders) as confidence_b_to_a_pct,
        per(pairs.orders * order_totals.all_orders, a.orders * b.orders) as lift
    from pairs
    inner join products as a on pairs.product_a = a.product_id
    inner join products as b on pairs.product_b = b.product_id
    cross join order_totals
)

select * from final
order by orders desc, lift desc, product_a asc, product_b asc
