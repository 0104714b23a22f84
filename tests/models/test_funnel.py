"""The funnel in order, compared with its definition on random journeys."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from clicklake.engines.sql import text
from clicklake.reports.run import Window, report_query

STEPS = {"product_view": 1, "add_to_cart": 2, "purchase": 3}
DAYS = [0, 1, 2, 29, 30, 31, 59, 60, 61, 90]
WITHIN = timedelta(days=30)


def journeys(seed):
    """Events close to each other and to the limit of 30 days."""
    chance = random.Random(seed)
    for user in range(chance.randint(0, 30)):
        for _ in range(chance.randint(0, 9)):
            moment = datetime(2024, 1, 1) + timedelta(days=chance.choice(DAYS), seconds=chance.choice([0, 0, 0, 1]))
            yield f"u{user}", moment, chance.choice([*STEPS, "page_view"]), chance.random() < 0.8


def defined(events):
    """Users of each step, and users who did it in order."""
    users = {}
    for user, moment, event_type, is_success in events:
        step = STEPS.get(event_type)
        if step and (step < 3 or is_success):
            users.setdefault(user, {1: [], 2: [], 3: []})[step].append(moment)
    found = users.values()
    carters = [u for u in found if any(v < c <= v + WITHIN for v in u[1] for c in u[2])]
    buyers = [u for u in found if any(v < c < p <= v + WITHIN for v in u[1] for c in u[2] for p in u[3])]
    viewers, *others = (sum(bool(user[step]) for user in found) for step in (1, 2, 3))
    return [(viewers, viewers), *zip(others, (len(carters), len(buyers)), strict=True)]


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 100, 20)])
def test_it_counts_what_its_definition_says(open_engine, shop, seeds):
    engine = open_engine()
    report = shop.models["conversion_funnel"]
    query = text(report_query(report, {}, Window(), None))
    for seed in seeds:
        events = list(journeys(seed))
        engine.execute(
            "create or replace table gold.fact_events "
            "(user_id varchar, event_timestamp timestamp, event_type varchar, is_success boolean)"
        )
        if events:
            engine.connection.executemany("insert into gold.fact_events values (?, ?, ?, ?)", events)
        rows = engine.rows(f"select users, users_in_order from ({query}) order by step")
        assert rows == defined(events), f"seed {seed}"


def chains(events, steps, days):
    """Users of any steps: who did each at all, and who did it in order, by trying every way."""
    users = {}
    for user, moment, event_type, is_success in events:
        if event_type != "purchase" or is_success:
            users.setdefault(user, []).append((moment, event_type))

    def reaches(mine, begun, last, left):
        if not left:
            return True
        return any(
            reaches(mine, begun or moment, moment, left[1:])
            for moment, event_type in mine
            if event_type == left[0]
            and (last is None or moment > last)
            and (begun is None or moment - begun <= timedelta(days=days))
        )

    found = users.values()
    return [
        (
            sum(any(kind == step for _, kind in mine) for mine in found),
            sum(reaches(mine, None, None, steps[: place + 1]) for mine in found),
        )
        for place, step in enumerate(steps)
    ]


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 80, 20)])
def test_any_steps_count_what_their_definition_says(open_engine, shop, seeds):
    engine = open_engine()
    report = shop.models["funnel"]
    for seed in seeds:
        chance = random.Random(seed)
        steps = [chance.choice([*STEPS, "page_view"]) for _ in range(chance.randint(1, 6))]
        events = list(journeys(seed))
        engine.execute(
            "create or replace table gold.fact_events (user_id varchar, event_timestamp timestamp, "
            "event_type varchar, is_success boolean, product_id varchar, device_type varchar, "
            "referrer_url varchar, page_url varchar)"
        )
        engine.execute("create or replace table gold.dim_products (product_id varchar, category varchar)")
        if events:
            engine.connection.executemany(
                "insert into gold.fact_events values (?, ?, ?, ?, null, null, null, null)", events
            )
        given = {"steps": ",".join(steps), "within_days": chance.choice([1, 30])}
        query = text(report_query(report, given, Window(), None))
        rows = engine.rows(f"select users, users_in_order from ({query}) order by step")
        assert rows == chains(events, steps, given["within_days"]), f"seed {seed}: {steps}"
