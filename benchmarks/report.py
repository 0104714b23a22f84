"""Numbers as Markdown, and the document that keeps them beside what people wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.goals import FUNNEL, GB, Verdict
from benchmarks.measure import Cost, median
from benchmarks.own import JOURNEY_ROWS, ReportTime
from benchmarks.result import Result

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- {name}: begin; written by {command}, changes are lost -->", "<!-- {name}: end -->"
_QUIET = 0.5
_SKELETON = """# Performance

The parts between the markers are written by the benchmarks; everything outside of them is written by hand and kept.
"""


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """A Markdown table; the first `texts` columns stand left, the others, numbers, right.

    Args:
        headers: One a column.
        rows: Cells as they shall be read.
        texts: How many columns are text.
    """
    marks = ["---" if place < texts else "---:" for place in range(len(headers))]
    lines = [headers, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def keep(document: Path, name: str, command: str, text: str) -> None:
    """Put a text between its markers in the document, which is made where it does not exist."""
    begin, end = _BEGIN.format(name=name, command=command), _END.format(name=name)
    block = f"{begin}\n\n{text.strip()}\n\n{end}"
    old = document.read_text(encoding="utf-8") if document.exists() else _SKELETON
    start = old.find(begin.partition(" begin")[0] + " begin")
    stop = old.find(end)
    if start < 0 or stop < start:
        new = f"{old.rstrip()}\n\n{block}\n"
    else:
        new = old[:start] + block + old[stop + len(end) :]
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(new, encoding="utf-8")


def goals(verdicts: Sequence[Verdict]) -> str:
    """Each goal with what was measured; the answer first."""
    met = sum(verdict.is_met for verdict in verdicts)
    answer = f"{met} of {len(verdicts)} goals met."
    rows = [
        [
            verdict.what,
            "yes" if verdict.is_met else "**no**",
            f"{verdict.rows:,}" if verdict.rows else "",
            _number(verdict.measured, verdict.unit),
            f"{'≤' if verdict.may_equal else '<'} {_number(verdict.limit, verdict.unit)}",
        ]
        for verdict in verdicts
    ]
    return f"{answer}\n\n{table(['Goal', 'Met', 'Rows', 'Measured', 'Limit'], rows, texts=2)}"


def machine(facts: Mapping[str, str], peers: Sequence[str]) -> str:
    """What the numbers depend on."""
    rows = [[name, value] for name, value in facts.items()]
    if peers:
        rows.append(["Peers", ", ".join(peers)])
    return table(["Machine", ""], rows, texts=2)


def quiet(load: float) -> str:
    """A warning where others used the machine; else nothing."""
    if load < _QUIET:
        return ""
    return f"**The machine was not quiet**: its load was {load:.1f} at the start, so that the times are too long."


def processes(result: Result) -> str:
    """Whole processes, against the floor."""
    floor = result.floor.seconds
    lines = [
        ["The floor, the COPY alone", _seconds(result.copy_seconds), "", "", _ratio(result.copy_seconds / floor)],
        process("The floor, its process", result.floor, floor),
        process("`clicklake run`", median(result.runs), floor),
        process("`clicklake report --all`", median(result.reports), floor),
        process("**clicklake, both**", result.both, floor),
    ]
    for peer in result.peers:
        if peer.costs:
            lines.append(process(peer.version, median(peer.costs), floor))
    headers = ["Process", "Wall", "CPU", "Peak memory", "Wall / floor"]
    told = [table(headers, lines)]
    told += [f"{peer.name} was not measured: {peer.skipped}." for peer in result.peers if peer.skipped]
    to_copy = result.both.seconds / result.copy_seconds
    told.append(f"Against the COPY alone, without the start of its process, clicklake takes {to_copy:.2f} x.")
    if len(result.totals) > 1:
        seconds = sorted(cost.seconds for cost in result.totals)
        told.append(
            f"Medians of {len(seconds)} repetitions; clicklake, both: from {_seconds(seconds[0])} "
            f"to {_seconds(seconds[-1])}."
        )
    return "\n\n".join(told)


def stages(found: Mapping[str, tuple[float, float]], process: Cost) -> str:
    """The share of each stage of the processes that build the lake."""
    known = {name: times for name, times in found.items() if name != "run"}
    rest = process.seconds - sum(seconds for seconds, _ in known.values())
    rest_cpu = process.cpu_seconds - sum(cpu for _, cpu in known.values())
    rows = [
        [name, _seconds(seconds), _seconds(cpu), f"{100 * seconds / process.seconds:.1f} %"]
        for name, (seconds, cpu) in [*known.items(), ("start, end and between", (rest, rest_cpu))]
    ]
    return table(["Stage", "Wall", "CPU", "Share"], rows)


def reports(times: Mapping[str, ReportTime]) -> str:
    """Each report in a process that stays open."""
    rows = [
        [f"`{name}`", f"{time.rows:,}", _seconds(time.first), _seconds(time.second)] for name, time in times.items()
    ]
    headers = ["Report", "Rows", "First call", "Second call"]
    note = f"Inside one process, on one engine; `user_journey` is limited to {JOURNEY_ROWS:,} rows."
    if FUNNEL in times:
        note += " The funnel follows each user's events in order, which the others need not."
    return f"{table(headers, rows)}\n\n{note}"


def sizes(csv_bytes: int, bronze_bytes: int, lake_bytes: int) -> str:
    """Bytes on disk."""
    rows = [
        ["CSV", _megabytes(csv_bytes), "1.000"],
        ["bronze", _megabytes(bronze_bytes), f"{bronze_bytes / csv_bytes:.3f}"],
        ["the whole lake", _megabytes(lake_bytes), f"{lake_bytes / csv_bytes:.3f}"],
    ]
    return table(["Data files", "Bytes", "For a byte of CSV"], rows)


def agreement(facts: Mapping[str, str], wrong: Mapping[str, Sequence[str]], agreed: Sequence[str]) -> str:
    """What came out, and whether others computed the same.

    Args:
        facts: What clicklake computed.
        wrong: Differences by who found something else.
        agreed: Who found the same; the generator of the data knows the facts only.
    """
    told = []
    if "generator" in agreed:
        told.append("The generator of the data counted the same.")
    if peers := [name for name in agreed if name != "generator"]:
        told.append(f"All rows of all reports are those of {' and '.join(peers)} too.")
    told += [f"**Not the same as {name}**: {'; '.join(different)}." for name, different in wrong.items()]
    return f"{table(['Result', ''], list(facts.items()))}\n\n{' '.join(told)}"


def process(name: str, cost: Cost, floor: float | None = None) -> list[str]:
    """The cells of one process, with its ratio to the floor where there is one."""
    cells = [name, _seconds(cost.seconds), _seconds(cost.cpu_seconds), f"{cost.peak_bytes / GB:.2f} GB"]
    return [*cells, _ratio(cost.seconds / floor)] if floor else cells


def _seconds(seconds: float) -> str:
    return f"{seconds:,.2f} s"


def _ratio(ratio: float) -> str:
    return f"{ratio:,.2f} x"


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"


def _number(value: float, unit: str) -> str:
    return f"{value:.3f} {unit}" if value < 1 else f"{value:.2f} {unit}"
