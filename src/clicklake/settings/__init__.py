"""The settings: what each is called, what it may be, and what it is by default; a section a module."""

from clicklake.settings.access import AccessSettings, Action, ClaimSettings, RoleSettings, TokenSettings
from clicklake.settings.all import Settings
from clicklake.settings.api import ApiSettings
from clicklake.settings.dashboard import DashboardSettings, LoginSettings
from clicklake.settings.engines import DuckDBSettings, SparkSettings
from clicklake.settings.inputs import RuleSettings, SourceSettings
from clicklake.settings.kafka import KafkaSettings
from clicklake.settings.quality import (
    DimensionQualitySettings,
    QualitySettings,
    SourceQualitySettings,
    TableQualitySettings,
)
from clicklake.settings.reference import SettingReference, settings_reference
from clicklake.settings.reports import AffinitySettings, LifetimeSettings, SegmentSettings
from clicklake.settings.storage import CompactionSettings, ObjectStoreSettings, StorageSettings
from clicklake.settings.telling import AlertSettings, LogSettings, OpenLineageSettings

PATH_KEYS = (
    *("lake", "currency_rates", "holidays", "sources.*.paths"),
    *(
        "duckdb.temp_directory",
        "logs.directory",
        "openlineage.file",
        "access.keys_file",
        "access.tokens.public_key",
        "access.tokens.jwks",
    ),
)
"""The settings that hold paths or URLs; `*` stands for any name."""

__all__ = [
    "AccessSettings",
    "Action",
    "ClaimSettings",
    "AffinitySettings",
    "AlertSettings",
    "ApiSettings",
    "CompactionSettings",
    "DashboardSettings",
    "DimensionQualitySettings",
    "DuckDBSettings",
    "KafkaSettings",
    "LifetimeSettings",
    "LogSettings",
    "LoginSettings",
    "ObjectStoreSettings",
    "OpenLineageSettings",
    "PATH_KEYS",
    "QualitySettings",
    "RoleSettings",
    "RuleSettings",
    "SegmentSettings",
    "SettingReference",
    "Settings",
    "SourceQualitySettings",
    "SourceSettings",
    "SparkSettings",
    "StorageSettings",
    "TableQualitySettings",
    "settings_reference",
    "TokenSettings",
]
