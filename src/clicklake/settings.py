"""The settings: what each is called, what it may be, and what it is by default."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from clicklake.contracts.explain import Keys, describe, dotted, schemas_at
from clicklake.contracts.quality_rule import Dimension
from clicklake.setting_types import (
    Amount,
    Broker,
    CurrencyCode,
    Duration,
    Endpoint,
    IsoDate,
    LibraryOption,
    MemorySize,
    PathText,
    Percentage,
    Secret,
    SourceName,
    TimeZone,
    TopicName,
    no_bool,
    single_as_list,
)

PATH_KEYS = (
    *("lake", "currency_rates", "holidays", "sources.*.paths"),
    *("duckdb.temp_directory", "logs.directory", "openlineage.file"),
)
"""The settings that hold paths or URLs; `*` stands for any name."""


class _Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    _numbers = field_validator("*", mode="before")(no_bool)


class SourceSettings(_Section):
    """Where a source's files are."""

    paths: Annotated[list[PathText], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Files, folders, globs or URLs of the source; one may stand alone."
    )
    drift: Literal["evolve", "capture", "fail"] | None = Field(
        default=None, description="What an unknown column does, in place of what the contract says."
    )


class RuleSettings(_Section):
    """Limits of what is believed."""

    max_amount: Amount | None = Field(
        default=None, description="The largest amount of one event that is believed; null for no limit."
    )
    earliest_event: IsoDate | None = Field(
        default=None, description="The first day an event may have; null for no limit."
    )
    latest_event: IsoDate | None = Field(default=None, description="The last day an event may have; null for no limit.")

    @model_validator(mode="after")
    def _in_order(self) -> RuleSettings:
        if self.earliest_event and self.latest_event and self.earliest_event > self.latest_event:
            raise ValueError(
                f"earliest_event ({self.earliest_event}) must not be after latest_event ({self.latest_event})"
            )
        return self


class SegmentSettings(_Section):
    """How many events put a user into an activity segment."""

    high: int = Field(default=20, description="Events from which a user is High Activity.")
    medium: int = Field(default=5, description="Events from which a user is Medium Activity.")
    low: int = Field(
        default=2, ge=2, description="Events from which a user is Low Activity; below, a one-time visitor."
    )

    @model_validator(mode="after")
    def _in_order(self) -> SegmentSettings:
        if not self.high > self.medium > self.low:
            raise ValueError(
                f"high ({self.high}) must be above medium ({self.medium}), and medium above low ({self.low})"
            )
        return self


class LifetimeSettings(_Section):
    """What customers are expected to be worth, and when one is at risk."""

    horizon_days: int = Field(
        default=365, ge=1, le=3650, description="The days ahead that purchases are predicted for."
    )
    discount_rate: float = Field(
        default=0.0,
        ge=0,
        lt=10,
        allow_inf_nan=False,
        description="The yearly rate at which later purchases are worth less, such as 0.1; 0 for none.",
    )
    at_risk_gaps: float = Field(
        default=2.0,
        ge=1,
        le=100,
        allow_inf_nan=False,
        description="A customer is at risk whose last purchase is longer ago than this many of the expected gaps.",
    )


class AffinitySettings(_Section):
    """Which products count as bought together."""

    min_orders: int = Field(default=2, ge=1, description="Orders from which two products are a pair that is shown.")
    max_products: int = Field(
        default=100, ge=2, le=1000, description="Different products of an order; one with more is left out."
    )


class SourceQualitySettings(_Section):
    """Quality thresholds of one source."""

    warn_under: Percentage | None = Field(
        default=None, description="As quality.warn_under, for this source alone; null for the same."
    )
    fail_under: Percentage | None = Field(
        default=None,
        description="As quality.fail_under, for this source alone; null for the same, 0 for never.",
    )


class DimensionQualitySettings(_Section):
    """Thresholds of a dimension, in every table."""

    warn_under: Percentage | None = Field(
        default=None,
        description="A measure of this dimension (completeness, uniqueness, validity, accuracy or consistency) whose "
        "score is below this is a warning; null for quality.warn_under in silver and gold, and never in bronze.",
    )
    fail_under: Percentage | None = Field(
        default=None, description="A measure of this dimension whose score is below this fails; null for never."
    )


