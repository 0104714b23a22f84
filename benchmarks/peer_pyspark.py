"""Script: the tables and reports of a shop's click events with PySpark and Parquet: CSV OUT CORES [JOURNEY_ROWS].

Written as its users would: data frames, one Parquet folder a table, the fact partitioned by month, all in one local
process. It knows the rules of clicklake as far as generated click events need them. It does not do what clicklake does
beside the tables: no checks, no ledger, no transactions, no later files. Tables stand in OUT, answers in
OUT/result.json.
"""

import json
import sys
import time
from pathlib import Path

from peer_pyspark_reports import is_purchase, reports
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

FAILURES = ["failure", "failed", "declined", "cancelled", "error", "refunded"]
FORMATS = [
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ssX",
    "dd/MM/yyyy HH:mm:ss",
    "dd/MM/yyyy HH:mm",
    "dd.MM.yyyy HH:mm:ss",
]
NEED_PRODUCT = ["product_view", "add_to_cart", "purchase"]
CONTENT = ["user_id", "session_id", "event_timestamp", "event_type", "product_id", "amount", "outcome"]
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
SHUFFLE_PARTITIONS = 8
DRIVER_MEMORY = "6g"


def session(cores: int, out: Path) -> SparkSession:
    """Spark in this process, with the settings that a local script usually has."""
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("clicks")
        .config("spark.driver.memory", DRIVER_MEMORY)
        .config("spark.sql.shuffle.partitions", SHUFFLE_PARTITIONS)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.local.dir", str(out / "spark"))
        .config("spark.driver.host", "localhost")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def bronze(spark: SparkSession, source: Path) -> DataFrame:
    """All rows as text; a line with too few or too many columns stands in `corrupt_record`."""
    schema = ", ".join(f"{name} string" for name in [*RAW, "corrupt_record"])
    return (
        spark.read.option("header", True)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", "corrupt_record")
        .schema(schema)
        .csv(str(source))
        .withColumn("row_id", F.monotonically_increasing_id())
        .withColumn("ingestion_timestamp", F.current_timestamp())
        .withColumn("source_file", F.input_file_name())
    )


def standardised(raw: DataFrame) -> DataFrame:
    """Trimmed, typed, in the names of silver, with the rules that each row breaks."""

    def text(name: str) -> Column:
        return F.nullif(F.btrim(F.col(name), F.lit(" \t\r\n")), F.lit(""))

    moment, amount = F.col("moment"), F.col("amount")
    rows = raw.select(
        "row_id",
        F.struct(*RAW).alias("raw"),
        "corrupt_record",
        "ingestion_timestamp",
        "source_file",
        text("UserID").alias("user_id"),
        text("SessionID").alias("session_id"),
        text("Timestamp").alias("moment"),
        F.regexp_replace(F.lower(text("EventType")), "[ -]+", "_").alias("event_type"),
        text("ProductID").alias("product_id"),
        text("Amount").alias("amount_text"),
        text("Outcome").alias("outcome"),
    ).withColumns(
        {
            "event_timestamp": F.coalesce(*(F.try_to_timestamp(moment, F.lit(form)) for form in FORMATS)),
            "amount": F.col("amount_text").try_cast("decimal(18,2)"),
            "is_success": F.coalesce(~F.lower("outcome").isin(FAILURES), F.lit(True)),
        }
    )
    rules = {
        "missing_user_id": F.col("user_id").isNull(),
        "missing_event_type": F.col("event_type").isNull(),
        "missing_product_id": F.col("product_id").isNull() & F.col("event_type").isin(NEED_PRODUCT),
        "missing_amount": F.col("amount_text").isNull() & (F.col("event_type") == "purchase"),
        "invalid_amount": F.col("amount_text").isNotNull() & (amount.isNull() | (amount < 0)),
        "invalid_timestamp": F.col("event_timestamp").isNull(),
    }
    broken = F.array_compact(F.array(*(F.when(rule, F.lit(name)) for name, rule in rules.items())))
    is_corrupt = F.col("corrupt_record").isNotNull()
    return rows.withColumn("reasons", F.when(is_corrupt, F.array(F.lit("malformed_row"))).otherwise(broken))


def silver(rows: DataFrame) -> DataFrame:
    """Valid rows once each."""
    return (
        rows.filter(F.size("reasons") == 0)
        .dropDuplicates(CONTENT)
        .select(
            F.col("row_id").alias("event_id"),
            F.lit("click_events").alias("source"),
            *CONTENT,
            "is_success",
            F.to_date("event_timestamp").alias("event_date"),
            "ingestion_timestamp",
            "source_file",
        )
    )


def quarantine(rows: DataFrame) -> DataFrame:
    """The other rows, with their reasons."""
    kept = ["row_id", "raw", "corrupt_record", "reasons", "source_file", "ingestion_timestamp"]
    return rows.filter(F.size("reasons") > 0).select(*kept)


