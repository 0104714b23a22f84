"""Settings of who is told what happens: logs, alerts and lineage events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from clicklake.setting_types import Endpoint, PathText, Secret, single_as_list
from clicklake.settings.section import Section


class LogSettings(Section):
    """What is logged, and where."""

    directory: PathText | None = Field(
        default=None,
        description="The folder of the log files; null for one in the project, else in the lake or, where that is "
        "on an object store, in the current folder.",
    )
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level logged.")


class AlertSettings(Section):
    """Who is told where a quality threshold is broken, or holds again."""

    urls: Annotated[list[Secret], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="Where alerts go, as URLs of apprise such as mailto://, slack:// or json://; from the environment "
        "(${NAME}), for they hold secrets. One may stand alone. Needs clicklake[alerts].",
    )
    least: Literal["warn", "fail"] = Field(
        default="warn", description="What is worth an alert: every broken threshold, or only those that fail."
    )


class OpenLineageSettings(Section):
    """Where OpenLineage events of each run go."""

    url: Endpoint | None = Field(
        default=None,
        description="The endpoint that events are posted to, such as http://localhost:5000/api/v1/lineage; its key is "
        "the variable OPENLINEAGE_API_KEY.",
    )
    file: PathText | None = Field(default=None, description="The file that events are appended to, one JSON a line.")
    namespace: PathText = Field(default="clicklake", description="The namespace of jobs and sources.")
