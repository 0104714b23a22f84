"""The scorecard as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pyarrow as pa

from clicklake.contracts.model import Chart, ReportColumn, ReportDoc
from clicklake.contracts.quality_rule import DIMENSIONS
from clicklake.quality.assess import Assessment
from clicklake.quality.scorecard import Scorecard
from clicklake.reports import formats
from clicklake.reports.render import HtmlSection, Result, to_html

_MARKS = {"ok": "", "warn": "▲ ", "fail": "✕ "}
_STATUS: Mapping[str, Any] = {"ok": "good", "warn": "warning", "fail": "bad"}
_WIDTH, _HEIGHT = 96, 22


def quality_page(
    assessment: Assessment,
    card: Scorecard,
    impact: Sequence[Mapping[str, Any]],
    *,
    facts: Mapping[str, str],
    currency: str,
) -> str:
    """A page of the scorecard: figures first, then what is wrong, then every column.

    Args:
        assessment: The measures.
        card: The sources.
        impact: What bad data means for the business.
        facts: Names and values for the head of the page.
        currency: Of the money in `impact`.
    """
    measures = assessment.measures()
    faults = [row for row in measures if row["score"] is not None and row["offending"]]
    faults.sort(key=lambda row: (row["score"], row["measure"]))
    sections = [
        _scorecard(assessment.tables()),
        *([_faults(faults)] if faults else []),
        *([_impact(impact, currency)] if impact else []),
        _sources(card),
        *_lists(card),
        _columns(measures),
    ]
    return to_html([_figures(assessment, card)], title="Data quality", facts=facts, sections=sections)


def sparkline(scores: Sequence[float | None]) -> str:
    """Scores as a small line, the lowest at the bottom; a dot where there is only one."""
    known = [(place, score) for place, score in enumerate(scores) if score is not None]
    if not known:
        return ""
    low, high = min(score for _, score in known), max(score for _, score in known)
    step = (_WIDTH - 6) / max(1, len(scores) - 1)

    def point(place: int, score: float) -> tuple[float, float]:
        share = 0.5 if high == low else (score - low) / (high - low)
        return round(3 + place * step, 1), round(_HEIGHT - 4 - share * (_HEIGHT - 8), 1)

    points = [point(place, score) for place, score in known]
    path = " ".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(points))
    x, y = points[-1]
    told = f"{len(known)} times, {_score(known[0][1])} to {_score(known[-1][1])}, lowest {_score(low)}"
    return (
        f"<svg class='spark' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{told}'><title>{told}</title>"
        f"<path d='{path}'/><circle cx='{x}' cy='{y}' r='2.2'/></svg>"
    )


def _figures(assessment: Assessment, card: Scorecard) -> Result:
    """The figures of the whole lake."""
    states = [state for state in assessment.verdicts.values() if state]
    states += card.verdicts.values()
    scored = [item for item in assessment.taken if item.measure.is_scored and item.score is not None]
    columns: dict[str, tuple[Any, str, Any, str]] = {
        "thresholds_held_pct": (
            100 * states.count("ok") / len(states) if states else None,
            "double",
            "percent",
            "Sources and measures that are under none of their thresholds.",
        ),
        "tables": (len({i.measure.table for i in assessment.taken}), "bigint", "integer", "Tables that were measured."),
        "measures": (len(scored), "bigint", "integer", "Measures with a score."),
        "failing": (states.count("fail"), "bigint", "integer", "Sources and measures under their lower threshold."),
        "warning": (states.count("warn"), "bigint", "integer", "Sources and measures under their upper threshold."),
        "rows_in_quarantine": (
            sum(entry.quarantined for entry in card.ledger),
            "bigint",
            "integer",
            "Rows that broke a rule of their contract.",
        ),
    }
    doc = ReportDoc(
        title="How good the data is",
        description="A dimension is as good as its worst measure; scores are cut to three decimals, never rounded up.",
        grain=(),
        columns={name: ReportColumn(type=t, description=d, format=f) for name, (_, t, f, d) in columns.items()},
        chart=Chart(kind="kpi", y="thresholds_held_pct"),
    )
    return Result("quality", doc, pa.table({name: [value[0]] for name, value in columns.items()}), "", "")


def _scorecard(tables: Sequence[Mapping[str, Any]]) -> HtmlSection:
    rows = []
    for row in tables:
        cells = [f"<td>{escape(row['table'])}</td>", _number(row["rows"])]
        cells += [_score_cell(row[name], row["verdicts"].get(name)) for name in DIMENSIONS]
        rows.append("".join(cells))
    worst = max((row["verdict"] or "ok" for row in tables), key=list(_MARKS).index, default="ok")
    heads = [("Table", False), ("Rows", True), *((formats.label(name), True) for name in DIMENSIONS)]
    text = "Percent of rows without a fault, by the worst measure. ▲ is under the threshold for warnings, ✕ fails."
    return HtmlSection("Scorecard", text, status=_STATUS[worst], html=_table("Scorecard", heads, rows, whole=True))


def _faults(faults: Sequence[Mapping[str, Any]]) -> HtmlSection:
    rows = [
        "".join(
            (
                f"<td>{escape(row['measure'])}</td><td>{row['dimension']}</td>",
                _number(row["offending"]),
                _score_cell(row["score"], row["verdict"]),
                f"<td>{sparkline(row['trend'])}</td><td class='long'>{escape(row['description'])}</td>",
            )
        )
        for row in faults
    ]
    heads = [("Measure", False), ("Dimension", False), ("Rows", True), ("Score", True), ("Trend", False)]
    text = "The worst first. clicklake quality --show MEASURE prints the rows behind a number."
    return HtmlSection("Measures with faults", text, html=_table("Faults", [*heads, ("What should hold", False)], rows))


def _impact(impact: Sequence[Mapping[str, Any]], currency: str) -> HtmlSection:
    docs = {
        "impact": ReportColumn(type="string", description="The figure."),
        "table": ReportColumn(type="string", description="Whose rows."),
        "rows": ReportColumn(type="bigint", description="Rows concerned.", format="integer"),
        "value": ReportColumn(type="double", description="Of these rows.", format="decimal"),
        "description": ReportColumn(type="string", description="What is meant."),
    }
    shown = [{**row, "impact": formats.label(row["impact"])} for row in impact]
    text = f"What the rows behind some numbers stand for; money is in {currency}." if currency else ""
    return HtmlSection("What it means for the business", text, pa.Table.from_pylist(shown), docs)


def _sources(card: Scorecard) -> HtmlSection:
    rows = []
    for entry in card.ledger:
        trend = [row["score"] for row in card.trend if row["source"] == entry.source]
        counts = (entry.rows_ingested, entry.loaded, entry.duplicates, entry.quarantined, entry.withdrawn)
        cells = [f"<td>{escape(entry.source)}</td>", *map(_number, counts)]
        cells += [_score_cell(entry.score, card.verdicts[entry.source]), f"<td>{sparkline(trend)}</td>"]
        rows.append("".join(cells))
    names = ("Rows ingested", "Loaded", "Duplicates", "Quarantined", "Withdrawn", "Score")
    heads = [("Source", False), *((name, True) for name in names), ("Runs", False)]
    text = "Every row has one fate. The score is loaded / (loaded + quarantined); the line shows what each run brought."
    return HtmlSection("Sources", text, html=_table("Sources", heads, rows))


def _lists(card: Scorecard) -> Iterable[HtmlSection]:
    if card.reasons:
        yield HtmlSection("Why rows are in quarantine", table=pa.Table.from_pylist(card.reasons))
    if card.drift:
        text = "Where files differ from their contract."
        yield HtmlSection("Drift", text, pa.Table.from_pylist(card.drift))


def _columns(measures: Sequence[Mapping[str, Any]]) -> HtmlSection:
    """Every measure, a fold a table."""
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for row in measures:
        by_table.setdefault(row["table"], []).append(row)
    heads = [("Measure", False), ("Dimension", False), ("Rows", True), ("Offending", True), ("Score", True)]
    parts = []
    for table, found in by_table.items():
        rows = [
            f"<td>{escape(row['measure'].removeprefix(table + '.'))}</td><td>{row['dimension']}</td>"
            f"{_number(row['rows'])}{_number(row['offending'])}"
            f"{_meter(row['filled_pct']) if row['score'] is None else _score_cell(row['score'], row['verdict'])}"
            f"<td class='long'>{escape(row['description'])}</td>"
            for row in found
        ]
        body = _table(table, [*heads, ("What should hold", False)], rows)
        parts.append(
            f"<details class='table'><summary>{escape(table)}<span>{len(found)} measures</span></summary>"
            f"{body}</details>"
        )
    text = (
        "Each measure of each table and column. A bar is how far a column is filled that may be empty: it has no score."
    )
    return HtmlSection("All measures", text, html="".join(parts))


def _table(name: str, heads: Sequence[tuple[str, bool]], rows: Iterable[str], *, whole: bool = False) -> str:
    head = "".join(f"<th scope='col'{' class=n' if is_number else ''}>{text}</th>" for text, is_number in heads)
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return (
        f"<div class='scroll{' whole' if whole else ''}' tabindex='0' role='region' aria-label='{escape(name)}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )


def _number(value: int) -> str:
    return f"<td class='n'>{formats.integer(value)}</td>"


def _score_cell(score: float | None, verdict: str | None) -> str:
    if score is None:
        return f"<td class='n null'>{formats.NULL}</td>"
    state = verdict or "ok"
    style = "n" if state == "ok" else f"n {state}"
    return f"<td class='{style}'>{_MARKS[state]}{_score(score)}</td>"


def _meter(filled: float | None) -> str:
    if filled is None:
        return f"<td class='n null'>{formats.NULL}</td>"
    bar = f"<span class='meter'><i style='width:{filled:g}%'></i></span>"
    return f"<td class='n' title='{_score(filled)} of rows have a value'>{_score(filled)}{bar}</td>"


def _score(score: float) -> str:
    """All decimals that tell it from 100."""
    return f"{score:.3f}".rstrip("0").rstrip(".") + "%"
