"""The reports of the PySpark peer."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

WINDOW_MICROS = 30 * 24 * 3600 * 1_000_000


def reports(fact: DataFrame, dim_dates: DataFrame, journey_rows: int) -> dict[str, list[dict[str, Any]]]:
    """All reports, one after the other."""
    dated = fact.join(dim_dates, "date_key")
    frames = {
        "top_products": top_products(fact),
        "conversion_funnel": conversion_funnel(fact),
        "daily_active_users": daily_active_users(fact, dim_dates),
        "hourly_engagement": hourly_engagement(fact),
        "user_segments": user_segments(fact),
        "revenue_metrics": revenue_metrics(fact),
        "user_journey": user_journey(fact, journey_rows),
        "weekday_weekend": by_day(dated.withColumn("day_type", day_type()), "day_type"),
        "day_of_week": by_day(dated, "day_of_week", "day_name"),
    }
    return {name: [row.asDict() for row in frame.collect()] for name, frame in frames.items()}


def is_purchase() -> Column:
    return (F.col("event_type") == "purchase") & F.col("is_success")


def day_type() -> Column:
    return F.when(F.col("is_weekend"), "Weekend").otherwise("Weekday").alias("day_type")


def pct(part: str | Column, whole: str | Column) -> Column:
    """A rate in percent, rounded half up to 2 decimals; null of nothing."""
    part = F.col(part) if isinstance(part, str) else part
    return F.round(F.try_divide(100 * part, whole), 2)


def per(total: str, count: str) -> Column:
    """A mean, rounded half up to 2 decimals; null of nothing."""
    return F.round(F.try_divide(F.col(total).cast("decimal(20,2)"), count), 2)


def count_if(condition: Column) -> Column:
    return F.count(F.when(condition, 1))


def sales(amount: str = "amount") -> Column:
    return F.coalesce(F.sum(F.when(is_purchase(), F.col(amount))), F.lit(0))


def buyers() -> Column:
    return F.countDistinct(F.when(is_purchase(), F.col("user_id")))


def top_products(fact: DataFrame) -> DataFrame:
    return (
        fact.filter(F.col("product_id").isNotNull())
        .groupBy("product_id")
        .agg(
            count_if(F.col("event_type") == "product_view").alias("product_views"),
            count_if(F.col("event_type") == "add_to_cart").alias("add_to_carts"),
            count_if(is_purchase()).alias("purchases"),
            sales().alias("revenue"),
        )
        .withColumn("view_to_cart_pct", pct("add_to_carts", "product_views"))
        .withColumn("view_to_purchase_pct", pct("purchases", "product_views"))
        .orderBy(F.desc("product_views"), "product_id")
        .limit(10)
    )


def conversion_funnel(fact: DataFrame) -> DataFrame:
    """Behind each event the last view before it, and behind each of those the last cart's."""
    kind, at = F.col("event_type"), F.col("at")
    earlier = Window.partitionBy("user_id").orderBy("at").rangeBetween(Window.unboundedPreceding, -1)
    rows = (
        fact.filter(kind.isin("product_view", "add_to_cart") | is_purchase())
        .select("user_id", "event_type", F.unix_micros("event_timestamp").alias("at"))
        .withColumn("viewed_at", F.last(F.when(kind == "product_view", at), ignorenulls=True).over(earlier))
        .withColumn(
            "carted_from", F.last(F.when(kind == "add_to_cart", F.col("viewed_at")), ignorenulls=True).over(earlier)
        )
    )
    users = rows.groupBy("user_id").agg(
        F.bool_or(kind == "product_view").alias("viewed"),
        F.bool_or(kind == "add_to_cart").alias("carted"),
        F.bool_or(kind == "purchase").alias("bought"),
        F.bool_or((kind == "add_to_cart") & (at - F.col("viewed_at") <= WINDOW_MICROS)).alias("carted_in_order"),
        F.bool_or((kind == "purchase") & (at - F.col("carted_from") <= WINDOW_MICROS)).alias("bought_in_order"),
    )
    totals = users.agg(*(count_if(F.col(name)).alias(name) for name in users.columns[1:]))
    steps = [
        (1, "product_view", "viewed", None, "viewed"),
        (2, "add_to_cart", "carted", "viewed", "carted_in_order"),
        (3, "purchase", "bought", "carted", "bought_in_order"),
    ]
    rows_of_steps = [
        F.struct(
            F.lit(step).alias("step"),
            F.lit(event_type).alias("event_type"),
            F.col(did).alias("users"),
            pct(did, F.col("viewed")).alias("pct_of_first"),
            (pct(did, F.col(before)) if before else F.lit(None).cast("double")).alias("pct_of_previous"),
            F.col(in_order).alias("users_in_order"),
        )
        for step, event_type, did, before, in_order in steps
    ]
    return totals.select(F.inline(F.array(*rows_of_steps))).orderBy("step")


