"""Settings of the REST API."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from clicklake.setting_types import MemorySize, single_as_list
from clicklake.settings.section import Section


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", value):
        raise ValueError(f"{value!r} is no origin such as https://shop.example.com; a star is not allowed")
    return value


def _host_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", value):
        raise ValueError(f"{value!r} is no host name such as lake.example.com; without scheme and port")
    return value.lower()


class ApiSettings(Section):
    """What `clicklake serve` listens on, and what a caller may use up."""

    host: str = Field(default="127.0.0.1", description="The address that the API listens on.")
    port: int = Field(default=8470, ge=0, le=65535, description="Its port; 0 takes a free one.")
    host_names: Annotated[list[Annotated[str, AfterValidator(_host_name)]], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="Names under which callers reach the API, beside that address; a request for another name is "
        "refused. Behind a proxy: the name that the proxy passes on.",
    )
    origins: Annotated[list[Annotated[str, AfterValidator(_origin)]], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="Web pages of these origins may call the API from a browser (CORS); none by default.",
    )
    proxies: Annotated[list[str], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    requests_per_minute: int = Field(
        default=6000, ge=0, description="Of one key or token, or of one address where there is no login; 0: any number."
    )
    failures_per_minute: int = Field(
        default=20,
        ge=1,
        description="Wrong keys or tokens of one address; then it is refused until the minute is over.",
    )
    body_bytes: MemorySize = Field(default="1MB", description="A request's body at the most.")
    page_rows: int = Field(default=10_000, ge=1, le=100_000, description="Rows of a page at the most.")
    result_rows: int = Field(default=100_000, ge=1, description="Rows that a query may have.")
    result_bytes: MemorySize = Field(default="64MB", description="Memory that the rows of a query may take.")
    query_seconds: float = Field(default=30, gt=0, description="After so many a query or report is stopped.")
    stream_seconds: float = Field(default=600, gt=0, description="After so many a stream of all rows is stopped.")
    stalled_seconds: float = Field(
        default=60, gt=0, description="Whoever takes nothing of an answer that is streamed for so long is cut off."
    )
    at_once: int = Field(default=4, ge=1, le=64, description="Reports, queries and pages that are computed at once.")
    waiting: int = Field(default=64, ge=0, description="How many more may wait; the next are told to come back.")
    kept_bytes: MemorySize = Field(default="64MB", description="Answers of reports that are kept, together.")
    audit: Literal["always", "never"] = Field(
        default="always", description="Whether each access is a line in audit-DATE.jsonl, in the folder of the logs."
    )
