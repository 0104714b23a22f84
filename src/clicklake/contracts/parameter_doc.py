"""Parameters of reports: what may be given, and what holds where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from clicklake.errors import UsageError

_MOST = 2**31 - 1
"""Of a whole number, which SQL may take for an int."""


class ParameterDoc(BaseModel):
    """The document of a parameter.

    Args:
        description: What it is.
        default: Its value where nobody gives one; its kind is what is asked for, too: text or a whole number.
        values: What it may be; anything where empty.
        example: A value that it may have, where neither default nor values show one.
        most: With commas between them, so many values at the most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    default: str | int | None = None
    values: tuple[str, ...] = ()
    example: str | None = None
    most: int | None = Field(default=None, ge=1)


def as_parameters(value: object) -> object:
    """A list of names is short for parameters without documents."""
    return {name: {} for name in value} if isinstance(value, (list, tuple)) else value


def checked(report: str, known: Mapping[str, ParameterDoc], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of parameters, those with a whole number for a default as whole numbers.

    Args:
        report: Whose they are, for the message.
        known: The report's parameters.
        given: Values by name.

    Raises:
        UsageError: One can't be what was given.
    """
    return {name: _checked(f"report {report}, parameter {name}", known[name], value) for name, value in given.items()}


def _checked(what: str, doc: ParameterDoc, value: Any) -> Any:  # noqa: ANN401 - as somebody gave it
    if value is None:
        return doc.default
    if isinstance(doc.default, int):
        try:
            number = int(value)
        except ValueError as error:
            raise UsageError(f"{what}: {value!r} is no whole number") from error
        if abs(number) > _MOST:
            raise UsageError(f"{what}: {value!r} is too large; {_MOST:,} is allowed at the most")
        return number
    if doc.values and str(value) not in doc.values:
        allowed = ", ".join(name for name in doc.values if name)
        raise UsageError(f"{what}: {value!r} is none of {allowed}")
    parts = [part for part in str(value).split(",") if part.strip()]
    if doc.most and not 1 <= len(parts) <= doc.most:
        raise UsageError(f"{what}: {len(parts)} values; 1 to {doc.most} are allowed, with commas between them")
    return value
