"""The command line in a process of its own, cheap enough to be killed a thousand times.

The harness imports the program once and starts no engine; each run is a fork of it, so that a kill costs no start of
an interpreter. `exec_run` starts a whole interpreter instead; the harness does that now and then, for honesty.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.points import VARIABLE, install

HUNG = 180.0
"""Seconds after which a run is taken for hung."""

TESTS = Path(__file__).parents[1]


def warm_up() -> None:
    """Import what a run imports, so that each fork has it; no engine may be started here."""
    import clicklake.cli.main
    import clicklake.cli.summary
    import clicklake.lake  # noqa: F401 - imported for those who are forked

    with contextlib.suppress(ImportError):
        import pandas  # noqa: F401 - Arrow looks for it, which costs each run more than all other imports


@dataclass
class Process:
    """A run that was started.

    Args:
        pid: Its process.
        folder: Where its output goes.
        kill_at: Time (monotonic) at which it is killed, if it still runs.
        status: As waitpid gives it, once it ended.
    """

    pid: int
    folder: Path
    name: str
    kill_at: float | None = None
    status: int | None = None
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    hung: bool = False

    @property
    def killed(self) -> bool:
        """Whether it died of SIGKILL."""
        return self.status is not None and os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal."""
        return None if self.status is None else os.waitstatus_to_exitcode(self.status)

    @property
    def stdout(self) -> str:
        """What it printed."""
        return (self.folder / f"{self.name}.out").read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """What it said."""
        return (self.folder / f"{self.name}.err").read_text(errors="replace")

    def poll(self) -> bool:
        """Whether it ended; kills it when its time has come."""
        if self.status is not None:
            return True
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status, self.seconds = status, time.monotonic() - self.started
            return True
        now = time.monotonic()
        if now - self.started > HUNG:
            self.hung = True
        if self.hung or (self.kill_at is not None and now >= self.kill_at):
            os.kill(self.pid, signal.SIGKILL)
            self.kill_at = None
        return False


def wait(*processes: Process) -> None:
    """Wait for the end of all of them."""
    while not all([process.poll() for process in processes]):
        time.sleep(0.002)


def start(
    argv: Sequence[str],
    folder: Path,
    faults: Mapping[str, object] | None = None,
    kill_after: float | None = None,
    name: str = "run",
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Fork a run of the command line.

    Args:
        argv: What follows `clicklake`.
        folder: Its working folder; its output and its temporary files go there too.
        faults: Keys of `points.install`.
        kill_after: Seconds until it is killed from outside.
        name: Of its output files.
        environment: Variables beside those of this process.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def work() -> int:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _own_streams(folder, name)
        os.chdir(folder)
        os.environ.update(environment or {})
        _own_temporary_folder(folder)
        install(**dict(faults or {}))  # type: ignore[arg-type]
        from clicklake.cli.main import run

        return run(list(argv))

    process = Process(_fork(work), folder, name)
    process.kill_at = None if kill_after is None else process.started + kill_after
    return process


def exec_run(
    argv: Sequence[str], folder: Path, faults: Mapping[str, object] | None = None, kill_after: float | None = None
) -> Process:
    """The same in an interpreter of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(_temporary(folder)), VARIABLE: json.dumps(dict(faults or {}))}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    with open(folder / "exec.out", "wb") as out, open(folder / "exec.err", "wb") as err:
        started = subprocess.Popen(
            [sys.executable, "-m", "faults.driver", *argv], cwd=folder, env=environment, stdout=out, stderr=err
        )
    process = Process(started.pid, folder, "exec")
    process.kill_at = None if kill_after is None else process.started + kill_after
    started.returncode = 0  # this module waits for it
    return process


def in_child(work: Callable[[], Any]) -> Any:
    """The result of a function that may start engines, run in a fork so that this process stays free of them."""
    reader, writer = os.pipe()

    def send() -> int:
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            try:
                pickle.dump((True, work()), pipe)
            except BaseException as error:
                import traceback

                pickle.dump((False, f"{error}\n{traceback.format_exc()}"), pipe)
        return 0

    pid = _fork(send)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    good, result = pickle.loads(data) if data else (False, "the child died")
    if not good:
        raise RuntimeError(result)
    return result


def _fork(work: Callable[[], int]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = work()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _own_streams(folder: Path, name: str) -> None:
    for number, suffix in ((1, "out"), (2, "err")):
        file = os.open(folder / f"{name}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)


def _own_temporary_folder(folder: Path) -> None:
    import tempfile

    tempfile.tempdir = str(_temporary(folder))


def _temporary(folder: Path) -> Path:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return temporary
