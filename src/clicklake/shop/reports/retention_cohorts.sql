with

events as (
    select * from gold.fact_events
),

-- 0001-01-01 was a Monday: weeks are counted from there.
dates as (
    select
        date_key,
        date_diff('day', date '0001-01-01', week_start) // 7 as week
    from gold.dim_dates
),

weeks as (
    select distinct
        week,
        week // 60 as block
    from dates
),

-- In which weeks each user was there, a bit a week, sixty a row: far fewer rows than one for each.
user_blocks as (
    select
        events.user_id,
        dates.week // 60 as block,
        min(dates.week) as first_week,
        max(dates.week) as last_week,
        bit_or(cast(1 as bigint) << cast(dates.week % 60 as int)) as active_weeks
    from events
    inner join dates on events.date_key = dates.date_key
    group by events.user_id, dates.week // 60
),

cohort_users as (
    select
        user_id,
        min(first_week) as cohort
    from user_blocks
    group by user_id
),

-- Users who were there in the same weeks are counted together before weeks are looked at.
patterns as (
    select
        cohort_users.cohort,
        user_blocks.block,
        user_blocks.active_weeks,
        count(*) as users
    from user_blocks
    inner join cohort_users on user_blocks.user_id = cohort_users.user_id
    group by cohort_users.cohort, user_blocks.block, user_blocks.active_weeks
),

active_users as (
    select
        patterns.cohort,
        weeks.week,
        sum(patterns.users) as users
    from patterns
    inner join weeks on patterns.block = weeks.block
    where (patterns.active_weeks & (cast(1 as bigint) << cast(weeks.week % 60 as int))) <> 0
    group by patterns.cohort, weeks.week
),

cohorts as (
    select
        cohort,
        count(*) as cohort_users
    from cohort_users
    group by cohort
),

last_weeks as (
    select max(last_week) as last_week
    from user_blocks
),

final as (
    select
        date '0001-01-01' + cast(cohorts.cohort * 7 as int) as cohort_week,
        weeks.week - cohorts.cohort as week_number,
        cohorts.cohort_users,
        coalesce(active_users.users, 0) as users,
        pct(coalesce(active_users.users, 0), cohorts.cohort_users) as retention_pct
    from cohorts
    inner join weeks on cohorts.cohort <= weeks.week
    inner join last_weeks on weeks.week <= last_weeks.last_week
    left join active_users
        on cohorts.cohort = active_users.cohort and weeks.week = active_users.week
)

select * from final
order by cohort_week asc, week_number asc
