"""States of sources and tables by the thresholds, and how they differ from what was told before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clicklake.quality.assess import STATES, Assessment
from clicklake.quality.ledger import SourceLedger
from clicklake.settings import QualitySettings


@dataclass(frozen=True)
class State:
    """How a source or a table stands.

    Args:
        subject: `source click_events`, or table and dimension: `silver.events validity`.
        state: `ok`, `warn` or `fail`.
        score: In percent.
        told: The same in words.
    """

    subject: str
    state: str
    score: float | None
    told: str


def of_sources(ledger: Sequence[SourceLedger], settings: QualitySettings, verdicts: Mapping[str, str]) -> list[State]:
    """The states of sources, by their quality scores."""
    found = []
    for entry in ledger:
        state = verdicts[entry.source]
        warn, fail = settings.for_source(entry.source)
        score = "has no score" if entry.score is None else f"quality score {entry.score:.2f} %"
        told = f"{entry.source}: {score}{_under(state, warn, fail)}"
        if state != "ok":
            told += f" ({entry.quarantined:,} rows in quarantine: clicklake quarantine list)"
        found.append(State(f"source {entry.source}", state, entry.score, told))
    return found


def of_tables(assessment: Assessment, settings: QualitySettings) -> list[State]:
    """The states of tables in each dimension, by the worst of its measures."""
    found: dict[str, State] = {}
    for item in assessment.taken:
        measure, state = item.measure, assessment.verdicts[item.measure.name]
        if state is None:
            continue
        subject = f"{measure.table} {measure.dimension}"
        told = f"{measure.name}: {item.score:g} %"
        told += _under(state, *settings.for_measure(measure.table, measure.dimension))
        if state != "ok":
            told += f" ({item.offending:,} of {item.rows:,} rows: clicklake quality --show {measure.name})"
        this, before = State(subject, state, item.score, told), found.get(subject)
        if before is None or _order(this) < _order(before):
            found[subject] = this
    return list(found.values())


def changes(now: Sequence[State], before: Mapping[str, str], least: str) -> list[tuple[State, str]]:
    """The states that are not what was told before, each with what that was.

    Args:
        now: The states; a subject that was not looked at is not among them, and stays what it was.
        before: What was told, by subject; ok where nothing was.
        least: What is worth telling: `warn`, or only `fail`.
    """
    found = []
    for item in now:
        worth = "ok" if STATES.index(item.state) < STATES.index(least) else item.state
        if (previous := before.get(item.subject, "ok")) != worth:
            told = item if worth == item.state else State(item.subject, worth, item.score, item.told)
            found.append((told, previous))
    return sorted(found, key=lambda pair: _order(pair[0]))


def _order(state: State) -> tuple[int, float, str]:
    """The worst first."""
    return -STATES.index(state.state), 100.0 if state.score is None else state.score, state.subject


def _under(state: str, warn: float | None, fail: float | None) -> str:
    bound = {"warn": warn, "fail": fail}.get(state)
    return "" if bound is None else f" is under {bound:g} %"
