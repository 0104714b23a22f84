"""A group of settings, as all sections are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from clicklake.setting_types import no_bool


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, hide_input_in_errors=True)

    _numbers = field_validator("*", mode="before")(no_bool)