class TableQualitySettings(_Section):
    """Thresholds of a silver or gold table, in every dimension."""

    warn_under: Percentage | None = Field(
        default=None,
        description="A measure of this table (its name without the layer) whose score is below this is a warning; null "
        "for what its dimension has.",
    )
    fail_under: Percentage | None = Field(
        default=None,
        description="A measure of this table whose score is below this fails; null for what its dimension has, 0 for "
        "never.",
    )


class QualitySettings(_Section):
    """Quality scores, in percent, that are too low."""

    when: Literal["asked", "after_run"] = Field(
        default="asked",
        description="When all measures are taken: by `clicklake quality`, or at the end of each run too, where their "
        "thresholds then speak. The scores of sources are known after each run either way.",
    )
    warn_under: Percentage = Field(default=95.0, description="A source's quality score below this is a warning.")
    fail_under: Percentage | None = Field(
        default=None, description="A source's quality score below this fails the run; null for never."
    )
    sources: dict[SourceName, SourceQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single sources, by name."
    )
    dimensions: dict[Dimension, DimensionQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single dimensions, by name."
    )
    tables: dict[SourceName, TableQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single silver and gold tables, by name without the layer."
    )

    def for_source(self, name: str) -> tuple[float, float | None]:
        """The scores below which a source warns and fails, in percent."""
        own = self.sources.get(name, SourceQualitySettings())
        return (
            self.warn_under if own.warn_under is None else own.warn_under,
            self.fail_under if own.fail_under is None else own.fail_under,
        )

    def for_measure(self, table: str, dimension: str) -> tuple[float | None, float | None]:
        """The scores below which a measure warns and fails, in percent.

        Args:
            table: Full name; in bronze only the dimension's own thresholds hold, a source's are on its whole score.
            dimension: What it measures.
        """
        layer, _, name = table.partition(".")
        given = (found for key, found in self.dimensions.items() if key == dimension)
        general = next(given, DimensionQualitySettings())
        if layer == "bronze":
            return general.warn_under, general.fail_under
        own = self.tables.get(name, TableQualitySettings())
        warns = (own.warn_under, general.warn_under, self.warn_under)
        fails = (own.fail_under, general.fail_under)
        return next((w for w in warns if w is not None), None), next((f for f in fails if f is not None), None)


class DuckDBSettings(_Section):
    """What the embedded engine may use."""

    memory_limit: MemorySize = Field(default="1GB", description="The memory DuckDB may use, such as 512MB or 1.5GiB.")
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="The threads DuckDB may use; null for one per core."
    )
    temp_directory: PathText | None = Field(
        default=None, description="The folder for what does not fit in memory; null for the system's."
    )


class SparkSettings(_Section):
    """How Apache Spark is reached, where it is the engine."""

    master: str = Field(
        default="local[*]",
        description="Where Spark runs: local[*] for this machine, spark://host:7077, k8s://https://host:443, yarn; "
        "what spark-submit says goes before.",
    )
    memory: MemorySize | None = Field(
        default=None,
        description="The memory of the driver and of each executor, such as 4GB; null for what Spark takes (1 GB).",
    )
    conf: dict[str, str] = Field(
        default_factory=dict, description="Any properties of Spark, such as spark.executor.cores: '4'."
    )


class CompactionSettings(_Section):
    """When small files of a table are put together."""

    when: Literal["after_run", "never"] = Field(
        default="after_run", description="When small files are put together on their own."
    )
    min_files: int = Field(
        default=8, ge=2, le=1000, description="Files of about one size in one partition from which they become one."
    )
    small_file: MemorySize = Field(default="16MB", description="The size from which a file is not small.")


class StorageSettings(_Section):
    """How tables are written and how long their past is kept."""

    compression: Literal["zstd", "snappy"] = Field(default="zstd", description="The compression of Parquet files.")
    compression_level: int = Field(default=1, ge=1, le=22, description="The zstd level; snappy has none.")
    checkpoint_interval: int = Field(default=10, ge=1, description="Commits between two checkpoints of a Delta log.")
    log_retention_days: int = Field(default=30, ge=1, description="Days that a table's old log entries are kept.")
    file_retention_days: int = Field(
        default=7, ge=1, description="Days that files no version needs any more are kept from vacuum."
    )
    compaction: CompactionSettings = Field(
        default_factory=CompactionSettings, description="When small files are put together."
    )


