"""Measure the API: `python -m benchmarks.serve`; adds its section to docs/performance.md.

A real server on a lake of 2,000,000 events, asked by clients of this machine, which take their part of its processors.
Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import report
from benchmarks.data import clicks
from benchmarks.goals import GB, Verdict
from benchmarks.http_load import Load, get, load, post
from benchmarks.measure import CLICKLAKE, DEFAULT_WORK, load_average, machine, run, say

ROWS, NEW_ROWS, REQUESTS = 2_000_000, 50_000, 10_000
CLIENTS = (1, 8, 32)
COLD = ("revenue_metrics", "top_products", "daily_active_users", "conversion_funnel", "weekday_weekend")
_BODY = json.dumps(
    {"sql": "select event_type, count(*) as events from gold.fact_events group by 1 order by 1"}
).encode()
_WHOLE = json.dumps(
    {
        "sql": "select (select count(*) from gold.fact_events) as events, "
        "(select sum(total_events) from gold.dim_users) as of_users"
    }
).encode()
_MORE = "more.csv"
_ROWS = "/v1/tables/gold.fact_events/rows?limit=100"
_TIMES = """
import sys, time
from clicklake import Lake
lake = Lake(sys.argv[1])
for name in sys.argv[2:]:
    began = time.perf_counter()
    lake.report(name)
    print(name, time.perf_counter() - began)
"""
_GOAL_P99_MS, _GOAL_COLD, _GOAL_GROWTH_MB = 20.0, 1.2, 50.0
_GOAL_MS = 1.0  # a request: 1,000 a second

_METHOD = """\
`clicklake serve` on a lake of {rows:,} events; the clients are a program of this machine, each with one connection and
one request after the other for {seconds} seconds. Report: `revenue_metrics`, kept after the first time. Rows: {page}
rows of `gold.fact_events`, another page each time. Query: a count by event type over all events, each in a locked
process. Cold: the first time that a fresh server is asked for a report, over HTTP, against `Lake.report` in a fresh
process, which is what the command line runs; medians of {repeat}. No limit of requests a minute; with the audit."""


@dataclass
class Measured:
    """What was seen.

    Args:
        loads: By endpoint and number of clients.
        cold: By report: seconds over HTTP and of the command line's query, each repetition.
        memory: The server's bytes before and after many requests.
        beside: Requests while a run published: of reports, and of sums that must agree.
        torn: Answers whose sums did not agree.
        releases: How many releases these answers were of.
    """

    loads: dict[tuple[str, int], Load] = field(default_factory=dict)
    cold: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    memory: tuple[int, int] = (0, 0)
    beside: Load = field(default_factory=Load)
    torn: int = 0
    releases: int = 0


class Server:
    """A server of a lake, and its process."""

    def __init__(self, folder: Path) -> None:
        command = [str(CLICKLAKE), "serve", "--config", str(folder / "clicklake.yaml"), "--port", "0"]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        told = ""
        while not (found := re.search(r"listens on http://127.0.0.1:(\d+)", told)):
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit(f"the server has ended: {told}")
            told += line
        self.port = int(found[1])
        while True:
            try:
                self.fetch("/ready")
                return
            except OSError:
                time.sleep(0.1)

    def fetch(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        if body:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=300) as answer:
            return bytes(answer.read())

    @property
    def memory(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and keep; 1 where a goal is missed."""
    options = parse(arguments)
    work = options.work.expanduser().absolute()
    before = load_average()
    folder = prepare(work, options.rows, options.new_rows)
    found = measure(folder, options)
    verdicts = judge(options.rows, found)
    text = document(options, before, found, verdicts)
    print(text)
    report.keep(options.output, "benchmarks.serve", "make bench-serve", text)
    say(f"kept in {options.output}")
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="events in the lake")
    parser.add_argument("--new-rows", type=int, default=NEW_ROWS, help="events of the run in the background")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="over which memory has to stay")
    parser.add_argument("--repeat", type=int, default=3, help="fresh servers for cold reports")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="for data and lakes")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT, help="the document to write")
    return parser.parse_args(arguments)


def prepare(work: Path, rows: int, new_rows: int) -> Path:
    """A project with a lake of the events; its source is a folder that more are put into."""
    events, more = clicks(work, rows), clicks(work, new_rows)
    folder = work / "runs" / "serve"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    (folder / "events" / "first.csv").symlink_to(events.file)
    (folder / _MORE).symlink_to(more.file)
    (folder / "clicklake.yaml").write_text(
        f"lake: {folder / 'lake'}\nsources:\n  click_events:\n    paths: {folder / 'events'}\n"
        "api:\n  requests_per_minute: 0\n"
    )
    say("a lake of the events")
    run([CLICKLAKE, "run", "--config", folder / "clicklake.yaml"], log=work / "logs" / "serve-run.log")
    return folder


