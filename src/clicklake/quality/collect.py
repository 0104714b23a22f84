"""All that is shown of a lake's quality, measured at one time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clicklake.lake import Lake
    from clicklake.quality.assess import Assessment
    from clicklake.quality.scorecard import Scorecard


@dataclass(frozen=True)
class Shown:
    """All that a scorecard shows."""

    card: Scorecard
    assessment: Assessment
    impact: list[dict[str, Any]]

    def row(self) -> dict[str, Any]:
        """Everything, for programs."""
        card, found = self.card, self.assessment
        return {
            "ledger": card.sources(),
            "dimensions": card.dimensions,
            "reasons": card.reasons,
            "trend": card.trend,
            "drift": card.drift,
            "tables": found.tables(),
            "measures": found.measures(),
            "impact": self.impact,
        }


def collect(lake: Lake, *, keep: bool = True) -> Shown:
    """Measure a lake.

    Args:
        lake: The lake.
        keep: Whether what is new is kept for the trend.
    """
    from clicklake.quality.assess import assess
    from clicklake.quality.impact import impact
    from clicklake.quality.relations import Relations
    from clicklake.quality.scorecard import scorecard

    engine = lake.engine()
    try:
        card = scorecard(lake.store, engine, lake.catalogue, lake.settings.quality)
        found = assess(lake.store, engine, lake.catalogue, lake.parameters, lake.settings.quality, keep=keep)
        relations = Relations(lake.store, engine, lake.catalogue, found.release)
        sources = [entry.source for entry in found.ledger]
        figures = impact(lake.catalogue, relations, sources, found.taken, lake.rule_parameters)
    finally:
        engine.close()
    return Shown(card, found, figures)