def daily_active_users(fact: DataFrame, dim_dates: DataFrame) -> DataFrame:
    return (
        fact.groupBy("date_key")
        .agg(F.countDistinct("user_id").alias("active_users"), F.count("*").alias("events"))
        .join(dim_dates, "date_key")
        .select("date", day_type(), "active_users", "events", per("events", "active_users").alias("events_per_user"))
        .orderBy(F.desc("date"))
    )


def hourly_engagement(fact: DataFrame) -> DataFrame:
    return (
        fact.groupBy(F.col("event_hour").alias("hour"))
        .agg(
            F.countDistinct("user_id").alias("active_users"),
            F.count("*").alias("events"),
            count_if(is_purchase()).alias("purchases"),
            buyers().alias("purchasers"),
        )
        .withColumn("conversion_pct", pct("purchasers", "active_users"))
        .drop("purchasers")
        .orderBy("hour")
    )


def user_segments(fact: DataFrame) -> DataFrame:
    events = F.col("events")
    segment = (
        F.when(events >= 20, "High Activity")
        .when(events >= 5, "Medium Activity")
        .when(events >= 2, "Low Activity")
        .otherwise("One-time Visitors")
    )
    return (
        fact.groupBy("user_id")
        .agg(F.count("*").alias("events"), count_if(is_purchase()).alias("purchases"), sales().alias("spent"))
        .groupBy(segment.alias("segment"))
        .agg(
            F.count("*").alias("user_count"),
            *(F.sum(name).alias(name) for name in ("events", "purchases", "spent")),
        )
        .select(
            "segment",
            "user_count",
            *(per(name, "user_count").alias(f"avg_{name}") for name in ("events", "purchases", "spent")),
        )
        .orderBy(F.desc("avg_events"))
    )


def revenue_metrics(fact: DataFrame) -> DataFrame:
    return (
        fact.filter(is_purchase())
        .groupBy("user_id")
        .agg(F.count("*").alias("orders"), F.sum("amount").alias("revenue"))
        .agg(
            F.count("*").alias("purchasers"),
            count_if(F.col("orders") >= 2).alias("repeat_purchasers"),
            F.sum("orders").alias("orders"),
            F.sum("revenue").alias("total_revenue"),
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


def user_journey(fact: DataFrame, rows: int) -> DataFrame:
    purchasers = fact.filter(is_purchase()).select("user_id").distinct()
    order = ["user_id", "event_timestamp", "event_type", "product_id", "amount", "outcome"]
    return (
        fact.join(purchasers, "user_id", "left_semi")
        .orderBy(*order)
        .limit(rows)
        .select("user_id", "event_type", "product_id", "amount", "event_timestamp")
    )


def by_day(fact: DataFrame, *keys: str) -> DataFrame:
    """Users, events and sales of kinds of days; the fact must have the keys."""
    return (
        fact.groupBy(*keys)
        .agg(
            F.countDistinct("user_id").alias("users"),
            F.count("*").alias("events"),
            count_if(is_purchase()).alias("purchases"),
            sales().alias("revenue"),
            buyers().alias("purchasers"),
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
        .orderBy(keys[0])
    )
