"""Settings of quality scores: what is too low."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clicklake.contracts.quality_rule import Dimension
from clicklake.setting_types import Percentage, SourceName
from clicklake.settings.section import Section


class SourceQualitySettings(Section):
    """Quality thresholds of one source."""

    warn_under: Percentage | None = Field(
        default=None, description="As quality.warn_under, for this source alone; null for the same."
    )
    fail_under: Percentage | None = Field(
        default=None,
        description="As quality.fail_under, for this source alone; null for the same, 0 for never.",
    )


class DimensionQualitySettings(Section):
    """Thresholds of a dimension, in every table."""

    warn_under: Percentage | None = Field(
        default=None,
        description="A measure of this dimension (completeness, uniqueness, validity, accuracy or consistency) whose "
        "score is below this is a warning; null for quality.warn_under in silver and gold, and never in bronze.",
    )
    fail_under: Percentage | None = Field(
        default=None, description="A measure of this dimension whose score is below this fails; null for never."
    )


class TableQualitySettings(Section):
    """Thresholds of a silver or gold table, in every dimension."""

    warn_under: Percentage | None = Field(
        default=None,
        description="A measure of this table (its name without the layer) whose score is below this is a warning; null "
        "for what its dimension has.",
    )
    fail_under: Percentage | None = Field(
        default=None,
        description="A measure of this table whose score is below this fails; null for what its dimension has, 0 for "
        "never.",
    )


class QualitySettings(Section):
    """Quality scores, in percent, that are too low."""

    when: Literal["asked", "after_run"] = Field(
        default="asked",
        description="When all measures are taken: by `clicklake quality`, or at the end of each run too, where their "
        "thresholds then speak. The scores of sources are known after each run either way.",
    )
    warn_under: Percentage = Field(default=95.0, description="A source's quality score below this is a warning.")
    fail_under: Percentage | None = Field(
        default=None, description="A source's quality score below this fails the run; null for never."
    )
    sources: dict[SourceName, SourceQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single sources, by name."
    )
    dimensions: dict[Dimension, DimensionQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single dimensions, by name."
    )
    tables: dict[SourceName, TableQualitySettings] = Field(
        default_factory=dict, description="Thresholds of single silver and gold tables, by name without the layer."
    )

    def for_source(self, name: str) -> tuple[float, float | None]:
        """The scores below which a source warns and fails, in percent."""
        own = self.sources.get(name, SourceQualitySettings())
        return (
            self.warn_under if own.warn_under is None else own.warn_under,
            self.fail_under if own.fail_under is None else own.fail_under,
        )

    def for_measure(self, table: str, dimension: str) -> tuple[float | None, float | None]:
        """The scores below which a measure warns and fails, in percent.

        Args:
            table: Full name; in bronze only the dimension's own thresholds hold, a source's are on its whole score.
            dimension: What it measures.
        """
        layer, _, name = table.partition(".")
        given = (found for key, found in self.dimensions.items() if key == dimension)
        general = next(given, DimensionQualitySettings())
        if layer == "bronze":
            return general.warn_under, general.fail_under
        own = self.tables.get(name, TableQualitySettings())
        warns = (own.warn_under, general.warn_under, self.warn_under)
        fails = (own.fail_under, general.fail_under)
        return next((w for w in warns if w is not None), None), next((f for f in fails if f is not None), None)
