with

customers as (
    select * from silver.customers
),

ordering_customers as (
    select distinct customer_id
    from silver.orders
    where customer_id is not null
),

-- Of several contents with one time the first by content holds, as with all latest versions.
contents as (
    select
        *,
        struct_pack(
            first_name := first_name,
            last_name := last_name,
            email := email,
            phone := phone,
            address := address,
            city := city,
            state := state,
            country := country,
            registration_date := registration_date,
            segment := segment
        ) as attributes
    from customers
    qualify row_number() over (
        partition by customer_id, updated_at
        order by
            first_name, last_name, email, phone, address, city, state, country,
            registration_date, segment
    ) = 1
),

compared as (
    select
        *,
        row_number() over (partition by customer_id order by updated_at nulls first) as place,
        lag(attributes) over (
            partition by customer_id order by updated_at nulls first
        ) as attributes_before
    from contents
),

-- A delivery that says nothing new makes no version; the first one holds for all time before.
versions as (
    select
        *,
        case
            when place = 1 then timestamp '0001-01-01 00:00:00'
            else updated_at
        end as valid_from,
        lead(updated_at) over (
            partition by customer_id order by updated_at nulls first
        ) as valid_to
    from compared
    where place = 1 or attributes is distinct from attributes_before
),

-- Who ordered but is in no customer file is known by the id alone, until such a file comes.
inferred as (
    select ordering_customers.customer_id
    from ordering_customers
    left join customers on ordering_customers.customer_id = customers.customer_id
    where customers.customer_id is null
),

final as (
    select
        customer_id || '@'
        || case
            when place = 1 then '-infinity'
            else replace(cast(valid_from as varchar), ' ', 'T')
        end as customer_key,
        customer_id,
        first_name,
        last_name,
        email,
        phone,
        address,
        city,
        state,
        country,
        registration_date,
        segment,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        false as is_inferred
    from versions
    union all
    select
        customer_id || '@-infinity' as customer_key,
        customer_id,
        cast(null as varchar) as first_name,
        cast(null as varchar) as last_name,
        cast(null as varchar) as email,
        cast(null as varchar) as phone,
        cast(null as varchar) as address,
        cast(null as varchar) as city,
        cast(null as varchar) as state,
        cast(null as varchar) as country,
        cast(null as date) as registration_date,
        cast(null as varchar) as segment,
        timestamp '0001-01-01 00:00:00' as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_current,
        true as is_inferred
    from inferred
)

select * from final