def measure(folder: Path, options: argparse.Namespace) -> Measured:
    """Everything, one after the other."""
    found = Measured()
    for _ in range(options.repeat):
        _cold(folder, found)
    with serving(folder) as server:
        for name, requests in _requests(server).items():
            for clients in CLIENTS:
                say(f"{name}, {clients} clients")
                asyncio.run(load(server.port, requests, clients, 1))  # warms up
                found.loads[name, clients] = asyncio.run(load(server.port, requests, clients, options.seconds))
        say(f"{options.requests:,} requests")
        mixed = [*_requests(server)["rows"], *_requests(server)["report"] * 20]
        asyncio.run(load(server.port, mixed, 8, 600, most=options.requests // 10))
        before = server.memory
        asyncio.run(load(server.port, mixed, 8, 3600, most=options.requests))
        found.memory = (before, server.memory)
        say("a run beside")
        _beside(folder, server, found)
    return found


def _requests(server: Server) -> dict[str, list[bytes]]:
    """What is asked for, by endpoint: rows page by page."""
    pages, path = [], _ROWS
    for _ in range(20):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
            pages.append(get(path))
            path = str(answer.headers["link"]).partition("<")[2].partition(">")[0]
    return {"report": [get("/v1/reports/revenue_metrics")], "rows": pages, "query": [post("/v1/query", _BODY)]}


def _cold(folder: Path, found: Measured) -> None:
    say("cold reports")
    command = [sys.executable, "-c", _TIMES, str(folder / "lake"), *COLD]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    own = {name: float(seconds) for name, seconds in (line.split() for line in told.splitlines())}
    with serving(folder) as server:
        time.sleep(8)  # it gets to know the reports' SQL in the background
        for name in COLD:
            began = time.perf_counter()
            server.fetch(f"/v1/reports/{name}")
            found.cold.setdefault(name, []).append((time.perf_counter() - began, own[name]))


def _beside(folder: Path, server: Server, found: Measured) -> None:
    """Ask while a run brings more events: nothing fails, and sums of two tables always agree."""
    (folder / _MORE).rename(folder / "events" / _MORE)
    seen: set[int] = set()

    def check(body: bytes) -> bool:
        if not body.startswith(b'[\n{"events"'):
            return True
        row = json.loads(body)[0]
        seen.add(row["events"])
        return bool(row["events"] == row["of_users"])

    job = json.loads(server.fetch("/v1/runs", b"{}"))["job"]
    while True:
        requests = [get("/v1/reports/revenue_metrics"), get(_ROWS), post("/v1/query", _WHOLE)]
        part = asyncio.run(load(server.port, requests, 8, 2, check=check))
        found.beside.add(part)
        told = json.loads(server.fetch(f"/v1/runs/{job}"))
        if told["status"] in ("done", "failed"):
            break
    if told["status"] == "failed":
        raise SystemExit(f"the run beside has failed: {told['error']}")
    time.sleep(2.5)
    found.beside.add(asyncio.run(load(server.port, [post("/v1/query", _WHOLE)], 8, 1, check=check)))
    found.torn, found.releases = found.beside.wrong, len(seen)


def judge(rows: int, found: Measured) -> list[Verdict]:
    """The goals, and whether they are met."""
    kept = found.loads["report", 8]
    failed = sum(count for status, count in found.beside.statuses.items() if status != 200)
    ratio = max(statistics.median(h for h, _ in t) / statistics.median(o for _, o in t) for t in found.cold.values())
    growth = (found.memory[1] - found.memory[0]) / 1e6
    return [
        Verdict("kept report, 8 clients, p99", rows, kept.quantile(0.99) * 1000, _GOAL_P99_MS, "ms", False),
        Verdict("kept report, 8 clients, ms a request", rows, 1000 / kept.per_second, _GOAL_MS, "ms", True),
        Verdict("cold report against the command line's query, the worst", rows, ratio, _GOAL_COLD, "x", True),
        Verdict("memory that 10,000 requests add", rows, growth, _GOAL_GROWTH_MB, "MB", False),
        Verdict("requests that failed beside a run", None, float(failed), 0.0, "", True),
        Verdict("answers of a half-made release", None, float(found.torn), 0.0, "", True),
    ]


def document(options: argparse.Namespace, before: float, found: Measured, verdicts: Sequence[Verdict]) -> str:
    """What was measured, the answer first."""
    loads = [
        [name, f"{clients}", f"{item.per_second:,.0f}", _ms(item.quantile(0.5)), _ms(item.quantile(0.99))]
        for (name, clients), item in found.loads.items()
    ]
    cold = [
        [name, _ms(statistics.median(h for h, _ in times)), _ms(statistics.median(o for _, o in times))]
        for name, times in found.cold.items()
    ]
    beside = found.beside
    parts = [
        "## The API",
        report.goals(verdicts),
        report.quiet(before),
        _METHOD.format(rows=options.rows, seconds=f"{options.seconds:g}", page=100, repeat=options.repeat),
        report.table(["Endpoint", "Clients", "Requests a second", "p50", "p99"], loads),
        report.table(["Cold report", "HTTP", "Command line's query"], cold),
        f"Memory of the server: {found.memory[0] / GB:.2f} GB, and {found.memory[1] / GB:.2f} GB after "
        f"{options.requests:,} more requests.",
        f"While a run brought {options.new_rows:,} events and published: {len(beside.seconds):,} requests of 8 clients "
        f"(p50 {_ms(beside.quantile(0.5))}, p99 {_ms(beside.quantile(0.99))}); answers of {found.releases} releases, "
        f"{found.torn} of them with tables that disagreed.",
        report.machine(machine(), []),
        'Measure again: `make bench-serve`, with `ARGS="--rows N --seconds N"` for other sizes.',
    ]
    return "\n\n".join(part for part in parts if part)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