def dim_sessions(events: DataFrame) -> DataFrame:
    first, last = F.min("event_timestamp"), F.max("event_timestamp")
    return (
        events.filter(F.col("session_id").isNotNull())
        .groupBy("user_id", "session_id")
        .agg(
            first.alias("session_start"),
            last.alias("session_end"),
            (F.unix_timestamp(last) - F.unix_timestamp(first)).alias("duration_seconds"),
            F.count("*").alias("event_count"),
            F.bool_or(is_purchase()).alias("is_converted"),
        )
    )


def dim_users(events: DataFrame) -> DataFrame:
    bought_at = F.when(is_purchase(), F.col("event_timestamp"))
    return events.groupBy("user_id").agg(
        F.min("event_timestamp").alias("first_seen"),
        F.max("event_timestamp").alias("last_seen"),
        F.min(bought_at).alias("first_purchase"),
        F.max(bought_at).alias("last_purchase"),
        F.count("*").alias("total_events"),
        F.countDistinct("session_id").alias("total_sessions"),
        F.count(bought_at).alias("total_purchases"),
        F.coalesce(F.sum(F.when(is_purchase(), F.col("amount"))), F.lit(0)).alias("total_spent"),
    )


def dim_products(events: DataFrame) -> DataFrame:
    products = events.select("product_id").filter(F.col("product_id").isNotNull()).distinct()
    return products.withColumn("is_in_catalogue", F.lit(False))


def dim_event_types(spark: SparkSession, events: DataFrame) -> DataFrame:
    names = ["event_type", "event_category", "is_product_event", "is_conversion"]
    known = spark.createDataFrame(KNOWN_TYPES, names)
    rows = events.select("event_type").distinct().join(known, "event_type", "full")
    return rows.fillna("other", ["event_category"]).fillna(False, ["is_product_event", "is_conversion"])


def dim_dates(events: DataFrame) -> DataFrame:
    bounds = events.agg(
        F.to_date(F.min("event_timestamp")).alias("first"), F.to_date(F.max("event_timestamp")).alias("last")
    )
    day = F.col("date")
    return bounds.select(F.explode(F.sequence("first", "last")).alias("date")).select(
        date_key(day),
        "date",
        F.year(day).alias("year"),
        F.quarter(day).alias("quarter"),
        F.month(day).alias("month"),
        F.date_format(day, "MMMM").alias("month_name"),
        F.to_date(F.date_trunc("week", day)).alias("week_start"),
        F.day(day).alias("day"),
        (F.weekday(day) + 1).alias("day_of_week"),
        F.date_format(day, "EEEE").alias("day_name"),
        (F.weekday(day) >= 5).alias("is_weekend"),
    )


def fact_events(events: DataFrame) -> DataFrame:
    moment = F.col("event_timestamp")
    return events.drop("event_date", "ingestion_timestamp", "source_file").withColumns(
        {
            "date_key": date_key(moment),
            "event_hour": F.hour(moment),
            "event_year": F.year(moment),
            "event_month": F.month(moment),
        }
    )


def date_key(day: Column) -> Column:
    """The day as yyyymmdd."""
    return (F.year(day) * 10000 + F.month(day) * 100 + F.day(day)).alias("date_key")


def build(spark: SparkSession, source: Path, out: Path) -> dict[str, int]:
    """Write all tables; what became of the rows."""

    def keep(rows: DataFrame, name: str, *partitions: str) -> DataFrame:
        rows.write.mode("overwrite").partitionBy(*partitions).parquet(str(out / name))
        return spark.read.parquet(str(out / name))

    raw = keep(bronze(spark, source), "bronze")
    rows = standardised(raw)
    bad = keep(quarantine(rows), "quarantine")
    events = keep(silver(rows), "events")
    keep(dim_sessions(events), "dim_sessions")
    keep(dim_users(events), "dim_users")
    keep(dim_products(events), "dim_products")
    keep(dim_event_types(spark, events), "dim_event_types")
    keep(dim_dates(events), "dim_dates")
    keep(fact_events(events), "fact_events", "event_year", "event_month")
    ingested, loaded, quarantined = raw.count(), events.count(), bad.count()
    return {
        "rows_ingested": ingested,
        "loaded": loaded,
        "duplicates": ingested - loaded - quarantined,
        "quarantined": quarantined,
    }


def main(source: Path, out: Path, cores: int, journey_rows: int = 1000) -> None:
    out.mkdir(parents=True)
    begun = time.perf_counter()
    spark = session(cores, out)
    started = time.perf_counter()
    fates = build(spark, source, out)
    built = time.perf_counter()
    answers = reports(
        spark.read.parquet(str(out / "fact_events")), spark.read.parquet(str(out / "dim_dates")), journey_rows
    )
    seconds = {"start": started - begun, "tables": built - started, "reports": time.perf_counter() - built}
    result = {"version": f"PySpark {spark.version}", "seconds": seconds, "fates": fates, "reports": answers}
    (out / "result.json").write_text(json.dumps(result, default=str))
    stop(spark)


def stop(spark: SparkSession) -> None:
    """Stop Spark and wait for its process, so that who measures this process measures that one too."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
