"""What a chart draws: marks with a place, a height and the text that people read, from a report's columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeAlias

from clicklake.errors import ContractError
from clicklake.reports.formats import integer
from clicklake.reports.render.result import Column, Result

Mark: TypeAlias = dict[str, Any]
"""A mark as JSON: place, x, y, label (the text of y), series, tip, is_weekend."""

_MOST = {"bar": 15, "funnel": 12, "heatmap": 2000}
_MOST_STEPS = 60  # columns beside each other, for hours or days
_MOST_POINTS = 2000
_DAY = 86_400_000


@dataclass(frozen=True)
class Plot:
    """A report's chart before it has a size.

    Args:
        title: What it shows.
        x: The column of the places.
        y: The column of the heights; of a heatmap, of its rows.
        value: The column that is drawn: `y`, of a heatmap that of the colour.
        series: The column that splits the marks; None where there is one series.
        marks: In the order of the rows.
        notes: What must be said beneath the chart.
    """

    title: str
    x: Column
    y: Column
    value: Column
    series: Column | None
    marks: list[Mark]
    notes: tuple[str, ...]

    @property
    def is_time(self) -> bool:
        """Whether the places are days or times."""
        return self.x.format in ("date", "timestamp")

    @property
    def names(self) -> list[str]:
        """The series in the order of the rows."""
        return list(dict.fromkeys(mark["series"] for mark in self.marks))


def plot_of(result: Result) -> Plot | None:
    """The plot that a report's document asks for; None where there is nothing to draw.

    Raises:
        ContractError: The document names a column that the rows don't have, or lacks one.
    """
    chart = result.doc.chart
    if chart.kind in ("none", "kpi") or not result.table.num_rows:
        return None
    columns = {column.name: column for column in result.columns()}
    x, y = _column(result, columns, "x", chart.x), _column(result, columns, "y", chart.y)
    series = _column(result, columns, "series", chart.series) if chart.series else None
    value = y
    if chart.kind == "heatmap":
        value, series = series or _column(result, columns, "series", None), None
    all_marks = _marks(x, y, value, series, columns.get("day_type"))
    marks = [mark for mark in all_marks if mark["y"] is not None]
    kept, notes = _limited(chart.kind, marks, x, result.rows_in_all - len(all_marks))
    if not kept:
        return None
    if len(marks) < len(all_marks):
        notes += (f"Rows without a value: {integer(len(all_marks) - len(marks))}.",)
    if x.format == "date" and chart.kind in ("line", "area") and any(mark["is_weekend"] for mark in kept):
        notes += ("Weekends are shaded.",)
    if chart.kind == "heatmap":
        least, most = (end(kept, key=lambda mark: float(mark["y"]))["label"] for end in (min, max))
        notes += (f"The stronger the colour, the higher, from {least} to {most}.",)
    title = chart.title or f"{value.header} by {x.header[:1].lower()}{x.header[1:]}"
    return Plot(title, x, y, value, series, kept, notes)


def _column(result: Result, columns: dict[str, Column], key: str, name: str | None) -> Column:
    if name in columns:
        return columns[name]
    wrong = f"names {name!r}, which is no column of the rows" if name else "is missing"
    kind = result.doc.chart.kind
    raise ContractError(
        f"report {result.name}: chart.{key} {wrong}, and a {kind} needs one; columns: {', '.join(columns)}"
    )


def _marks(x: Column, y: Column, value: Column, series: Column | None, day_type: Column | None) -> list[Mark]:
    marks = []
    for place, text in enumerate(x.texts):
        name = series.texts[place] if series else ""
        about = [text, y.texts[place] if value is not y else name]
        shown = f"{value.header}: {value.texts[place]}"
        mark = {
            "place": _number(place, x),
            "x": text,
            "row": y.texts[place],
            "y": _float(value.values[place]),
            "label": value.texts[place],
            "series": name,
            "tip": " · ".join([*filter(None, about), shown]),
            "is_weekend": bool(day_type and day_type.texts[place].casefold() == "weekend"),
        }
        marks.append(mark)
    return marks


def _number(place: int, x: Column) -> float | None:
    """Where a mark stands on an axis: at its milliseconds, its number, or its place among the rows."""
    value = x.values[place]
    if x.format not in ("date", "timestamp"):
        return _float(value) if x.is_number else float(place)
    try:
        moment = datetime.fromisoformat(str(value).removesuffix("Z")[:26])
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp() * 1000


def _float(value: object) -> float | None:
    """A number as the canvas takes it: lengths may round, texts never come from here."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _limited(kind: str, marks: list[Mark], x: Column, unseen: int) -> tuple[list[Mark], tuple[str, ...]]:
    """The marks that can be told from each other, and a note on the others."""
    if kind in ("line", "area"):
        marks = sorted((mark for mark in marks if mark["place"] is not None), key=lambda mark: mark["place"])
        kept, which = marks[-_MOST_POINTS:], "Last"
    else:
        is_stepped = kind == "bar" and x.format != "text"
        kept, which = marks[: _MOST_STEPS if is_stepped else _MOST[kind]], "First"
    total = len(marks) + unseen
    notes = (f"{which} {integer(len(kept))} of {integer(total)} rows.",) if len(kept) < total else ()
    return kept, notes


def step_of(places: list[float]) -> float:
    """The usual distance of neighbours on an axis of numbers."""
    gaps = sorted(after - before for before, after in zip(places, places[1:], strict=False) if after > before)
    return gaps[len(gaps) // 2] if gaps else float(_DAY)
