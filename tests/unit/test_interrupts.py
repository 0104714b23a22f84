"""A signal is remembered, whatever DuckDB makes of it, and the child process of a run leaves with its code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LONG = """
import sys
from clicklake.engines.duckdb import DuckDB
from clicklake.interrupts import Interrupts

with Interrupts() as interrupts:
    try:
        print("begins", flush=True)
        DuckDB().execute("select sum(hash(range)) from range(1_000_000_000_000)")
    except (Exception, KeyboardInterrupt):
        sys.exit(interrupts.exit_code() if interrupts.came else 99)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_query_that_is_interrupted_is_known_as_stopped(number: signal.Signals, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.3)  # it is inside of the query
        process.send_signal(number)
        try:
            assert process.wait(30) == code
        finally:
            process.kill()


def test_a_run_that_the_api_started_is_stopped_before_it_knows_what_to_do() -> None:
    command = [sys.executable, "-m", "clicklake.api.child"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        status = Path(f"/proc/{process.pid}/status")
        until = time.monotonic() + 30
        while not _catches(status, signal.SIGTERM) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        told, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (143, "")
    assert '"event": "failed"' in told
    assert "stopped; run again, nothing is lost or doubled" in told


def _catches(status: Path, number: signal.Signals) -> bool:
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