class ObjectStoreSettings(_Section):
    """How the object store is reached where the lake or sources lie: URLs such as s3://bucket/folder."""

    endpoint: Endpoint | None = Field(
        default=None,
        description="The address of a store that is not AWS's own, such as https://minio.example.com:9000; null for "
        "AWS_ENDPOINT_URL, else AWS.",
    )
    region: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The region of the buckets; null for AWS_REGION or AWS_DEFAULT_REGION."
    )
    access_key_id: Secret | None = Field(
        default=None,
        description="The key's id; null for AWS_ACCESS_KEY_ID, else a profile (AWS_PROFILE) or the machine's role.",
    )
    secret_access_key: Secret | None = Field(
        default=None,
        description="The key, from the environment (${NAME}); null for AWS_SECRET_ACCESS_KEY.",
    )
    session_token: Secret | None = Field(
        default=None, description="What goes with a key for a limited time; null for AWS_SESSION_TOKEN."
    )


class LogSettings(_Section):
    """What is logged, and where."""

    directory: PathText | None = Field(
        default=None,
        description="The folder of the log files; null for one in the project, else in the lake or, where that is "
        "on an object store, in the current folder.",
    )
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level logged.")


class AlertSettings(_Section):
    """Who is told where a quality threshold is broken, or holds again."""

    urls: Annotated[list[Secret], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="Where alerts go, as URLs of apprise such as mailto://, slack:// or json://; from the environment "
        "(${NAME}), for they hold secrets. One may stand alone. Needs clicklake[alerts].",
    )
    least: Literal["warn", "fail"] = Field(
        default="warn", description="What is worth an alert: every broken threshold, or only those that fail."
    )


class OpenLineageSettings(_Section):
    """Where OpenLineage events of each run go."""

    url: Endpoint | None = Field(
        default=None,
        description="The endpoint that events are posted to, such as http://localhost:5000/api/v1/lineage; its key is "
        "the variable OPENLINEAGE_API_KEY.",
    )
    file: PathText | None = Field(default=None, description="The file that events are appended to, one JSON a line.")
    namespace: PathText = Field(default="clicklake", description="The namespace of jobs and sources.")


class KafkaSettings(_Section):
    """What `clicklake stream kafka` reads, and how."""

    brokers: Annotated[list[Broker], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Brokers to begin with, such as kafka.example:9092; one may stand alone."
    )
    topics: dict[SourceName, TopicName] = Field(
        default_factory=dict, description="The topic of each source that is streamed, by the source's name."
    )
    group: Annotated[str, Field(min_length=1, max_length=249)] | None = Field(
        default=None,
        description="The consumer group; null for clicklake-SOURCE. What it commits is for monitoring alone.",
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where a topic is begun that the lake has nothing of yet."
    )
    batch_seconds: float = Field(
        default=2.0,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds from one batch to the next, at the least; a batch that takes longer is followed at once.",
    )
    batch_rows: int = Field(
        default=100_000,
        ge=1,
        le=5_000_000,
        description="Messages of one commit to bronze, at the most; twice as many are held in memory.",
    )
    buffer: MemorySize = Field(
        default="64MB", description="Bytes of messages held in memory, at the most; then reading waits."
    )
    watermark: Duration = Field(
        default="1h",
        description="An event that is so far behind the newest one before it in its partition, or farther, is late: "
        "it is counted, and kept.",
    )
    event_time: str | None = Field(
        default=None,
        description="The column whose times are compared for it; null for the contract's first required time.",
    )
    on_gap: Literal["fail", "continue"] = Field(
        default="fail",
        description="What is done where messages are gone that were not read yet, or the topic was made anew: stop, or "
        "go on with the oldest message there is and note the gap in ops.streams.",
    )
    spark_source: Literal["python", "connector"] = Field(
        default="python",
        description="Who reads on Spark: the program's own Python data source, or Spark's connector, whose jars must "
        "be there and whose options are those of the Java client (not tested).",
    )
    options: dict[str, LibraryOption] = Field(
        default_factory=dict,
        description="Properties of librdkafka by name, such as security.protocol, sasl.username and sasl.password; "
        "secrets from the environment (${NAME}). They are never shown. In names of variables _ stands for the dot.",
    )


