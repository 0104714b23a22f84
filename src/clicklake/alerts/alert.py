"""Telling what has changed: delivered first, then noted in the lake.

A run that is killed between the two tells the same once more, and never forgets; so may two runs at the same moment.
What was not delivered is not noted, and the next run tries again, with what is true by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from clicklake.alerts.channels import Channel, Kind
from clicklake.alerts.states import State, changes, of_sources, of_tables
from clicklake.config_values import without_secrets
from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.engines.sql import string
from clicklake.quality.assess import Assessment
from clicklake.quality.ledger import read_ledger
from clicklake.quality.scorecard import verdicts
from clicklake.settings import Settings
from clicklake.storage import Store
from clicklake.tables import append

ALERTS = "ops.alerts"
_KINDS: dict[str, Kind] = {"fail": "failure", "warn": "warning", "ok": "success"}


def alert_all(
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    settings: Settings,
    channels: Sequence[Channel],
    assessment: Assessment | None,
    run_id: str,
) -> list[str]:
    """Tell the channels how sources stand, and tables where they were measured, as far as that has changed.

    Returns:
        What could not be delivered.
    """
    quality = settings.quality
    ledger = assessment.ledger if assessment else read_ledger(store, engine)
    states = of_sources(ledger, quality, verdicts(ledger, quality))
    if assessment:
        states += of_tables(assessment, quality)
    lake = without_secrets(settings.lake)
    least = settings.alerts.least
    return alert(store, engine, catalogue, channels, states, least=least, lake=lake, run_id=run_id)


def alert(
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    channels: Sequence[Channel],
    states: Sequence[State],
    *,
    least: str,
    lake: str,
    run_id: str,
) -> list[str]:
    """Tell each channel what has changed since it was told last.

    Args:
        store: The lake.
        engine: Reads it.
        catalogue: Its documents.
        channels: Whom.
        states: How sources and tables stand.
        least: What is worth telling.
        lake: What the lake is called in messages.
        run_id: The run that tells.

    Returns:
        What could not be delivered.
    """
    problems = []
    for channel in channels:
        news = changes(states, told(store, engine, channel.name), least)
        if not news:
            continue
        title, body = message(news, lake, run_id)
        if problem := channel.send(title, body, _KINDS[news[0][0].state]):
            problems.append(f"alert to {channel.name}: {problem}; the next run tries again")
            continue
        now = datetime.now(timezone.utc)
        rows = [
            {
                "run_id": run_id,
                "told_at": now,
                "channel": channel.name,
                "subject": state.subject,
                "state": state.state,
                "previous_state": previous,
                "score": state.score,
            }
            for state, previous in news
        ]
        append(store, catalogue, ALERTS, rows)
    return problems


def told(store: Store, engine: Engine, channel: str) -> dict[str, str]:
    """The state that a channel was told last, by subject."""
    snapshot = store.find(ALERTS)
    if snapshot is None:
        return {}
    rows = engine.rows(
        f"select subject, state from ({engine.scan(snapshot)}) where channel = {string(channel)} "
        "qualify row_number() over (partition by subject order by told_at desc, run_id desc) = 1"
    )
    return dict(rows)


def message(news: Sequence[tuple[State, str]], lake: str, run_id: str) -> tuple[str, str]:
    """Title and text of a message, the worst first."""
    worst = news[0][0]
    verb = {"fail": "fails its quality threshold", "warn": "is under its quality threshold"}
    title = f"clicklake: {worst.subject} {verb.get(worst.state, 'holds its quality threshold again')}"
    if len(news) > 1:
        title += f", and {len(news) - 1} more"
    lines = [f"{state.state} (was {previous}): {state.told}" for state, previous in news]
    return title, "\n".join([*lines, "", f"lake {lake}, run {run_id}"])
