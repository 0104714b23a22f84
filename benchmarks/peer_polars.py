"""Script: the tables and reports of a shop's click events with Polars and Parquet: CSV OUT [JOURNEY_ROWS].

Written as its users would: lazy frames, the streaming engine, one Parquet file a table, the fact partitioned by month.
It knows the rules of clicklake as far as generated click events need them (a line that is too short breaks another rule
than malformed_row, as Polars fills it with nulls). It does not do what clicklake does beside the
tables: no checks, no ledger, no transactions, no later files. Tables stand in OUT, answers in OUT/result.json.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl
from peer_polars_reports import IS_PURCHASE, MONEY, reports

FAILURES = ["failure", "failed", "declined", "cancelled", "error", "refunded"]
FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
]
NEED_PRODUCT = ["product_view", "add_to_cart", "purchase"]
CONTENT = ["user_id", "session_id", "event_timestamp", "event_type", "product_id", "amount", "outcome"]
EXACT = pl.Decimal(28, 10)  # a cast to fewer decimals rounds half to even
RAW = ["UserID", "SessionID", "Timestamp", "EventType", "ProductID", "Amount", "Outcome"]
KNOWN_TYPES = [
    ("page_view", "browsing", False, False),
    ("click", "browsing", False, False),
    ("search", "browsing", False, False),
    ("product_view", "product", True, False),
    ("add_to_cart", "cart", True, False),
    ("remove_from_cart", "cart", True, False),
    ("purchase", "purchase", True, True),
    ("login", "account", False, False),
    ("logout", "account", False, False),
]
RULES = [
    "missing_user_id",
    "missing_event_type",
    "missing_product_id",
    "missing_amount",
    "invalid_amount",
    "invalid_timestamp",
]


def bronze(source: Path, target: Path) -> None:
    """All rows as text. A line that is too long shows in `rest`; what a short one lacks is null."""
    pl.scan_csv(
        source,
        schema=dict.fromkeys([*RAW, "rest"], pl.String),
        missing_columns="insert",
        truncate_ragged_lines=True,
        row_index_name="row_id",
    ).with_columns(
        pl.lit(time.time_ns() // 1000).cast(pl.Datetime("us")).alias("ingestion_timestamp"),
        pl.lit(str(source)).alias("source_file"),
    ).sink_parquet(target)


def standardised(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Trimmed, typed, in the names of silver, with the rules that a row breaks."""
    text = {name: pl.col(name).str.strip_chars().replace("", None) for name in RAW}
    moment = pl.col("moment")
    amount = pl.col("amount_text").cast(pl.Float64, strict=False)
    return (
        raw.with_columns(
            text["UserID"].alias("user_id"),
            text["SessionID"].alias("session_id"),
            text["Timestamp"].alias("moment"),
            text["EventType"].str.to_lowercase().str.replace_all("[ -]+", "_").alias("event_type"),
            text["ProductID"].alias("product_id"),
            text["Amount"].alias("amount_text"),
            text["Outcome"].alias("outcome"),
        )
        .with_columns(
            pl.coalesce(moment.str.to_datetime(form, strict=False) for form in FORMATS).alias("event_timestamp"),
            pl.when(amount.is_finite())
            .then(pl.col("amount_text").cast(EXACT, strict=False).round(2, mode="half_away_from_zero").cast(MONEY))
            .alias("amount"),
            (~pl.col("outcome").str.to_lowercase().is_in(FAILURES)).fill_null(True).alias("is_success"),
        )
        .with_columns(
            pl.col("rest").is_not_null().alias("malformed_row"),
            pl.col("user_id").is_null().alias("missing_user_id"),
            pl.col("event_type").is_null().alias("missing_event_type"),
            (pl.col("product_id").is_null() & pl.col("event_type").is_in(NEED_PRODUCT)).alias("missing_product_id"),
            (pl.col("amount_text").is_null() & (pl.col("event_type") == "purchase")).alias("missing_amount"),
            (pl.col("amount_text").is_not_null() & (pl.col("amount").is_null() | (pl.col("amount") < 0))).alias(
                "invalid_amount"
            ),
            pl.col("event_timestamp").is_null().alias("invalid_timestamp"),
        )
    )


def silver(raw: pl.LazyFrame, events: Path, quarantine: Path) -> None:
    """Valid rows once each, and the others with their reasons."""
    rows = standardised(raw)
    is_bad = pl.any_horizontal("malformed_row", *RULES).fill_null(False)
    broken = [pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in RULES]
    reasons = (
        pl.when(pl.col("malformed_row"))
        .then(pl.concat_list(pl.lit("malformed_row")))
        .otherwise(pl.concat_list(broken).list.drop_nulls())
    )
    good = (
        rows.filter(~is_bad)
        .unique(subset=CONTENT, keep="any")
        .select(
            pl.col("row_id").alias("event_id"),
            pl.lit("click_events").alias("source"),
            *CONTENT,
            "is_success",
            pl.col("event_timestamp").dt.date().alias("event_date"),
            "ingestion_timestamp",
            "source_file",
        )
    )
    bad = rows.filter(is_bad).select("row_id", *RAW, reasons.alias("reasons"), "source_file", "ingestion_timestamp")
    pl.collect_all([good.sink_parquet(events, lazy=True), bad.sink_parquet(quarantine, lazy=True)])


