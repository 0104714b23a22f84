"""How a column of texts writes its times: ISO 8601, seconds since 1970, day first, month first, names of months."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?")
_NUMERIC = re.compile(r"(?P<a>\d{1,4})(?P<sep>[./-])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{2}(?!\d)|\d(?=\D|$))")
_DAY_MONTH = re.compile(
    r"(?P<week>[A-Za-z]{3}, )?(?P<day>\d{1,2})(?P<s1>[ /.-])(?P<month>[A-Za-z]{3,9})"
    r"(?P<s2>[ /.-])(?P<year>\d{4}|\d{2}(?!\d))"
)
_MONTH_DAY = re.compile(r"(?P<month>[A-Za-z]{3,9})(?P<s1> )(?P<day>\d{1,2})(?P<s2>,? )(?P<year>\d{4})")
_CLOCK = re.compile(
    r"(?P<gap> {1,2}|T|:|, ?)(?P<hour>\d{1,2})(?P<colon>[:.])(?P<minute>\d{2})"
    r"((?P=colon)(?P<second>\d{2})((?P<dot>[.,])(?P<fraction>\d{1,6}))?)?"
    r"((?P<space> ?)(?P<half>[AaPp][Mm]))?((?P<before>\ ?)(?P<zone>UTC|GMT|Z|[+-]\d{2}(:?\d{2})?))?"
)
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?|\d\.\d+[eE]\+?\d{1,2}")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d{1,6})?)?( ?[AaPp][Mm])?")
_MONTHS = "january february march april may june july august september october november december".split()
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = 946_684_800, 4_102_444_800  # 2000 and 2100: what is taken for seconds since 1970
_YEAR_9999 = 253_402_300_799
_MOST = 20_000
_MOST_FORMATS = 8


@dataclass(frozen=True)
class Times:
    """How a column writes its times.

    Args:
        share: Of the values that are there, those that could be read.
        formats: What is not ISO 8601, as strptime has it.
        expression: SQL that makes ISO 8601 of `{}`, the column; `{}` where that isn't needed.
        is_ambiguous: Whether day and month could stand the other way round.
        has_clock: Whether there are times of day.
        note: What a person should know; empty where it is plain.
        epoch: Whether these are numbers: s, ms, us or ns since 1970.
    """

    share: float
    formats: tuple[str, ...] = ()
    expression: str = "{}"
    is_ambiguous: bool = False
    has_clock: bool = True
    note: str = ""
    epoch: str = ""


@dataclass(frozen=True)
class _Reading:
    """One way to read a text: `order` is dmy, mdy or empty where there is no choice."""

    format: str
    order: str
    moment: datetime
    is_zoned: bool = False


def read_times(values: Iterable[str]) -> Times | None:
    """How these texts write times, in the order of the file; None where hardly any is one."""
    texts = list(values)[:_MOST]
    if not texts:
        return None
    if epoch := _epoch(texts):
        return epoch
    readings = [[] if _ISO.fullmatch(text) else _readings(text) for text in texts]
    is_iso = [bool(_ISO.fullmatch(text)) for text in texts]
    share = (sum(is_iso) + sum(map(bool, readings))) / len(texts)
    if share < 0.5:
        return None
    order, is_ambiguous, note = _order(readings)
    counted: Counter[tuple[str, bool]] = Counter()
    for options in readings:
        chosen = [reading for reading in options if reading.order in ("", order)] or options
        counted.update((reading.format, reading.is_zoned) for reading in chosen[:1])
    common = [found for found, _ in counted.most_common(_MOST_FORMATS)]
    zoned = [pattern for pattern, is_zoned in common if is_zoned]
    iso_clock = any(iso and len(text) > 10 for iso, text in zip(is_iso, texts, strict=True))
    return Times(
        share=share,
        formats=tuple(pattern for pattern, is_zoned in common if not is_zoned),
        expression=_with_zone(zoned) if zoned else "{}",
        is_ambiguous=is_ambiguous,
        has_clock=iso_clock or any("%H" in pattern or "%I" in pattern for pattern, _ in common),
        note=note,
    )


def is_time_of_day(values: Sequence[str]) -> bool:
    """Whether these are times without a date, such as 10:21."""
    return bool(values) and sum(bool(_TIME_OF_DAY.fullmatch(value)) for value in values) >= 0.9 * len(values)


def _epoch(texts: Sequence[str]) -> Times | None:
    """Numbers that are seconds, or parts of them, since 1970, at some time from 2000 to 2100."""
    units: Counter[str] = Counter()
    has_fraction = False
    for text in texts:
        if not _NUMBER.fullmatch(text):
            continue
        number = float(text)
        for unit, per_second in _UNITS.items():
            if _FIRST <= number / per_second < _LAST:
                units[unit] += 1
                has_fraction = has_fraction or not text.isdigit()
    if not units:
        return None
    unit, rows = units.most_common(1)[0]
    if rows < 0.5 * len(texts):
        return None
    words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
    note = f"numbers, taken for {words[unit]} since 1970"
    return Times(rows / len(texts), expression=_from_epoch(unit, has_fraction), note=note, epoch=unit)


def _from_epoch(unit: str, has_fraction: bool) -> str:
    per_second = _UNITS[unit]
    if has_fraction:
        number = "try_cast({} as double)"
        millis = f"cast(round({number} * {1000 // per_second if per_second <= 1000 else 1}) as bigint)"
        moment = f"epoch_ms({millis})" if per_second <= 1000 else f"make_timestamp(cast(round({number}) as bigint))"
    else:
        number = "try_cast({} as bigint)"
        moment = {
            "s": f"epoch_ms({number} * 1000)",
            "ms": f"epoch_ms({number})",
            "us": f"make_timestamp({number})",
            "ns": f"make_timestamp({number} // 1000)",
        }[unit]
    # Beyond the year 9999 the engine would stop at the value; here it is left as it is, and breaks a rule.
    return (
        f"case\n    when {number} between 0 and {_YEAR_9999 * per_second}\n"
        f"        then cast({moment} as varchar) || 'Z'\n    else {{}}\nend"
    )


def _with_zone(formats: Sequence[str]) -> str:
    listed = ", ".join(f"'{pattern}'" for pattern in formats)
    return f"coalesce(cast(timezone('UTC', try_strptime({{}}, [{listed}])) as varchar) || 'Z', {{}})"


def _order(readings: Sequence[Sequence[_Reading]]) -> tuple[str, bool, str]:
    """Whether the day or the month stands first, whether that is a guess, and what to say about it."""
    both = [{reading.order: reading for reading in options} for options in readings if options and options[0].order]
    if not both:
        return "", False, ""
    only_day = sum("mdy" not in options for options in both)
    only_month = sum("dmy" not in options for options in both)
    if only_day and only_month:
        note = f"{only_day:,} dates fit day-first alone, {only_month:,} month-first alone: both formats are listed"
        return ("dmy" if only_day >= only_month else "mdy"), True, note
    if only_day or only_month:
        return ("dmy" if only_day else "mdy"), False, ""
    first = both[0]["dmy"].format
    if "." in first[:6]:
        return "dmy", False, ""  # nobody writes months first with dots
    moments = {order: [options[order].moment for options in both] for order in ("dmy", "mdy")}
    falls = {order: _falls(times) for order, times in moments.items()}
    spans = {order: max(times) - min(times) for order, times in moments.items()}
    if falls["dmy"] != falls["mdy"]:
        order = min(falls, key=lambda name: falls[name])
        why = "as the times then rise through the file"
    elif spans["dmy"] != spans["mdy"]:
        order = min(spans, key=lambda name: spans[name])
        why = "as the times then lie closer together"
    else:
        order = "mdy" if "%p" in first else "dmy"
        why = "as is usual with AM and PM" if order == "mdy" else "for want of any sign"
    name = "day-first" if order == "dmy" else "month-first"
    return order, True, f"day and month could stand either way round; {name} was taken, {why}"


def _falls(moments: Sequence[datetime]) -> int:
    return sum(later < earlier for earlier, later in zip(moments, moments[1:], strict=False))


def _readings(text: str) -> list[_Reading]:
    if text.isdigit():
        return _compact(text)
    for pattern, read in ((_NUMERIC, _numeric), (_DAY_MONTH, _named), (_MONTH_DAY, _named)):
        if match := pattern.match(text):
            clock = _clock(text[match.end() :])
            return [] if clock is None else read(match, *clock)
    return []


def _compact(text: str) -> list[_Reading]:
    pattern = _COMPACT.get(len(text))
    try:
        moment = datetime.strptime(text, pattern) if pattern else None
    except ValueError:
        return []
    return [_Reading(pattern, "", moment)] if pattern and moment and 1990 <= moment.year < 2100 else []


def _clock(text: str) -> tuple[str, tuple[int, int, int], bool] | None:
    """The format of what follows a date, its time, and whether it has an offset; None where it is no time."""
    if not text:
        return "", (0, 0, 0), False
    match = _CLOCK.fullmatch(text)
    if not match:
        return None
    part = match.groupdict()
    pattern = f"{part['gap']}{'%I' if part['half'] else '%H'}{part['colon']}%M"
    if part["second"]:
        pattern += f"{part['colon']}%S" + (f"{part['dot']}%f" if part["fraction"] else "")
    if part["half"]:
        pattern += f"{part['space']}%p"
    is_zoned = bool(part["zone"]) and part["zone"][0] in "+-"
    if part["zone"]:
        pattern += part["before"] + ("%z" if is_zoned else part["zone"])
    return pattern, (int(part["hour"]), int(part["minute"]), int(part["second"] or 0)), is_zoned


def _numeric(match: re.Match[str], clock: str, time: tuple[int, int, int], is_zoned: bool) -> list[_Reading]:
    a, b, c, sep = match["a"], match["b"], match["c"], match["sep"]
    if len(a) == 4:
        options = [("", f"%Y{sep}%m{sep}%d", (a, b, c))]
    elif len(a) > 2 or len(c) not in (2, 4):
        return []
    else:
        year = "%Y" if len(c) == 4 else "%y"
        options = [
            ("dmy", f"%d{sep}%m{sep}{year}", (c, b, a)),
            ("mdy", f"%m{sep}%d{sep}{year}", (c, a, b)),
        ]
    found = []
    for order, pattern, (year_text, month, day) in options:
        if moment := _moment(year_text, int(month), int(day), time):
            found.append(_Reading(pattern + clock, order, moment, is_zoned))
    return found


def _named(match: re.Match[str], clock: str, time: tuple[int, int, int], is_zoned: bool) -> list[_Reading]:
    name = match["month"].lower()
    months = [at for at, month in enumerate(_MONTHS, 1) if name in (month, month[:3])]
    moment = _moment(match["year"], months[0], int(match["day"]), time) if months else None
    if moment is None:
        return []
    month = "%b" if len(name) == 3 else "%B"
    year = "%Y" if len(match["year"]) == 4 else "%y"
    if match.re is _MONTH_DAY:
        pattern = f"{month}{match['s1']}%d{match['s2']}{year}"
    else:
        pattern = f"{'%a, ' if match['week'] else ''}%d{match['s1']}{month}{match['s2']}{year}"
    return [_Reading(pattern + clock, "", moment, is_zoned)]


def _moment(year: str, month: int, day: int, time: tuple[int, int, int]) -> datetime | None:
    try:
        return datetime(int(year) + (2000 if len(year) == 2 else 0), month, day, *time)
    except ValueError:
        return None