class Settings(_Section):
    """All settings of a project."""

    lake: PathText = Field(default="./lake", description="The folder or object-store URL of the lake.")
    engine: Literal["duckdb", "spark"] = Field(default="duckdb", description="The SQL engine that runs the models.")
    currency: CurrencyCode = Field(default="USD", description="The lake's currency, as its ISO 4217 code.")
    currency_rates: PathText | None = Field(
        default=None,
        description="A CSV file with the columns currency, rate (what one of it is worth in the lake's currency) and, "
        "if rates change, date (from which day on); amounts in these currencies are converted.",
    )
    holidays: PathText | None = Field(
        default=None,
        description="A CSV file with the column date (such as 2026-12-25) and, if wanted, name: the holidays of "
        "gold.dim_dates.",
    )
    reporting_timezone: TimeZone = Field(
        default="UTC",
        description="The time zone of days and hours in gold tables and reports, by its IANA name.",
    )
    purchase_source: Literal["auto", "clicks", "orders"] = Field(
        default="auto",
        description="What customer reports count as purchases; auto: orders where there are any.",
    )
    sources: dict[SourceName, SourceSettings] = Field(
        default_factory=dict, description="The sources that `clicklake run` reads, by name."
    )
    rules: RuleSettings = Field(default_factory=RuleSettings, description="Limits of what is believed.")
    segments: SegmentSettings = Field(
        default_factory=SegmentSettings, description="Bounds of the report user_segments."
    )
    lifetime_value: LifetimeSettings = Field(
        default_factory=LifetimeSettings,
        description="What customers are expected to be worth, and when one is at risk.",
    )
    affinity: AffinitySettings = Field(
        default_factory=AffinitySettings, description="Bounds of the report product_affinity."
    )
    quality: QualitySettings = Field(default_factory=QualitySettings, description="Quality scores that are too low.")
    duckdb: DuckDBSettings = Field(default_factory=DuckDBSettings, description="What the embedded engine may use.")
    spark: SparkSettings = Field(
        default_factory=SparkSettings, description="How Apache Spark is reached, where it is the engine."
    )
    storage: StorageSettings = Field(default_factory=StorageSettings, description="How tables are written and kept.")
    object_store: ObjectStoreSettings = Field(
        default_factory=ObjectStoreSettings, description="How the object store of lake and sources is reached."
    )
    owners: dict[SourceName, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Who answers for a source or table, by its name without the layer, or for a whole layer (gold): a "
        "team or a person, as the data dictionary names them.",
    )
    logs: LogSettings = Field(default_factory=LogSettings, description="What is logged, and where.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="Who is told of broken thresholds.")
    openlineage: OpenLineageSettings = Field(
        default_factory=OpenLineageSettings, description="Where OpenLineage events of each run go."
    )
    kafka: KafkaSettings = Field(
        default_factory=KafkaSettings, description="What `clicklake stream kafka` reads, and how."
    )


class SettingReference(NamedTuple):
    """One setting, as the documentation shows it; `*` in the key stands for any name."""

    key: str
    type: str
    default: str
    description: str


def settings_reference(under: Keys = ()) -> list[SettingReference]:
    """Every setting that holds a value, in the order of the file."""
    found: list[SettingReference] = []
    for schema in schemas_at(Settings, under):
        if isinstance(schema.get("additionalProperties"), dict):
            found += settings_reference((*under, "*"))
        for name, child in schema.get("properties", {}).items():
            path = (*under, name)
            inner = schemas_at(Settings, path)
            values = inner[0].get("additionalProperties")
            if isinstance(values, dict) and values.get("type") == "string":
                found.append(SettingReference(f"{dotted(path)}.*", describe([values]), "null", child["description"]))
                continue
            if inner[0].get("type") == "object":
                found += settings_reference(path)
                continue
            default = child.get("default", [])
            shown = "null" if default is None else str(default)
            found.append(SettingReference(dotted(path), describe(inner), shown, child["description"]))
    return found
