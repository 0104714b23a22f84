"""Settings of the engines that run the models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from clicklake.setting_types import MemorySize, PathText
from clicklake.settings.section import Section


class DuckDBSettings(Section):
    """What the embedded engine may use."""

    memory_limit: MemorySize = Field(default="1GB", description="The memory DuckDB may use, such as 512MB or 1.5GiB.")
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="The threads DuckDB may use; null for one per core."
    )
    temp_directory: PathText | None = Field(
        default=None, description="The folder for what does not fit in memory; null for the system's."
    )


class SparkSettings(Section):
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
