"""What generated visitors do looks like what visitors of a shop do."""

from collections import Counter

import duckdb
import pytest

from clicklake.synthetic import GeneratorConfig, generate

ROWS = 120_000


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Sound, distinct events of four weeks as a DuckDB table."""
    directory = tmp_path_factory.mktemp("behaviour")
    shares = [name for name in GeneratorConfig.__dataclass_fields__ if name.endswith("_share")]
    generate(directory, GeneratorConfig(rows=ROWS, days=28, **dict.fromkeys(shares, 0.0)))
    con = duckdb.connect(config={"threads": 1})
    con.execute(
        f"create table clicks as select *, row_number() over () as line "
        f"from read_csv('{directory}/click_events/*.csv', header=true)"
    )
    yield con
    con.close()


def one(con, sql):
    return con.execute(sql).fetchone()[0]


def test_event_types_have_plausible_shares(clicks):
    counts = dict(clicks.execute("select EventType, count(*) from clicks group by all").fetchall())
    expected = {
        "page_view": 0.44,
        "product_view": 0.25,
        "add_to_cart": 0.08,
        "remove_from_cart": 0.006,
        "purchase": 0.03,
        "click": 0.086,
        "login": 0.032,
        "logout": 0.015,
        "search": 0.057,
    }
    assert set(counts) == set(expected)
    for kind, share in expected.items():
        assert counts[kind] / ROWS == pytest.approx(share, rel=0.1)


def test_lines_are_in_order_of_time_and_inside_the_period(clicks):
    in_order = "select Timestamp >= lag(Timestamp, 1, Timestamp) over (order by line) as ok from clicks"
    assert one(clicks, f"select bool_and(ok) from ({in_order})")
    assert one(clicks, "select min(Timestamp) >= '2025-01-01' and max(Timestamp) < '2025-01-29' from clicks")


def test_a_session_has_one_user_up_to_40_events_and_no_two_in_one_second(clicks):
    shape = """
        select max(users), max(events), min(events), bool_and(seconds = events), max(gap)
        from (
            select count(distinct UserID) as users, count(*) as events,
                count(distinct Timestamp) as seconds, max(gap) as gap
            from (select *, Timestamp - lag(Timestamp) over (partition by SessionID order by Timestamp) as gap
                  from clicks)
            group by SessionID
        )"""
    users, most, fewest, distinct_seconds, gap = clicks.execute(shape).fetchone()
    assert (users, fewest, distinct_seconds) == (1, 1, True)
    assert 30 <= most <= 40
    assert 600 < gap.total_seconds() <= 1200


@pytest.mark.parametrize(
    ("later", "earlier"),
    [("add_to_cart", "product_view"), ("purchase", "add_to_cart"), ("remove_from_cart", "add_to_cart")],
)
def test_a_step_of_the_funnel_follows_the_one_before_it(clicks, later, earlier):
    orphans = f"""
        select count(*) from clicks as later where EventType = '{later}' and not exists (
            select 1 from clicks as earlier
            where earlier.EventType = '{earlier}' and earlier.SessionID = later.SessionID
                and earlier.ProductID = later.ProductID and earlier.Timestamp < later.Timestamp)"""
    assert one(clicks, orphans) == 0


def test_only_product_events_have_products_and_only_purchases_and_carts_amounts(clicks):
    wrong = """
        select count(*) from clicks where
            (EventType in ('product_view', 'add_to_cart', 'remove_from_cart', 'purchase')
                and ProductID is null)
            or (EventType in ('page_view', 'login', 'logout', 'search') and ProductID is not null)
            or (EventType = 'purchase' and Amount is null)
            or (EventType not in ('purchase', 'add_to_cart') and Amount is not null)
            or ((EventType in ('purchase', 'login')) <> (Outcome is not null))"""
    assert one(clicks, wrong) == 0


def test_a_product_has_one_price_and_some_buy_several(clicks):
    clicks.execute("""
        create or replace temp table prices as
        select ProductID, min(Amount) as price, count(distinct Amount) as prices
        from clicks where EventType = 'add_to_cart' and Amount is not null group by all""")
    assert one(clicks, "select max(prices) from prices") == 1
    bought = """
        select Amount / price as quantity, count(*)
        from clicks join prices using (ProductID) where EventType = 'purchase' group by all"""
    quantities = Counter()
    for quantity, count in clicks.execute(bought).fetchall():
        assert quantity == pytest.approx(round(quantity))
        quantities[round(quantity)] += count
    assert set(quantities) == {1, 2, 3}
    assert quantities[1] > quantities[2] > quantities[3]


def test_one_purchase_in_twenty_fails(clicks):
    failed = one(clicks, "select avg((Outcome = 'failure')::int) from clicks where EventType = 'purchase'")
    assert 0.04 < failed < 0.06


def test_evenings_are_busy_and_nights_are_quiet(clicks):
    hours = dict(clicks.execute("select hour(Timestamp), count(*) from clicks group by all").fetchall())
    assert max(hours, key=hours.get) in (19, 20, 21)
    assert min(hours, key=hours.get) in (2, 3, 4, 5)
    assert max(hours.values()) > 8 * min(hours.values())


def test_weekends_differ_from_weekdays(clicks):
    by_day = "select count(*) / count(distinct Timestamp::date) from clicks where isodow(Timestamp) {}"
    assert one(clicks, by_day.format("> 5")) > 1.2 * one(clicks, by_day.format("<= 5"))
    morning = "select avg((hour(Timestamp) = 7)::int) from clicks where isodow(Timestamp) {}"
    assert one(clicks, morning.format("> 5")) < 0.8 * one(clicks, morning.format("<= 5"))


def test_few_users_are_heavy_many_come_once_and_new_ones_keep_coming(clicks):
    clicks.execute("""
        create or replace temp table users as
        select UserID, count(*) as events, count(distinct SessionID) as sessions, min(Timestamp) as first_seen
        from clicks group by all""")
    ranked = "select events, percent_rank() over (order by events desc) as rank from users"
    assert one(clicks, f"select sum(events) filter (rank <= 0.1) / sum(events) from ({ranked})") > 0.4
    assert one(clicks, "select avg((sessions = 1)::int) from users") > 0.2
    assert one(clicks, "select avg((sessions > 2)::int) from users") > 0.3
    assert one(clicks, "select avg((first_seen >= '2025-01-22')::int) from users") > 0.1


def test_users_are_numbered_as_they_sign_up(clicks):
    newest = "select max(right(UserID, 6)::int) from clicks where Timestamp < '2025-01-02'"
    assert 0.45 * ROWS / 40 < one(clicks, newest) < 0.55 * ROWS / 40


def test_few_products_are_popular_and_many_are_rare(clicks):
    views = [
        count
        for (count,) in clicks.execute(
            "select count(*) from clicks where EventType = 'product_view' group by ProductID order by 1 desc"
        ).fetchall()
    ]
    assert len(views) == GeneratorConfig(rows=ROWS).product_count
    assert views[0] > 20 * views[len(views) // 2]
    assert sum(views[: len(views) // 10]) > 0.4 * sum(views)
