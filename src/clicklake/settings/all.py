"""All sections together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clicklake.setting_types import CurrencyCode, PathText, SourceName, TimeZone
from clicklake.settings.access import AccessSettings
from clicklake.settings.api import ApiSettings
from clicklake.settings.dashboard import DashboardSettings
from clicklake.settings.engines import DuckDBSettings, SparkSettings
from clicklake.settings.inputs import RuleSettings, SourceSettings
from clicklake.settings.kafka import KafkaSettings
from clicklake.settings.quality import QualitySettings
from clicklake.settings.reports import AffinitySettings, LifetimeSettings, SegmentSettings
from clicklake.settings.section import Section
from clicklake.settings.storage import ObjectStoreSettings, StorageSettings
from clicklake.settings.telling import AlertSettings, LogSettings, OpenLineageSettings


class Settings(Section):
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
    access: AccessSettings = Field(
        default_factory=AccessSettings, description="Who may read and do what over the API and the dashboard."
    )
    dashboard: DashboardSettings = Field(
        default_factory=DashboardSettings, description="Who may look at the dashboard, by which login."
    )
    api: ApiSettings = Field(
        default_factory=ApiSettings, description="What `clicklake serve` listens on, and what a caller may use up."
    )
