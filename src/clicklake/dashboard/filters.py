"""The filters above every page: days, source, segment. They live in the URL, so that links show them too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import streamlit as st

PERIODS: Mapping[str, tuple[str, int | None]] = {
    "7d": ("Last 7 days", 7),
    "30d": ("Last 30 days", 30),
    "90d": ("Last 90 days", 90),
    "365d": ("Last 365 days", 365),
    "all": ("All days", None),
    "own": ("Days of your own", None),
}
"""Names in the URL, what is shown, and how many days up to the last one that the lake has."""
_DEFAULTS = ("90d", "30d", "7d")

_KEYS = ("period", "since", "until", "source", "segment")
_WIDGETS = ("filter_period", "filter_days", "filter_source", "filter_segment")
_WRITTEN = "filters_written"
_CHOSEN = "filters_chosen"


@dataclass(frozen=True)
class Days:
    """Days of a window, both included; open where None."""

    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Chosen:
    """What the viewer has chosen.

    Args:
        days: The window.
        before: As many days before it; None where the lake doesn't have them all.
        source: Only rows of this source.
        segment: Only rows of users and customers of this segment.
        problems: What the URL asked for and can't be.
    """

    days: Days = Days()
    before: Days | None = None
    source: str | None = None
    segment: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """Source and segment, where chosen, as reports name them."""
        return {name: value for name, value in (("source", self.source), ("segment", self.segment)) if value}


@dataclass(frozen=True)
class Choices:
    """What there is to choose.

    Args:
        first: The first day that the lake has.
        last: The last one.
        sources: Names, with what is shown.
        segments: Names, with what each is in words.
    """

    first: date
    last: date
    sources: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)

    @property
    def period(self) -> str:
        """What is shown first: the longest period that has as many days before it to compare with."""
        days = (self.last - self.first).days + 1
        return next((name for name in _DEFAULTS if days >= 2 * (PERIODS[name][1] or 0)), "all")

    def before(self, days: Days) -> Days | None:
        """As many days before; None where the lake doesn't have them all."""
        if not days.since or not days.until:
            return None
        first = days.since - (days.until - days.since) - timedelta(days=1)
        return Days(first, days.since - timedelta(days=1)) if first >= self.first else None


def presets(choices: Choices) -> list[Chosen]:
    """Each period that is offered; what is chosen where the URL says nothing comes first."""
    names = [choices.period, *(name for name in PERIODS if name not in (choices.period, "own"))]
    found = [_days(name, choices) for name in names]
    return [Chosen(days, choices.before(days)) for days in found]


def bar(choices: Choices, names: Collection[str]) -> Chosen:
    """Draw the filters and tell what is chosen; takes the URL over where it was changed, and keeps it up to date.

    Args:
        choices: What there is to choose.
        names: The filters that the page has, of `days`, `source` and `segment`; the others stay chosen for the pages
            that have them.
    """
    _recall(choices)
    problems = _take_url(choices)
    period, days, source, segment = None, Days(), None, None
    with st.container(horizontal=True, key="filters", vertical_alignment="bottom"):
        if "days" in names:
            period, days = _period(choices)
        if "source" in names:
            source = _select("Source", "filter_source", choices.sources, "All sources", "Only what one source brought.")
        if "segment" in names:
            segment = _select(
                "Segment",
                "filter_segment",
                choices.segments,
                "All segments",
                "Only users and customers of one segment; who belongs to it is told by all of the lake's days.",
            )
    chosen = Chosen(days, choices.before(days), source, segment, tuple(problems))
    _write_url(period, chosen)
    st.session_state[_CHOSEN] = {key: st.session_state[key] for key in _WIDGETS if key in st.session_state}
    return chosen


def _period(choices: Choices) -> tuple[str, Days]:
    picked = st.selectbox(
        "Days",
        list(PERIODS),
        key="filter_period",
        format_func=lambda name: PERIODS[name][0],
        help=f"The lake has {choices.first} to {choices.last}. Periods end with its last day.",
        width=190,
    )
    period = picked or choices.period
    days = _days(period, choices)
    return period, _own_days(days, choices) if period == "own" else days


def _recall(choices: Choices) -> None:
    """What was chosen before a page that hasn't all filters: Streamlit forgets what is not drawn."""
    state = st.session_state
    for key, value in state.get(_CHOSEN, {}).items():
        if key not in state:
            state[key] = value
    for key, known in (("filter_source", choices.sources), ("filter_segment", choices.segments)):
        if state.get(key) not in (None, *known):  # no row of it is left in this release
            state[key] = None


def _own_days(days: Days, choices: Choices) -> Days:
    st.session_state.setdefault("filter_days", (days.since or choices.first, days.until or choices.last))
    picked = st.date_input("From and to", key="filter_days", format="YYYY-MM-DD", width=250)
    # While the second day is not picked yet there is one alone.
    found = list(picked) if isinstance(picked, (list, tuple)) else [picked]
    return Days(found[0], found[-1]) if found else Days(choices.first, choices.last)


def _select(label: str, key: str, options: Mapping[str, str], everything: str, help: str) -> str | None:
    if not options:
        return None
    return st.selectbox(
        label,
        list(options),
        index=None,
        key=key,
        placeholder=everything,
        format_func=lambda name: options.get(name, name),
        help=help,
        width=210,
    )


def _days(period: str, choices: Choices) -> Days:
    length = PERIODS[period][1]
    return Days(choices.last - timedelta(days=length - 1), choices.last) if length else Days()


def _take_url(choices: Choices) -> list[str]:
    """Put what the URL says into the widgets, where it says something else than they did last."""
    asked = {key: st.query_params[key] for key in _KEYS if key in st.query_params}
    state = st.session_state
    if asked == state.get(_WRITTEN) or (not asked and _WRITTEN in state):
        return []  # as it was left; or another page was opened, which begins without any
    problems: list[str] = []
    period = asked.get("period", choices.period)
    if "since" in asked or "until" in asked:
        since = _day(asked.get("since"), choices.first, "since", problems)
        until = _day(asked.get("until"), choices.last, "until", problems)
        if since > until:
            problems.append(f"since={since} is after until={until}")
        else:
            period = "own"
            state["filter_days"] = (since, until)
    if period not in PERIODS or (period == "own" and "filter_days" not in state):
        problems += [f"period={period} is none of {', '.join(PERIODS)}"] if period not in PERIODS else []
        period = choices.period
    state["filter_period"] = period
    for name, known in (("source", choices.sources), ("segment", choices.segments)):
        value = asked.get(name)
        if value and value not in known:
            problems.append(f"there is no {name} {value}")
        state[f"filter_{name}"] = value if value in known else None
    return problems


def _day(text: str | None, otherwise: date, name: str, problems: list[str]) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(f"{name}={text} is not a date such as 2025-01-31")
        return otherwise


def _write_url(period: str | None, chosen: Chosen) -> None:
    """The URL of what is shown; what a page has put there itself stays."""
    wanted = dict(chosen.parameters)
    if period == "own":
        wanted |= {"since": str(chosen.days.since), "until": str(chosen.days.until)}
    elif period:
        wanted["period"] = period
    for key in _KEYS:
        if key in wanted and st.query_params.get(key) != wanted[key]:
            st.query_params[key] = wanted[key]
        elif key not in wanted and key in st.query_params:
            del st.query_params[key]
    st.session_state[_WRITTEN] = wanted
