"""Generated orders, customers, products and payments hang together, and with the clicks."""

import hashlib
import json
import re
from datetime import date

import duckdb
import pytest

from clicklake.errors import UsageError
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate, plan
from clicklake.synthetic.commerce import produce

COMMERCE = ("customers", "products", "orders", "payments")
SOUND = CommerceConfig(
    late_share=0.02, duplicate_share=0, faulty_share=0, odd_share=0, moved_share=0.1, refunded_share=0.1
)


def digests(directory):
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Commerce without defects, and clicks without any, as DuckDB tables; the newest versions as views."""
    directory = tmp_path_factory.mktemp("commerce")
    shares = [name for name in GeneratorConfig.__dataclass_fields__ if name.endswith("_share")]
    config = GeneratorConfig(rows=60_000, web_rows=6_000, files=2, commerce=SOUND, **dict.fromkeys(shares, 0.0))
    truth = generate(directory, config)
    con = duckdb.connect(config={"threads": 1})
    money = ("Amount", "amount", "unit_price", "discount", "net_amount", "price", "cost")
    con.execute(f"create table clicks as from read_csv('{directory}/click_events/*.csv', header=true)")
    con.execute(f"create table web as from read_json('{directory}/web_events/**/*.ndjson')")
    keys = dict(zip(COMMERCE, ("customer_id", "product_id", "(order_id, line_id)", "payment_id"), strict=True))
    for name in COMMERCE:
        con.execute(f"create table {name} as from read_csv('{directory}/{name}/*.csv', header=true, filename=true)")
    for table, column in con.execute(
        f"select table_name, column_name from duckdb_columns() where column_name in {money}"
    ).fetchall():
        con.execute(f"alter table {table} alter {column} type decimal(18, 2)")
    for name, key in keys.items():
        con.execute(
            f"create view last_{name} as from {name} "
            f"qualify row_number() over (partition by {key} order by updated_at desc) = 1"
        )
    yield con, truth
    con.close()


def one(shop, sql):
    return shop[0].execute(sql).fetchone()[0]


def test_clicks_are_the_same_with_and_without_commerce(tmp_path):
    generate(tmp_path / "one", GeneratorConfig(rows=2000, web_rows=500))
    generate(tmp_path / "two", GeneratorConfig(rows=2000, web_rows=500, commerce=CommerceConfig()))
    without, beside = digests(tmp_path / "one"), digests(tmp_path / "two")
    clicks = {name for name in without if "events" in name}
    assert len(clicks) > 20
    assert {name: beside[name] for name in clicks} == {name: without[name] for name in clicks}


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_the_same_settings_give_the_same_commerce(tmp_path, compression):
    commerce = CommerceConfig(order_lines=3000, customers=500)
    config = GeneratorConfig(rows=2000, web_rows=300, files=2, compression=compression, commerce=commerce)
    generate(tmp_path / "one", config)
    generate(tmp_path / "two", config)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    generate(tmp_path / "three", GeneratorConfig(rows=2000, seed=43, commerce=commerce, compression=compression))
    other = digests(tmp_path / "three")
    for name in COMMERCE:
        (part,) = (path for path in other if path.startswith(f"{name}/part-0001"))
        assert other[part] != digests(tmp_path / "one")[part]


@pytest.mark.parametrize(
    ("rows", "web_rows", "files", "order_lines"),
    [
        (500, 0, 1, 1),
        (500, 0, 3, 40_000),
        (20_000, 0, 1, 100),
        (20_000, 5_000, 2, 3_001),
        (0, 500, 1, 700),
        (0, 0, 1, 7),
    ],
)
def test_there_are_as_many_order_rows_and_customers_as_were_asked_for(tmp_path, rows, web_rows, files, order_lines):
    commerce = CommerceConfig(order_lines=order_lines, customers=1234)
    truth = generate(tmp_path, GeneratorConfig(rows=rows, web_rows=web_rows, files=files, commerce=commerce))
    sources = truth["sources"]
    assert sources["orders"]["records"] == order_lines
    assert sources["customers"]["loaded"] + sources["customers"]["quarantined"] >= 1234
    paths = [path for name in COMMERCE for path in (tmp_path / name).iterdir()]
    for name in COMMERCE:
        lines = sum(path.read_bytes().count(b"\n") - 1 for path in paths if path.parent.name == name)
        assert lines == sources[name]["records"]
        assert sum(path.stat().st_size for path in paths if path.parent.name == name) == sources[name]["bytes"]
        assert sum(path.parent.name == name for path in paths) == sources[name]["files"]
    people = CommerceConfig(customers=1234, faulty_share=0, duplicate_share=0, moved_share=0)
    truth = generate(tmp_path / "people", GeneratorConfig(rows=100, commerce=people))
    assert truth["sources"]["customers"]["records"] == truth["totals"]["commerce"]["customers"] == 1234


def test_periods_of_one_seed_share_their_customers_and_products_and_no_order(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, month in zip(folders, (1, 2), strict=True):
        period = {"start": date(2025, month, 1), "days": 28, "users": 300, "products": 100}
        generate(folder, GeneratorConfig(rows=3000, **period, commerce=SOUND))
    for table in ("customers", "products"):
        first, second = (set((folder / table / "part-0001.csv").read_text().splitlines()) for folder in folders)
        assert len(first & second) > 0.9 * len(first)
    files = [(folder / "orders" / "part-0001.csv").read_text() for folder in folders]
    first, second = (set(re.findall("ord_[0-9a-f]{14}", text)) for text in files)
    assert len(first) > 50
    assert not first & second


def test_memory_is_bounded_by_blocks_which_do_not_repeat_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(produce, "BLOCK_ROWS", 97)
    monkeypatch.setattr(plan, "SLICE_ROWS", 500)
    commerce = CommerceConfig(order_lines=5000, faulty_share=0, duplicate_share=0)
    truth = generate(tmp_path, GeneratorConfig(rows=4000, files=2, commerce=commerce))
    assert truth["sources"]["orders"]["loaded"] == 5000
    con = duckdb.connect()
    found = con.execute(
        f"select count(*), count(distinct (order_id, line_id, updated_at)), count(distinct order_id) "
        f"from read_csv('{tmp_path}/orders/*.csv', header=true, all_varchar=true)"
    ).fetchone()
    assert found == (5000, 5000, truth["totals"]["commerce"]["orders"])


def test_nearly_every_purchase_is_an_order_of_that_user_and_product_for_the_same_amount(shop):
    matched = """
        with bought as (
            select 'ord_' || substr(SessionID, 6) as session, UserID, ProductID, Amount, Timestamp from clicks
            where EventType = 'purchase' and Outcome = 'success'
        )
        select count(*), count(order_id),
            avg((unit_price * quantity - discount = Amount)::int) filter (order_id is not null)
        from bought left join (from last_orders where coalesce(line_id, 1) = 1) as orders
            on orders.order_id[:16] = session and customer_id = UserID and product_id = ProductID
            and order_date = Timestamp"""
    purchases, ordered, equal = shop[0].execute(matched).fetchone()
    assert purchases > 1500
    assert 0.97 < ordered / purchases < 1
    assert 0.9 < equal < 1


def test_web_events_name_their_orders(shop):
    found = """
        select count(*), count(orders.order_id)
        from web left join (select distinct order_id, customer_id from orders) as orders
            on orders.order_id = metadata.order_id and customer_id = user_id
        where event_type = 'purchase' and metadata.outcome = 'success'"""
    purchases, ordered = shop[0].execute(found).fetchone()
    assert purchases > 100
    assert ordered / purchases > 0.95


def test_some_orders_are_told_of_by_no_click(shop):
    commerce = shop[1]["totals"]["commerce"]
    assert 0.05 < 1 - commerce["tracked_orders"] / commerce["orders"] < 0.2
    assert (
        one(
            shop,
            "select count(*) filter (lines > 1) / count(*) from (select count(distinct line_id) as lines "
            "from orders group by order_id)",
        )
        > 0.05
    )


def test_order_lines_add_up_and_prices_are_those_of_the_catalogue(shop):
    assert one(
        shop,
        "select bool_and(quantity > 0 and discount >= 0 and (net_amount is null or "
        "net_amount = quantity * unit_price - discount)) from orders",
    )
    assert one(shop, "select count(*) from orders join last_products using (product_id) where unit_price <> price") == 0
    assert one(shop, "select bool_and(cost < price) from products")


def test_states_follow_each_other_and_later_versions_come_in_files_of_their_own(shop):
    paths = {
        tuple(path)
        for (path,) in shop[0]
        .execute("select list(status order by updated_at) from orders group by order_id, line_id")
        .fetchall()
    }
    assert paths == {
        ("pending",),
        ("pending", "completed"),
        ("pending", "cancelled"),
        ("pending", "completed", "refunded"),
        ("completed",),
        ("completed", "refunded"),
    }
    assert one(shop, "select bool_and(updated_at >= order_date) from orders")
    assert one(shop, "select bool_and(status <> 'pending') from orders where filename like '%part-updates%'")
    assert one(shop, "select count(*) from orders where filename like '%part-late%'") > 20


def test_nothing_has_happened_after_the_period(shop):
    for table in COMMERCE:
        assert one(shop, f"select max(updated_at) < '2025-04-01' from {table}")


def test_customers_register_before_they_order_and_move_within_the_period(shop):
    assert (
        one(
            shop,
            "select count(*) filter (registration_date > order_date) from orders join customers using (customer_id)",
        )
        == 0
    )
    moved = """
        select count(*), bool_and(old.address <> new.address or old.city <> new.city),
            min(new.updated_at) >= '2025-01-01'
        from customers as old join customers as new using (customer_id) where new.updated_at > old.updated_at"""
    count, address, in_period = shop[0].execute(moved).fetchone()
    assert count > 50
    assert address
    assert in_period


def test_a_few_customers_and_products_of_orders_are_in_no_file(shop):
    for key, table in (("customer_id", "customers"), ("product_id", "products")):
        share = one(
            shop, f"select avg(({key} not in (select {key} from {table}))::int) from orders where {key} is not null"
        )
        assert 0 < share < 0.1


def test_payments_of_most_orders_sum_to_their_net_amount(shop):
    sums = """
        with due as (
            select order_id, sum(quantity * unit_price - discount) as due from last_orders
            where status <> 'cancelled' group by 1
        ), paid as (
            select order_id, sum(amount) filter (status in ('completed', 'refunded', 'pending')) as paid,
                count(*) filter (status <> 'failed') as parts, count(*) filter (status = 'failed') as failed
            from last_payments group by 1
        )
        select count(*), avg((due = paid)::int), count(*) filter (paid is null), count(*) filter (parts = 2),
            count(*) filter (failed > 0 and parts > 0)
        from due left join paid using (order_id)"""
    orders, equal, unpaid, in_two, failed_first = shop[0].execute(sums).fetchone()
    assert 0.9 < equal < 1
    assert 0 < unpaid < 0.05 * orders
    assert in_two > 0.03 * orders
    assert failed_first > 0.04 * orders
    assert one(shop, "select count(*) from payments where order_id not in (select order_id from orders)") > 3
    assert one(
        shop,
        "select bool_and(status = 'failed') from last_payments join "
        "(select distinct order_id from last_orders where status = 'cancelled') using (order_id)",
    )


def test_the_totals_are_those_of_the_newest_versions(shop):
    totals = shop[1]["totals"]["commerce"]
    found = (
        shop[0]
        .execute("""
        select count(distinct order_id), count(*), count(*) filter (status in ('completed', 'refunded')),
            sum(round((quantity * unit_price - discount) * 100)::bigint) filter (status in ('completed', 'refunded'))
        from last_orders where status <> 'lost_in_transit'""")
        .fetchone()
    )
    unknown = one(shop, "select count(*) from last_orders where status = 'lost_in_transit'")
    assert found[1] + unknown == totals["order_lines"]
    assert found[2:] == (totals["booked_lines"], int(totals["net_revenue"].replace(".", "")))
    paid = one(shop, "select sum(round(amount * 100)::bigint) from last_payments where status = 'completed'")
    assert paid == int(totals["paid"].replace(".", ""))


def test_defects_are_written_in_all_their_ways(tmp_path):
    commerce = CommerceConfig(faulty_share=0.1, odd_share=0.3, duplicate_share=0.05, late_share=0.05, order_lines=9000)
    truth = generate(tmp_path, GeneratorConfig(rows=40_000, products=2000, commerce=commerce))
    sources = truth["sources"]
    assert truth == json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    for name in COMMERCE:
        assert sources[name]["records"] == sum(sources[name][fate] for fate in ("loaded", "duplicates", "quarantined"))
        assert sum(sources[name]["reasons"].values()) >= sources[name]["quarantined"] > 0
        assert sources[name]["late"] > 0
    orders = "".join(path.read_text() for path in (tmp_path / "orders").iterdir())
    for text in (
        '"Jan ',
        ".01.2025 ",
        ",2025-01-",
        "/01/2025,",
        ",20250",
        ",$",
        ",EUR,",
        ",-1,",
        ",-5.00,",
        ",abc,",
        "lost_in_transit",
        ",Completed,",
    ):
        assert text in orders, text
    assert re.search(r',"\$?\d,\d{3}\.\d\d",', orders)
    customers = "".join(path.read_text() for path in (tmp_path / "customers").iterdir())
    for text in (
        ",Germany,",
        ",DE,",
        ",deu,",
        ",germany ,",
        "@EXAMPLE.COM,",
        "  ,+1 555",
        '", Apt'.replace('"', ""),
        "not-a-date",
    ):
        assert text in customers, text
    assert set(sources["orders"]["defects"]) == {
        "date_in_another_format",
        "without_customer",
        "customer_not_in_file",
        "product_not_in_file",
        "unknown_status",
        "without_line_id",
        "amount_with_currency_sign",
    }
    assert {"without_order", "date_in_another_format"} <= set(sources["payments"]["defects"])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"order_lines": 0}, "order_lines must be a whole number between 1 and"),
        ({"customers": 1.5}, "customers must be a whole number"),
        ({"refunded_share": 0.4}, "refunded_share must be between 0 and 0.3, not 0.4"),
    ],
)
def test_a_wrong_setting_is_named(setting, told):
    with pytest.raises(UsageError) as error:
        CommerceConfig(**setting)
    assert told in str(error.value)