def gold(events: pl.LazyFrame, folder: Path) -> None:
    """Dimensions and the fact."""
    sessions = (
        events.filter(pl.col("session_id").is_not_null())
        .group_by("user_id", "session_id")
        .agg(
            pl.col("event_timestamp").min().alias("session_start"),
            pl.col("event_timestamp").max().alias("session_end"),
            (pl.col("event_timestamp").max() - pl.col("event_timestamp").min())
            .dt.total_seconds()
            .alias("duration_seconds"),
            pl.len().alias("event_count"),
            IS_PURCHASE.any().alias("is_converted"),
        )
    )
    purchases = (
        events.filter(IS_PURCHASE)
        .group_by("user_id")
        .agg(
            pl.col("event_timestamp").min().alias("first_purchase"),
            pl.col("event_timestamp").max().alias("last_purchase"),
            pl.len().alias("total_purchases"),
            pl.col("amount").sum().alias("total_spent"),
        )
    )
    users = (
        events.group_by("user_id")
        .agg(
            pl.col("event_timestamp").min().alias("first_seen"),
            pl.col("event_timestamp").max().alias("last_seen"),
            pl.len().alias("total_events"),
            pl.col("session_id").drop_nulls().n_unique().alias("total_sessions"),
        )
        .join(purchases, on="user_id", how="left")
        .with_columns(pl.col("total_purchases").fill_null(0), pl.col("total_spent").fill_null(0))
    )
    products = events.select("product_id").drop_nulls().unique().with_columns(is_in_catalogue=False)
    known = pl.LazyFrame(
        KNOWN_TYPES, ["event_type", "event_category", "is_product_event", "is_conversion"], orient="row"
    )
    types = (
        events.select("event_type")
        .unique()
        .join(known, on="event_type", how="full", coalesce=True)
        .with_columns(
            pl.col("event_category").fill_null("other"),
            pl.col("is_product_event").fill_null(False),
            pl.col("is_conversion").fill_null(False),
        )
    )
    moment = pl.col("event_timestamp")
    fact = events.drop("event_date", "ingestion_timestamp", "source_file").with_columns(
        date_key(moment),
        moment.dt.hour().alias("event_hour"),
        moment.dt.year().alias("event_year"),
        moment.dt.month().alias("event_month"),
    )
    days = events.select(moment.min().dt.date().alias("first"), moment.max().dt.date().alias("last")).collect()
    dates(*days.row(0)).write_parquet(folder / "dim_dates.parquet")
    pl.collect_all(
        [
            sessions.sink_parquet(folder / "dim_sessions.parquet", lazy=True),
            users.sink_parquet(folder / "dim_users.parquet", lazy=True),
            products.sink_parquet(folder / "dim_products.parquet", lazy=True),
            types.sink_parquet(folder / "dim_event_types.parquet", lazy=True),
            fact.sink_parquet(
                pl.PartitionBy(folder / "fact_events", key=["event_year", "event_month"]), lazy=True, mkdir=True
            ),
        ]
    )


def dates(first, last) -> pl.DataFrame:
    """All days from the first to the last."""
    day = pl.col("date")
    return pl.DataFrame({"date": pl.date_range(first, last, eager=True)}).select(
        date_key(day),
        day,
        day.dt.year().alias("year"),
        day.dt.quarter().alias("quarter"),
        day.dt.month().alias("month"),
        day.dt.strftime("%B").alias("month_name"),
        day.dt.truncate("1w").alias("week_start"),
        day.dt.day().alias("day"),
        day.dt.weekday().alias("day_of_week"),
        day.dt.strftime("%A").alias("day_name"),
        (day.dt.weekday() >= 6).alias("is_weekend"),
    )


def date_key(day: pl.Expr) -> pl.Expr:
    """The day as yyyymmdd."""
    parts = day.dt.year().cast(pl.Int32) * 10000 + day.dt.month().cast(pl.Int32) * 100 + day.dt.day()
    return parts.cast(pl.Int32).alias("date_key")


def main(source: Path, out: Path, journey_rows: int = 1000) -> None:
    pl.Config.set_engine_affinity("streaming")
    out.mkdir(parents=True)
    begun = time.perf_counter()
    bronze(source, out / "bronze.parquet")
    silver(pl.scan_parquet(out / "bronze.parquet"), out / "events.parquet", out / "quarantine.parquet")
    gold(pl.scan_parquet(out / "events.parquet"), out)
    built = time.perf_counter()
    answers = reports(out, journey_rows)
    seconds = {"tables": built - begun, "reports": time.perf_counter() - built}
    ingested, loaded, quarantined = (
        pl.scan_parquet(out / f"{name}.parquet").select(pl.len()).collect().item()
        for name in ("bronze", "events", "quarantine")
    )
    result = {
        "version": f"Polars {pl.__version__}",
        "seconds": seconds,
        "fates": {
            "rows_ingested": ingested,
            "loaded": loaded,
            "duplicates": ingested - loaded - quarantined,
            "quarantined": quarantined,
        },
        "reports": answers,
    }
    (out / "result.json").write_text(json.dumps(result, default=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
