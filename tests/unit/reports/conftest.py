"""The nine click reports as a shop of some size would see them, made without a lake."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from clicklake.contracts.model import Chart, ReportColumn, ReportDoc
from clicklake.contracts.types import ColumnType
from clicklake.reports.render import Result

MONEY = "decimal(18,2)"
COLUMNS = {
    "product_id": ("string", "text", "The product."),
    "product_views": ("bigint", "integer", "Times the product's page was seen."),
    "add_to_carts": ("bigint", "integer", "Times it was put in a cart."),
    "purchases": ("bigint", "integer", "Purchases that succeeded."),
    "revenue": (MONEY, "money", "Sum of the amounts of successful purchases."),
    "view_to_cart_pct": (MONEY, "percent", "Add to carts of product views."),
    "view_to_purchase_pct": (MONEY, "percent", "Purchases of product views."),
    "step": ("bigint", "integer", "Place in the funnel."),
    "event_type": ("string", "text", "What the step is."),
    "users": ("bigint", "integer", "Distinct users."),
    "pct_of_first": (MONEY, "percent", "Users of the users of the first step."),
    "pct_of_previous": (MONEY, "percent", "Users of the users of the step before."),
    "users_in_order": ("bigint", "integer", "Users who took the steps one after the other within 30 days."),
    "date": ("date", "date", "The day in the reporting time zone."),
    "day_type": ("string", "text", "Weekday or Weekend."),
    "active_users": ("bigint", "integer", "Distinct users with an event."),
    "events": ("bigint", "integer", "Events of any type."),
    "events_per_user": (MONEY, "decimal", "Events of active users."),
    "hour": ("bigint", "integer", "Hour of the day, 0 to 23."),
    "conversion_pct": (MONEY, "percent", "Purchasing users of active users."),
    "segment": ("string", "text", "By the number of events."),
    "user_count": ("bigint", "integer", "Users in the segment."),
    "avg_events": (MONEY, "decimal", "Events a user."),
    "avg_purchases": (MONEY, "decimal", "Purchases a user."),
    "avg_spent": (MONEY, "money", "Amount a user."),
    "purchasers": ("bigint", "integer", "Users with a successful purchase."),
    "repeat_purchasers": ("bigint", "integer", "Users with two or more."),
    "repeat_purchaser_pct": (MONEY, "percent", "Repeat purchasers of purchasers."),
    "total_revenue": (MONEY, "money", "Sum of the amounts of successful purchases."),
    "revenue_per_purchaser": (MONEY, "money", "Total revenue by purchasers."),
    "average_order_value": (MONEY, "money", "Total revenue by purchases."),
    "user_id": ("string", "text", "The user."),
    "event_id": ("bigint", "text", "Leads to the raw row."),
    "amount": (MONEY, "money", "Amount of the event."),
    "event_timestamp": ("timestamp", "timestamp", "When it happened."),
    "revenue_per_user": (MONEY, "money", "Revenue by users."),
    "day_of_week": ("bigint", "integer", "1 is Monday."),
    "day_name": ("string", "text", "Name of the day."),
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BY_DAY = "users events events_per_user purchases revenue revenue_per_user conversion_pct"


def cents(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def make_doc(columns: str, chart: dict | None = None, **more) -> ReportDoc:
    fields = {"title": "A report", "description": "What it says.", "grain": ()} | more
    return ReportDoc(
        columns={
            name: ReportColumn(type=COLUMNS[name][0], format=COLUMNS[name][1], description=COLUMNS[name][2])
            for name in columns.split()
        },
        chart=Chart(**(chart or {})),
        **fields,
    )


def make_result(name: str, doc: ReportDoc, rows: list[tuple], **more) -> Result:
    arrays = [
        pa.array([row[place] for row in rows], ColumnType(column.type).arrow)
        for place, column in enumerate(doc.columns.values())
    ]
    table = pa.table(dict(zip(doc.columns, arrays, strict=True)))
    return Result(name, doc, table, **({"currency": "EUR", "window": "2025-01-01 to 2025-03-31"} | more))


def _by_day(rng: random.Random, weight: float) -> tuple:
    users = int(6200 * weight * rng.uniform(0.95, 1.05))
    events, purchases = int(users * rng.uniform(5.5, 6.5)), int(users * rng.uniform(0.07, 0.09))
    revenue = purchases * rng.uniform(58, 66)
    return (
        users,
        events,
        cents(events / users),
        purchases,
        cents(revenue),
        cents(revenue / users),
        cents(7.91),
    )


def _top_products(rng: random.Random) -> Result:
    doc = make_doc(
        "product_id product_views add_to_carts purchases revenue view_to_cart_pct view_to_purchase_pct",
        {
            "kind": "bar",
            "x": "product_id",
            "y": "product_views",
            "title": "Views of the most viewed products",
        },
        title="Top products",
        description="Products by how often they were viewed, with what came of it.",
    )
    rows = []
    for place in range(10):
        views = int(18400 / (1 + place * 0.22))
        carts, bought = int(views * rng.uniform(0.18, 0.3)), int(views * rng.uniform(0.03, 0.08))
        product = f"PROD-{rng.randrange(100, 999):05d}"
        money = cents(bought * rng.uniform(9, 140))
        rows.append((product, views, carts, bought, money, cents(carts / views * 100), cents(bought / views * 100)))
    return make_result("top_products", doc, rows, total_rows=1234)


def _conversion_funnel(_: random.Random) -> Result:
    doc = make_doc(
        "step event_type users pct_of_first pct_of_previous users_in_order",
        {
            "kind": "funnel",
            "x": "event_type",
            "y": "users",
            "title": "From product view to purchase, in users",
        },
        title="Conversion funnel",
        description="How many users viewed a product, put one in the cart and bought.",
    )
    rows = [
        (1, "product_view", 48213, cents(100), None, 48213),
        (2, "add_to_cart", 19877, cents(41.23), cents(41.23), 17402),
        (3, "purchase", 6120, cents(12.69), cents(30.79), 5033),
    ]
    return make_result("conversion_funnel", doc, rows)


def _daily_active_users(rng: random.Random) -> Result:
    doc = make_doc(
        "date day_type active_users events events_per_user",
        {"kind": "line", "x": "date", "y": "active_users", "title": "Active users a day"},
        title="Daily active users",
        description="Distinct users with an event, day by day.",
    )
    rows = []
    for place in range(90):
        day = date(2025, 1, 1) + timedelta(place)
        weight = (0.72 if day.weekday() > 4 else 1) * (1 + place / 300) * rng.uniform(0.94, 1.06)
        users = int(5200 * weight * (1.7 if place == 58 else 1))
        events = int(users * rng.uniform(5.2, 6.8))
        rows.append((day, "Weekend" if day.weekday() > 4 else "Weekday", users, events, cents(events / users)))
    return make_result("daily_active_users", doc, rows[::-1])


def _hourly_engagement(rng: random.Random) -> Result:
    doc = make_doc(
        "hour active_users events purchases conversion_pct",
        {"kind": "bar", "x": "hour", "y": "active_users", "title": "Active users by hour of the day"},
        title="Hourly engagement",
        description="When users are active, and when they buy.",
    )
    shape = [9, 6, 4, 3, 3, 5, 11, 20, 29, 36, 41, 44, 48, 45, 42, 41, 43, 49, 57, 64, 66, 58, 39, 20]
    rows = [
        (hour, weight * 310 + rng.randrange(200), weight * 1900, weight * 22, cents(rng.uniform(4, 9)))
        for hour, weight in enumerate(shape)
    ]
    return make_result("hourly_engagement", doc, rows)


def _user_segments(_: random.Random) -> Result:
    doc = make_doc(
        "segment user_count avg_events avg_purchases avg_spent",
        {"kind": "bar", "x": "segment", "y": "user_count", "title": "Users by how active they are"},
        title="User segments",
        description="Users grouped by their number of events.",
    )
    rows = [
        ("High Activity", 8410, cents(34.18), cents(1.92), cents(121.4)),
        ("Medium Activity", 21377, cents(9.61), cents(0.44), cents(27.85)),
        ("Low Activity", 15020, cents(2.9), cents(0.05), cents(3.1)),
        ("One-time Visitors", 9120, cents(1), cents(0), cents(0)),
    ]
    return make_result("user_segments", doc, rows)


def _revenue_metrics(_: random.Random) -> Result:
    doc = make_doc(
        "purchasers repeat_purchasers repeat_purchaser_pct total_revenue revenue_per_purchaser average_order_value",
        {"kind": "kpi", "y": "total_revenue"},
        title="Revenue metrics",
        description="What was earned, from how many, and how many came back.",
    )
    rows = [(6120, 2011, cents(32.86), Decimal("1204518.37"), cents(196.82), cents(61.73))]
    return make_result("revenue_metrics", doc, rows)


def _user_journey(rng: random.Random) -> Result:
    doc = make_doc(
        "user_id event_id event_type product_id amount event_timestamp",
        title="User journey",
        description="Every event of the users who bought, in order.",
    )
    rows, now = [], datetime(2025, 1, 1, 8, 3, 11)
    for number in range(400):
        kind = rng.choice(["page_view", "product_view", "add_to_cart", "purchase", "search"])
        now += timedelta(seconds=rng.randrange(900))
        amount = cents(rng.uniform(5, 300)) if kind == "purchase" else None
        product = None if kind in ("page_view", "search") else f"PROD-{rng.randrange(999):05d}"
        rows.append((f"user_{number // 14:05d}", 90000 + number * 7, kind, product, amount, now))
    return make_result("user_journey", doc, rows, total_rows=61840)


def _weekday_weekend(rng: random.Random) -> Result:
    doc = make_doc(
        f"day_type {BY_DAY}",
        {
            "kind": "bar",
            "x": "day_type",
            "y": "revenue_per_user",
            "title": "Revenue a user, weekdays and weekends",
        },
        title="Weekday and weekend",
        description="How weekdays and weekends differ.",
    )
    return make_result("weekday_weekend", doc, [("Weekday", *_by_day(rng, 5)), ("Weekend", *_by_day(rng, 1.4))])


def _day_of_week(rng: random.Random) -> Result:
    doc = make_doc(
        f"day_of_week day_name {BY_DAY}",
        {"kind": "bar", "x": "day_name", "y": "revenue", "title": "Revenue by day of the week"},
        title="Day of the week",
        description="Users, events and revenue by the day of the week.",
    )
    weights = (1, 1.02, 1.05, 1.1, 1.18, 0.8, 0.7)
    rows = [(place + 1, DAYS[place], *_by_day(rng, weight)) for place, weight in enumerate(weights)]
    return make_result("day_of_week", doc, rows)


def make_nine() -> list[Result]:
    rng = random.Random(7)
    makers = (
        *(_top_products, _conversion_funnel, _daily_active_users, _hourly_engagement, _user_segments),
        *(_revenue_metrics, _user_journey, _weekday_weekend, _day_of_week),
    )
    return [make(rng) for make in makers]


@pytest.fixture(scope="session")
def nine() -> dict[str, Result]:
    return {result.name: result for result in make_nine()}


@pytest.fixture(scope="session")
def doc() -> Callable[..., ReportDoc]:
    return make_doc


@pytest.fixture(scope="session")
def result() -> Callable[..., Result]:
    return make_result
