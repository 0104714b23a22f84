"""Settings of how tables are written and kept, and of the object store they may lie in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clicklake.setting_types import Endpoint, MemorySize, Secret
from clicklake.settings.section import Section


class CompactionSettings(Section):
    """When small files of a table are put together."""

    when: Literal["after_run", "never"] = Field(
        default="after_run", description="When small files are put together on their own."
    )
    min_files: int = Field(
        default=8, ge=2, le=1000, description="Files of about one size in one partition from which they become one."
    )
    small_file: MemorySize = Field(default="16MB", description="The size from which a file is not small.")


class StorageSettings(Section):
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


class ObjectStoreSettings(Section):
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
