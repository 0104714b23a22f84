"""The reports of the Polars peer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

MONEY = pl.Decimal(18, 2)
WINDOW = pl.duration(days=30)
IS_PURCHASE = (pl.col("event_type") == "purchase") & pl.col("is_success")
DAY_TYPE = pl.when(pl.col("is_weekend")).then(pl.lit("Weekend")).otherwise(pl.lit("Weekday")).alias("day_type")


def reports(folder: Path, journey_rows: int) -> dict[str, list[dict[str, Any]]]:
    """All reports, one after the other."""
    fact = pl.scan_parquet(folder / "fact_events")
    dim_dates = pl.scan_parquet(folder / "dim_dates.parquet")
    dated = fact.join(dim_dates, on="date_key")
    queries: dict[str, Callable[[], pl.LazyFrame]] = {
        "top_products": lambda: top_products(fact),
        "conversion_funnel": lambda: conversion_funnel(fact),
        "daily_active_users": lambda: daily_active_users(fact, dim_dates),
        "hourly_engagement": lambda: hourly_engagement(fact),
        "user_segments": lambda: user_segments(fact),
        "revenue_metrics": lambda: revenue_metrics(fact),
        "user_journey": lambda: user_journey(fact, journey_rows),
        "weekday_weekend": lambda: by_day(dated.with_columns(DAY_TYPE), ["day_type"]),
        "day_of_week": lambda: by_day(dated, ["day_of_week", "day_name"]),
    }
    return {name: query().collect().to_dicts() for name, query in queries.items()}


def pct(part: str | pl.Expr, whole: str | pl.Expr) -> pl.Expr:
    """A rate in percent, rounded half up to 2 decimals; null of nothing."""
    part, whole = _whole(part), _whole(whole)
    return pl.when(whole > 0).then(((part * 20000 + whole) // (2 * whole) / 100).round(2))


def per(total: str, count: str) -> pl.Expr:
    """A mean, rounded half up to 2 decimals; null of nothing."""
    cents, count = (pl.col(total).cast(pl.Decimal(38, 2)) * 100).cast(pl.Int64), _whole(count)
    mean = pl.when(count > 0).then((2 * cents + count) // (2 * count))
    return mean.cast(pl.Decimal(38, 2)) / 100


def _whole(number: str | pl.Expr) -> pl.Expr:
    return (pl.col(number) if isinstance(number, str) else number).cast(pl.Int64)


def top_products(fact: pl.LazyFrame) -> pl.LazyFrame:
    return (
        fact.filter(pl.col("product_id").is_not_null())
        .group_by("product_id")
        .agg(
            (pl.col("event_type") == "product_view").sum().alias("product_views"),
            (pl.col("event_type") == "add_to_cart").sum().alias("add_to_carts"),
            IS_PURCHASE.sum().alias("purchases"),
            pl.col("amount").filter(IS_PURCHASE).sum().alias("revenue"),
        )
        .with_columns(
            pct("add_to_carts", "product_views").alias("view_to_cart_pct"),
            pct("purchases", "product_views").alias("view_to_purchase_pct"),
        )
        .sort(["product_views", "product_id"], descending=[True, False])
        .head(10)
    )


def conversion_funnel(fact: pl.LazyFrame) -> pl.LazyFrame:
    """Each cart is joined with the last view before it, each purchase with the last cart before it."""

    def step(event_type: str, **start: pl.Expr) -> pl.LazyFrame:
        rows = fact.filter((pl.col("event_type") == event_type) & ((event_type != "purchase") | pl.col("is_success")))
        return rows.select("user_id", "event_timestamp", **start).sort("event_timestamp")

    def after(rows: pl.LazyFrame, earlier: pl.LazyFrame) -> pl.LazyFrame:
        return rows.join_asof(
            earlier, on="event_timestamp", by="user_id", allow_exact_matches=False, check_sortedness=False
        )

    def users(rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
        in_time = pl.col("event_timestamp") <= pl.col("viewed_at") + WINDOW
        return rows.select(
            pl.col("user_id").n_unique().alias(name),
            pl.col("user_id").filter(in_time).n_unique().alias(f"{name}_in_order"),
        )

    views = step("product_view", viewed_at=pl.col("event_timestamp"))
    carts = after(step("add_to_cart"), views)
    buys = after(step("purchase"), carts)
    names = ["product_view", "add_to_cart", "purchase"]
    counted = pl.collect_all(users(rows, name) for rows, name in zip((views, carts, buys), names, strict=True))
    steps = pl.LazyFrame(
        {
            "step": [1, 2, 3],
            "event_type": names,
            "users": [frame.item(0, 0) for frame in counted],
            "users_in_order": [frame.item(0, 1) for frame in counted],
        }
    )
    return steps.select(
        "step",
        "event_type",
        "users",
        pct("users", pl.col("users").first()).alias("pct_of_first"),
        pct("users", pl.col("users").shift()).alias("pct_of_previous"),
        "users_in_order",
    )


def daily_active_users(fact: pl.LazyFrame, dim_dates: pl.LazyFrame) -> pl.LazyFrame:
    return (
        fact.group_by("date_key")
        .agg(pl.col("user_id").n_unique().alias("active_users"), pl.len().alias("events"))
        .join(dim_dates, on="date_key")
        .select("date", DAY_TYPE, "active_users", "events", per("events", "active_users").alias("events_per_user"))
        .sort("date", descending=True)
    )


def hourly_engagement(fact: pl.LazyFrame) -> pl.LazyFrame:
    return (
        fact.group_by(pl.col("event_hour").alias("hour"))
        .agg(
            pl.col("user_id").n_unique().alias("active_users"),
            pl.len().alias("events"),
            IS_PURCHASE.sum().alias("purchases"),
            pl.col("user_id").filter(IS_PURCHASE).n_unique().alias("purchasers"),
        )
        .with_columns(pct("purchasers", "active_users").alias("conversion_pct"))
        .drop("purchasers")
        .sort("hour")
    )


def user_segments(fact: pl.LazyFrame) -> pl.LazyFrame:
    events = pl.col("events")
    segment = (
        pl.when(events >= 20)
        .then(pl.lit("High Activity"))
        .when(events >= 5)
        .then(pl.lit("Medium Activity"))
        .when(events >= 2)
        .then(pl.lit("Low Activity"))
        .otherwise(pl.lit("One-time Visitors"))
    )
    return (
        fact.group_by("user_id")
        .agg(
            pl.len().alias("events"),
            IS_PURCHASE.sum().alias("purchases"),
            pl.col("amount").filter(IS_PURCHASE).sum().alias("spent"),
        )
        .group_by(segment.alias("segment"))
        .agg(pl.len().alias("user_count"), pl.col("events", "purchases", "spent").sum())
        .select(
            "segment",
            "user_count",
            *(per(total, "user_count").alias(f"avg_{total}") for total in ("events", "purchases", "spent")),
        )
        .sort("avg_events", descending=True)
    )


def revenue_metrics(fact: pl.LazyFrame) -> pl.LazyFrame:
    return (
        fact.filter(IS_PURCHASE)
        .group_by("user_id")
        .agg(pl.len().alias("orders"), pl.col("amount").sum().alias("revenue"))
        .select(
            pl.len().alias("purchasers"),
            (pl.col("orders") >= 2).sum().alias("repeat_purchasers"),
            pl.col("orders").sum(),
            pl.col("revenue").sum().alias("total_revenue"),
        )
        .select(
            "purchasers",
            "repeat_purchasers",
            pct("repeat_purchasers", "purchasers").alias("repeat_purchaser_pct"),
            "total_revenue",
            per("total_revenue", "purchasers").alias("revenue_per_purchaser"),
            per("total_revenue", "orders").alias("average_order_value"),
        )
    )


def user_journey(fact: pl.LazyFrame, rows: int) -> pl.LazyFrame:
    buyers = fact.filter(IS_PURCHASE).select("user_id").unique()
    order = ["user_id", "event_timestamp", "event_type", "product_id", "amount", "outcome"]
    return (
        fact.join(buyers, on="user_id", how="semi")
        .sort(order, nulls_last=False)
        .head(rows)
        .select("user_id", "event_type", "product_id", "amount", "event_timestamp")
    )


def by_day(fact: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """Users, events and sales of kinds of days; the fact must have the keys."""
    return (
        fact.group_by(keys)
        .agg(
            pl.col("user_id").n_unique().alias("users"),
            pl.len().alias("events"),
            IS_PURCHASE.sum().alias("purchases"),
            pl.col("amount").filter(IS_PURCHASE).sum().alias("revenue"),
            pl.col("user_id").filter(IS_PURCHASE).n_unique().alias("purchasers"),
        )
        .select(
            *keys,
            "users",
            "events",
            per("events", "users").alias("events_per_user"),
            "purchases",
            "revenue",
            per("revenue", "users").alias("revenue_per_user"),
            pct("purchasers", "users").alias("conversion_pct"),
        )
        .sort(keys[0])
    )
