with

events as (
    select * from gold.fact_events
),

purchases as (
    select
        user_id,
        product_id,
        order_id,
        date_key,
        event_hour,
        amount
    from gold.fact_events
    where event_type = 'purchase' and is_success
),

users as (
    select
        user_id,
        count(*) as events
    from events
    group by user_id
),

-- The host of a URL, without its scheme, user, port and www.
referred_events as (
    select
        user_id,
        event_timestamp,
        regexp_extract(
            lower(referrer_url), '^([a-z][a-z0-9+.-]*:)?(//)?([^/?#@]*@)?(www[.])?([^/:?#]*)', 5
        ) as referrer,
        regexp_extract(
            lower(page_url), '^([a-z][a-z0-9+.-]*:)?(//)?([^/?#@]*@)?(www[.])?([^/:?#]*)', 5
        ) as site
    from gold.fact_events
    where referrer_url is not null
),

-- Pages of the site itself refer to each other; nobody comes from there.
referred_users as (
    select
        user_id,
        arg_min(
            referrer, struct_pack(event_timestamp := event_timestamp, referrer := referrer)
        ) as referrer
    from referred_events
    where referrer <> '' and referrer <> coalesce(site, '')
    group by user_id
),

-- One purchase is one order: events with the same order_id count once, others one by one.
buyers as (
    select
        user_id,
        count(distinct order_id) + count(*) - count(order_id) as purchases,
        sum(amount) as spent
    from purchases
    group by user_id
),

final as (
    select
        coalesce(referred_users.referrer, 'direct') as referrer,
        count(*) as users,
        count(buyers.user_id) as purchasers,
        coalesce(sum(buyers.purchases), 0) as purchases,
        coalesce(sum(buyers.spent), 0) as revenue,
        pct(count(buyers.user_id), count(*)) as conversion_pct,
        per(coalesce(sum(buyers.spent), 0), count(*)) as revenue_per_user
    from users
    left join referred_users on users.user_id = referred_users.user_id
    left join buyers on users.user_id = buyers.user_id
    group by coalesce(referred_users.referrer, 'direct')
)

select * from final
order by users desc, referrer asc
