"""Settings of who may read and do what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from clicklake.setting_types import GrantPattern, RoleName, single_as_list
from clicklake.settings.section import Section

Action = Literal["query", "trace", "run", "replay"]
"""What a role may do beside reading tables and reports."""


def _once(values: list[Action]) -> list[Action]:
    return list(dict.fromkeys(values))


class RoleSettings(Section):
    """What a role may read and do."""

    reads: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="What the role may read: layers (gold), tables (gold.dim_users) and columns "
        "(gold.dim_users.first_seen); * stands for any part of a name (gold.fact_*). Reports are read "
        "whose columns all are.",
    )
    hides: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="What of that it may not read, named alike; such columns are not there."
    )
    plain: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Of what personal data is shown, named alike; it is masked elsewhere."
    )
    may: Annotated[list[Action], BeforeValidator(single_as_list), AfterValidator(_once)] = Field(
        default_factory=list,
        description="What the role may do beside reading: query (its own SQL), trace (one person or row), run, replay.",
    )


class AccessSettings(Section):
    """Who may read and do what over the API and the dashboard."""

    roles: dict[RoleName, RoleSettings] = Field(
        default_factory=dict,
        description="Roles by name, beside reader, analyst, engineer and admin; one of these names takes its place.",
    )
