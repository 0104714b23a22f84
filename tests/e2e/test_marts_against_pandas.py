"""Marts and reports on generated data, compared with what pandas makes of the facts."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest

from clicklake.lake import Lake
from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

FACTS = {
    "sales": "order_id, line_id, product_id, customer_id, date_key, quantity, is_booked, refund_date_key, "
    "cast(gross_amount * 100 as bigint) as gross, cast(discount_amount * 100 as bigint) as discount, "
    "cast(net_amount * 100 as bigint) as net, cast(margin_amount * 100 as bigint) as margin from gold.fact_sales",
    "payments": "order_id, date_key, is_settled, cast(amount * 100 as bigint) as paid from gold.fact_payments",
    "events": "user_id, session_id, product_id, order_id, event_type, date_key, event_timestamp, is_success, "
    "device_type, page_url, referrer_url, cast(amount * 100 as bigint) as amount from gold.fact_events",
    "products": "product_id, category from gold.dim_products",
}
PERIODS = {"daily": ("date", "D"), "weekly": ("week", "W-SUN"), "monthly": ("month", "M")}
WINDOWS = {"all": {}, "february": {"since": "2025-02-01", "until": "2025-02-28"}}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, GeneratorConfig(rows=20_000, web_rows=3_000, days=70, commerce=CommerceConfig()))
    lake = Lake(folder / "lake")
    lake.run(**{source.name: source for source in folder.iterdir() if source.is_dir() and source.name != "lake"})
    return lake


@pytest.fixture(scope="module")
def facts(lake: Lake) -> dict[str, pd.DataFrame]:
    return {name: lake.query(f"select {sql}").to_pandas() for name, sql in FACTS.items()}


def days(keys: pd.Series) -> pd.Series:
    return pd.to_datetime(keys.astype("Int64").astype("string"), format="%Y%m%d")


def within(frame: pd.DataFrame, window: dict[str, str], key: str = "date_key") -> pd.DataFrame:
    day = days(frame[key])
    keep = day.notna()
    if window:
        keep &= (day >= window["since"]) & (day <= window["until"])
    return frame[keep]


def pct(part: int, whole: int) -> float | None:
    return int((part * 20000 + whole) // (2 * whole)) / 100 if whole else None


def cents(value: object) -> int | None:
    return None if value is None else int(value * 100)  # type: ignore[operator]


def purchases_of(frame: pd.DataFrame) -> int:
    return int(frame.order_id.nunique() + frame.order_id.isna().sum())


def bought(events: pd.DataFrame) -> pd.DataFrame:
    return events[(events.event_type == "purchase") & events.is_success]


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("window", WINDOWS)
def test_sales_summaries(lake: Lake, facts: dict[str, pd.DataFrame], period: str, window: str) -> None:
    column, frequency = PERIODS[period]
    booked = facts["sales"][facts["sales"].is_booked]
    expected: dict[object, list[int]] = {}
    ordered = within(booked, WINDOWS[window])
    for start, lines in ordered.groupby(days(ordered.date_key).dt.to_period(frequency).dt.start_time.dt.date):
        sums = [int(lines[name].sum()) for name in ("quantity", "gross", "discount", "net")]
        expected[start] = [lines.order_id.nunique(), sums[0], lines.customer_id.nunique(), *sums[1:], 0]
    refunded = within(booked, WINDOWS[window], "refund_date_key")
    for start, lines in refunded.groupby(days(refunded.refund_date_key).dt.to_period(frequency).dt.start_time.dt.date):
        expected.setdefault(start, [0] * 7)[6] = int(lines.net.sum())
    made = {
        row[column]: [
            row["orders"],
            row["units"],
            row["customers"],
            *(cents(row[f"{name}_amount"]) for name in ("gross", "discount", "net", "refund")),
        ]
        for row in lake.report(f"{period}_sales_summary", **WINDOWS[window]).to_pylist()
    }
    assert made == expected
    assert sum(row[6] for row in made.values()) > 0
    if window == "all":
        table = lake.query(f"select * from gold.{period}_sales_summary order by {column}").to_pylist()
        assert [row[column] for row in table] == list(made)
        for row in table:
            orders, net = row["orders"], cents(row["net_amount"])
            average = (2 * net + orders) // (2 * orders) if orders else None  # type: ignore[operator]
            assert cents(row["average_order_value"]) == average
            assert [row["orders"], net, cents(row["refund_amount"])] == [made[row[column]][i] for i in (0, 5, 6)]


@pytest.mark.parametrize("window", WINDOWS)
def test_product_performance(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    events, sales = within(facts["events"], WINDOWS[window]), within(facts["sales"], WINDOWS[window])
    sales = sales[sales.is_booked]
    expected = []
    for product, category in facts["products"].itertuples(index=False):
        clicks, lines = events[events.product_id == product], sales[sales.product_id == product]
        if clicks.empty and lines.empty:
            continue
        views, carts = (int((clicks.event_type == name).sum()) for name in ("product_view", "add_to_cart"))
        purchases, units = purchases_of(bought(clicks)), int(lines.quantity.sum())
        returned = int(lines.quantity[lines.refund_date_key.notna()].sum())
        rates = (pct(carts, views), pct(purchases, carts), pct(returned, units) if len(lines) else None)
        margin = int(lines.margin.sum()) if lines.margin.notna().any() else None
        category = None if pd.isna(category) else category
        expected.append([product, category, views, carts, purchases, units, int(lines.net.sum()), margin, *rates])
    expected.sort(key=lambda row: (-row[6], row[0]))
    ranks: dict[str | None, int] = {}
    for row in expected:
        ranks[row[1]] = ranks.get(row[1], 0) + 1
        row.append(ranks[row[1]])
    report = lake.report("product_performance", **WINDOWS[window]).to_pylist()
    made = [list(row.values()) for row in report]
    assert [[*row[:6], cents(row[6]), cents(row[7]), *row[8:]] for row in made] == expected
    if window == "all":
        table = lake.query("select * from gold.product_performance order by revenue desc, product_id").to_pylist()
        listed = {row["product_id"]: row for row in report}
        for row in table:
            if row["product_id"] in listed:
                assert {name: listed[row["product_id"]][name] for name in row} == row


def test_click_order_reconciliation(lake: Lake, facts: dict[str, pd.DataFrame]) -> None:
    """Order by order in plain Python: which row an amount belongs to is the point of it."""
    purchases = bought(facts["events"])
    orders: dict[str, dict[str, object]] = {}
    groups: dict[tuple[str, int], list[int]] = {}
    for order, lines in facts["sales"].groupby("order_id"):
        booked = lines[lines.is_booked]
        customers = lines.customer_id.dropna()
        orders[order] = {
            "who": customers.min() if len(customers) else None,
            "day": int(lines.date_key.min()),
            "booked": int(booked.net.sum()) if len(booked) else None,
        }
    for order, clicks in purchases[purchases.order_id.notna()].groupby("order_id"):
        known = orders.setdefault(order, {"who": None, "day": int(clicks.date_key.min()), "booked": None})
        known["who"] = known["who"] or clicks.user_id.min()
        known["tracked"] = int(clicks.amount.sum())
    for order, paid in facts["payments"][facts["payments"].is_settled].groupby("order_id"):
        known = orders.setdefault(order, {"who": None, "day": int(paid.date_key.min()), "booked": None})
        known["paid"] = int(paid.paid.sum())
    for key, clicks in purchases[purchases.order_id.isna()].groupby(["user_id", "date_key"]):
        groups[key] = [int(clicks.amount.sum()), 0, 0]
    expected = []
    for order, known in orders.items():
        tracked, booked, paid = known.get("tracked"), known["booked"], known.get("paid")
        if tracked is None and booked is None and paid is None:
            continue
        group = groups.get((known["who"], known["day"]))  # type: ignore[arg-type]
        if group and tracked is None and booked is not None:
            group[1] += booked  # type: ignore[operator]
            group[2] += paid or 0  # type: ignore[operator]
        else:
            expected.append((order, known["who"], known["day"], tracked or 0, booked or 0, paid or 0))
    expected += [(None, *key, *amounts) for key, amounts in groups.items()]
    made = [
        (row["order_id"], row["customer_id"], row["date_key"], *(cents(row[f"{n}_amount"]) for n in NAMES))
        for row in lake.query("select * from gold.click_order_reconciliation").to_pylist()
    ]
    assert sorted(made, key=repr) == sorted(expected, key=repr)
    assert {row[0] is None for row in made} == {True, False}


NAMES = ("tracked", "booked", "paid")


@pytest.mark.parametrize("window", WINDOWS)
def test_product_affinity(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    sales = within(facts["sales"], WINDOWS[window])
    orders = sales[sales.is_booked].groupby("order_id").product_id.agg(lambda ids: tuple(sorted(set(ids))))
    of_product: dict[str, int] = {}
    of_pair: dict[tuple[str, str], int] = {}
    for products in orders:
        for product in products:
            of_product[product] = of_product.get(product, 0) + 1
        for pair in combinations(products, 2):
            of_pair[pair] = of_pair.get(pair, 0) + 1
    expected = {
        (a, b): (n, pct(n, len(orders)), pct(n, of_product[a]), pct(n, of_product[b]))
        for (a, b), n in of_pair.items()
        if n >= 2
    }
    made = {
        (row["product_a"], row["product_b"]): (
            row["orders"],
            row["support_pct"],
            row["confidence_a_to_b_pct"],
            row["confidence_b_to_a_pct"],
        )
        for row in lake.report("product_affinity", **WINDOWS[window]).to_pylist()
    }
    assert made == expected
    assert made
    for row in lake.report("product_affinity").to_pylist() if window == "all" else ():
        lift = row["orders"] * len(orders) / (row["orders_a"] * row["orders_b"])
        assert abs(float(row["lift"]) - lift) <= 0.005001


@pytest.mark.parametrize("window", WINDOWS)
def test_conversion_by_device_and_referrer(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    events = within(facts["events"], WINDOWS[window])
    devices = events.assign(device=events.device_type.fillna("unknown"))
    expected = {
        device: (
            rows.user_id.nunique(),
            len(rows),
            bought(rows).user_id.nunique(),
            purchases_of(bought(rows)),
            bought(rows).amount.sum(),
        )
        for device, rows in devices.groupby("device")
    }
    made = lake.report("conversion_by_device", **WINDOWS[window]).to_pylist()
    columns = ("users", "events", "purchasers", "purchases")
    assert {row["device"]: (*(row[c] for c in columns), cents(row["revenue"])) for row in made} == expected
    hosts = r"^(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?(?:www[.])?([^/:?#]*)"
    referred = events[events.referrer_url.notna()].assign(
        referrer=lambda frame: frame.referrer_url.str.lower().str.extract(hosts)[0],
        site=lambda frame: frame.page_url.str.lower().str.extract(hosts)[0],
    )
    referred = referred[(referred.referrer != "") & (referred.referrer != referred.site)]
    first = referred.sort_values(["event_timestamp", "referrer"]).groupby("user_id").referrer.first()
    users = pd.Series(events.user_id.unique())
    came_from = users.map(first).astype("object").fillna("direct").set_axis(users)
    per_user = events.assign(referrer=events.user_id.map(came_from))
    expected = {
        referrer: (rows.user_id.nunique(), bought(rows).user_id.nunique(), bought(rows).amount.sum())
        for referrer, rows in per_user.groupby("referrer")
    }
    made = lake.report("conversion_by_referrer", **WINDOWS[window]).to_pylist()
    assert {r["referrer"]: (r["users"], r["purchasers"], cents(r["revenue"])) for r in made} == expected


@pytest.mark.parametrize("window", WINDOWS)
def test_retention_cohorts(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    events = within(facts["events"], WINDOWS[window])
    weeks = days(events.date_key).dt.to_period("W-SUN").dt.start_time
    active = pd.DataFrame({"user": events.user_id, "week": weeks}).drop_duplicates()
    active["cohort"] = active.groupby("user").week.transform("min")
    expected = {}
    for cohort, rows in active.groupby("cohort"):
        users = rows.user.nunique()
        for number in range((weeks.max() - cohort).days // 7 + 1):
            back = int((rows.week == cohort + pd.Timedelta(weeks=number)).sum())
            expected[cohort.date(), number] = (users, back, pct(back, users))
    made = {
        (row["cohort_week"], row["week_number"]): (row["cohort_users"], row["users"], row["retention_pct"])
        for row in lake.report("retention_cohorts", **WINDOWS[window]).to_pylist()
    }
    assert made == expected


@pytest.mark.parametrize("window", WINDOWS)
def test_funnel_by_category(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    events = within(facts["events"], WINDOWS[window]).merge(facts["products"], on="product_id")
    events = events.assign(category=events.category.fillna("unknown"))
    expected = {}
    for category, rows in events.groupby("category"):
        steps = [rows[rows.event_type == "product_view"], rows[rows.event_type == "add_to_cart"], bought(rows)]
        expected[category] = tuple(step.user_id.nunique() for step in steps)
    made = lake.report("funnel_by_category", **WINDOWS[window]).to_pylist()
    assert {row["category"]: (row["viewers"], row["carters"], row["buyers"]) for row in made} == expected


@pytest.mark.parametrize("window", WINDOWS)
def test_purchase_paths(lake: Lake, facts: dict[str, pd.DataFrame], window: str) -> None:
    events = within(facts["events"], WINDOWS[window])
    expected: dict[str, int] = {}
    for _, rows in events[events.session_id.notna()].groupby(["user_id", "session_id"]):
        purchases = bought(rows)
        if purchases.empty:
            continue
        path: list[str] = []
        failed = (rows.event_type == "purchase") & ~rows.is_success
        ordered = rows.assign(step=rows.event_type.where(~failed, "purchase failed"))
        for step in ordered.sort_values(["event_timestamp", "step"]).step:
            if not path or path[-1] != step:
                path.append(step)
            if step == "purchase":
                break
        text = " > ".join(path)
        expected[text] = expected.get(text, 0) + 1
    made = lake.report("purchase_paths", limit=100_000, **WINDOWS[window]).to_pylist()
    assert {row["path"]: row["sessions"] for row in made} == expected


def test_all_tell_a_customer_by_the_same_rule(lake: Lake) -> None:
    """The mart and two reports each hold the rule of the RFM segments, since SQL has no includes."""
    grid = lake.report("rfm_grid").to_pylist()
    rule = {(row["r_score"], row["f_score"]): row["segment"] for row in grid}
    assert len(rule) == 25
    mart = lake.query("select distinct r_score, f_score, rfm_segment from gold.customer_segments").to_pylist()
    assert len(mart) > 15
    assert {(row["r_score"], row["f_score"]): row["rfm_segment"] for row in mart}.items() <= rule.items()
    counts: dict[str, int] = {}
    for row in grid:
        if row["customers"]:
            counts[row["segment"]] = counts.get(row["segment"], 0) + row["customers"]
    assert {row["segment"]: row["customers"] for row in lake.report("rfm_segments").to_pylist()} == counts
