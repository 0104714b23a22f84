"""Settings of what comes in: where it is, and what of it is believed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from clicklake.setting_types import Amount, IsoDate, PathText, single_as_list
from clicklake.settings.section import Section


class SourceSettings(Section):
    """Where a source's files are."""

    paths: Annotated[list[PathText], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Files, folders, globs or URLs of the source; one may stand alone."
    )
    drift: Literal["evolve", "capture", "fail"] | None = Field(
        default=None, description="What an unknown column does, in place of what the contract says."
    )


class RuleSettings(Section):
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
