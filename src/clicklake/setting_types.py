"""What the values of settings may be: sizes, dates, currencies, time zones, names."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from clicklake.contracts.explain import closest

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]i?B)", re.IGNORECASE)


def single_as_list(value: object) -> object:
    """One text where a list is meant."""
    return [value] if isinstance(value, str) else value


def _iso_date(value: object) -> object:
    """Pydantic alone would also take the seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise PydanticCustomError("not_a_date", "this is not a date")


def no_bool(value: object) -> object:
    """Pydantic alone would take `true` for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_number", "this is not a number")
    return value


def _memory_size(value: object) -> object:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) == 0:
        raise ValueError(
            f"{value!r} is not a size such as 512MB, 2GB or 1.5GiB; units: KB, MB, GB, TB, KiB, MiB, GiB, TiB"
        )
    return value


_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def size_in_bytes(text: str) -> int:
    """The bytes of a size such as 512MB or 1.5GiB.

    Raises:
        ValueError: It is no size.
    """
    _memory_size(text)
    found = _SIZE.fullmatch(text)
    assert found is not None
    unit = found[2].upper()
    return int(float(found[1]) * (1024 if "I" in unit else 1000) ** _UNITS[unit[0]])


_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(f"{value!r} is not a duration such as 90s, 30m, 1h or 2d")
    return value


def seconds_of(text: str) -> float:
    """The seconds of a duration such as 90s, 30m, 1h or 2d.

    Raises:
        ValueError: It is none.
    """
    _duration(text)
    found = _DURATION.fullmatch(text)
    assert found is not None
    return float(found[1]) * _SECONDS[found[2]]


def _broker(value: str) -> str:
    if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^\s,:/@]+):\d{1,5}", value):
        raise ValueError(f"{value!r} is not a broker such as kafka.example:9092")
    return value


def _topic(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", value) or value in (".", ".."):
        raise ValueError(f"{value!r} is not the name of a topic; allowed: A-Z, a-z, 0-9, '.', '_' and '-'")
    return value


def _as_text(value: object) -> object:
    """Numbers and yes or no as the text that a library takes."""
    return str(value).lower() if isinstance(value, (bool, int, float)) else value


def _currency_code(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise ValueError(f"{value!r} is not a currency code of three capital letters, such as USD")
    return value


def _time_zone(value: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(value).key
    except (ValueError, KeyError, OSError):
        near = closest(value, available_timezones())
        raise ValueError(f"{value!r} is not a time zone{near}; allowed: names such as Europe/Berlin") from None


def _source_name(value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", value):
        raise ValueError(f"{value!r} is not a source name; allowed: a-z, 0-9 and _, a letter first")
    return value


def _role_name(value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_-]{0,62}", value):
        raise ValueError(f"{value!r} is not the name of a role; allowed: a-z, 0-9, _ and -, a letter first")
    return value


def _grant_pattern(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_*]+(\.[A-Za-z0-9_*]+(\.[^.]+)?)?", value):
        raise ValueError(
            f"{value!r} is not a layer, table or column such as gold, gold.dim_users or gold.dim_users.user_id; "
            "* stands for any part of a name"
        )
    return value


def _endpoint(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
        raise ValueError("it must be an http:// or https:// URL without user and password, the key is a variable")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
MemorySize = Annotated[str, BeforeValidator(_memory_size)]
CurrencyCode = Annotated[str, BeforeValidator(_currency_code)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
SourceName = Annotated[str, AfterValidator(_source_name)]
RoleName = Annotated[str, AfterValidator(_role_name)]
GrantPattern = Annotated[str, AfterValidator(_grant_pattern)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
Secret = Annotated[SecretStr, Field(min_length=1), WithJsonSchema({"type": "string", "minLength": 1})]
LibraryOption = Annotated[Secret, BeforeValidator(_as_text)]
Duration = Annotated[str, BeforeValidator(_duration)]
Broker = Annotated[str, AfterValidator(_broker)]
TopicName = Annotated[str, AfterValidator(_topic)]
PathText = Annotated[str, Field(min_length=1)]
Percentage = Annotated[float, Field(ge=0, le=100)]
Amount = Annotated[Decimal, Field(gt=0), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
