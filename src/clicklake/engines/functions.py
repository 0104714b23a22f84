r"""The lake functions: the few functions that SQL models may call beyond the SQL that all engines share.

Each engine defines the same functions under the same names, with the same results, so that a model's text runs
on any of them. Timestamps are naive UTC.

| function | result |
|---|---|
| `reporting_time(ts)` | a UTC timestamp in the reporting time zone, naive |
| `unix_micros(ts)` | microseconds since 1970-01-01, bigint |
| `pct(part, whole)` | 100 x part / whole of two counts, rounded half up to 2 decimals, double; null where whole is 0 |
| `per(total, n)` | total / n, rounded half away from zero to cents, decimal(18,2); null where n is 0 |
| `lower_snake(text)` | `Page View`, `pageView` and `page-view` as `page_view`; null where no letter or digit is left |
"""

from __future__ import annotations

_UTC = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu", "Universal"})

_UNIX_MICROS = "create or replace macro unix_micros(ts) as epoch_us(ts)"

# A division of whole numbers is exact where one of floating point numbers is not: 1.005 becomes 1.01, always.
_PCT = """create or replace macro pct(part, whole) as cast(
    (cast(part as bigint) * 20000 + cast(whole as bigint)) // nullif(2 * cast(whole as bigint), 0)
    as double) / 100"""

# In cents, which are whole: (2 x |cents| + n) // 2n rounds half up; the sign comes back last.
_PER = """create or replace macro per(total, n) as cast(
    case when total < 0 then -1 else 1 end
    * cast(
        (2 * abs(cast(cast(total as decimal(36, 2)) * 100 as hugeint)) + cast(n as hugeint))
        // nullif(2 * cast(n as hugeint), 0)
        as decimal(20, 0))
    * 0.01
    as decimal(18, 2))"""

# Most texts are snake case already, or words with blanks or hyphens; one match tells, where three replacements would
# take seven times as long.
_LOWER_SNAKE = r"""create or replace macro lower_snake(text) as case
    when regexp_full_match(text, '[a-z0-9]+(_[a-z0-9]+)*') then text
    when regexp_full_match(text, '[A-Z]?[a-z0-9]+([ _-][A-Z]?[a-z0-9]+)*') then lower(translate(text, ' -', '__'))
    else nullif(trim(lower(regexp_replace(regexp_replace(regexp_replace(
        text,
        '(\p{Lu})(\p{Lu}\p{Ll})', '\1_\2', 'g'),
        '([\p{Ll}\p{N}])(\p{Lu})', '\1_\2', 'g'),
        '[^\p{L}\p{N}]+', '_', 'g')), '_'), '')
    end"""


def duckdb_functions(reporting_timezone: str) -> list[str]:
    """The lake functions as DuckDB macros; another engine defines the same functions in its own way.

    Args:
        reporting_timezone: An IANA name that the caller has checked.

    Returns:
        Statements that create them, or replace them where they are there.
    """
    return [_reporting_time(reporting_timezone), _UNIX_MICROS, _PCT, _PER, _LOWER_SNAKE]


def is_utc(time_zone: str) -> bool:
    """Whether a zone is another name of UTC, so that times in it need no conversion."""
    return time_zone in _UTC


def _reporting_time(time_zone: str) -> str:
    # A conversion asks ICU for each row: UTC needs none, and any other zone one, since micros are UTC already.
    local = "ts" if is_utc(time_zone) else f"timezone({_literal(time_zone)}, make_timestamptz(epoch_us(ts)))"
    return f"create or replace macro reporting_time(ts) as {local}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
