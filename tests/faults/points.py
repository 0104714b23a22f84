"""Named points of a run, and what happens there: the process is killed, or a write lies about its success.

A point is a call of a library that writes, with the table it writes to and the moment: `commit:silver.events:before`.
Nothing in the product knows of them; they are wrapped around deltalake and pyarrow in the process that is to suffer.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

VARIABLE = "FAULTS"
"""Environment variable: a JSON object with the keys of `install`."""

_METHODS = {
    "DeltaTable": {
        "create_write_transaction": "commit",
        "delete": "delete",
        "merge": "merge",
        "update": "update",
        "vacuum": "vacuum",
        "restore": "restore",
        "create_checkpoint": "checkpoint",
        "cleanup_metadata": "cleanup",
    },
    "table.TableAlterer": {"add_columns": "alter", "set_table_properties": "alter"},
    "table.TableOptimizer": {"compact": "optimize", "z_order": "optimize"},
}


class _Points:
    """Counts the points that the process passes."""

    def __init__(self, kill: int | str | None, kill_each: str | None, trace: str | None, lie: str | None) -> None:
        self.kill, self.trace, self.lie = kill, trace, lie
        self.waiting = Path(kill_each) if kill_each else None
        self.passed = 0
        self.seen: Counter[str] = Counter()

    def at(self, kind: str, table: str, moment: str) -> None:
        name = f"{kind}:{table}:{moment}"
        self.seen[name] += 1
        if self.trace:
            with open(self.trace, "a") as file:
                file.write(f"{name}\n")
        if self.kill in (self.passed, name, f"{name}#{self.seen[name]}") or self._is_waiting(name):
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def _is_waiting(self, name: str) -> bool:
        """Whether a kill was asked for here; it is asked for once."""
        names = self.waiting.read_text().splitlines() if self.waiting else []
        if name not in names:
            return False
        assert self.waiting
        self.waiting.write_text("".join(f"{other}\n" for other in names if other != name))
        return True

    def around(self, kind: str, real: Callable[..., Any], table_of: Callable[..., str]) -> Callable[..., Any]:
        @functools.wraps(real)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            table = table_of(*args, **kwargs)
            self.at(kind, table, "before")
            result = real(*args, **kwargs)
            self.at(kind, table, "after")
            if self.lie and self.lie in (f"{kind}:{table}", f"{kind}:*"):
                raise OSError("connection reset by peer")  # although it went through
            return result

        return wrapped


def install(
    kill: int | str | None = None,
    kill_each: str | None = None,
    trace: str | None = None,
    lie: str | None = None,
    clock: float | None = None,
    file_size: int | None = None,
) -> None:
    """Wrap this process.

    Args:
        kill: The point where it is killed: its number in the run, its name, or `name#2` for the second time.
        kill_each: File with names of points; it is killed at the first that comes, whose name then is taken out.
        trace: File to which the name of each point is added.
        lie: `kind:table`, where `*` stands for any table: the call does its work and then reports a failure.
        clock: Seconds by which the clock is wrong.
        file_size: No file may become larger: what a full disk is to a writer.
    """
    if clock is not None:
        _set_clock(clock)
    if file_size is not None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails with EFBIG, as one on a full disk would
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if kill is None and kill_each is None and trace is None and lie is None:
        return
    points = _Points(kill, kill_each, trace, lie)
    import deltalake
    import deltalake.table
    import pyarrow.parquet

    for owner, methods in _METHODS.items():
        cls = functools.reduce(getattr, owner.split("."), deltalake)
        for name, kind in methods.items():
            if hasattr(cls, name):
                setattr(cls, name, points.around(kind, getattr(cls, name), _table_of_object))
    create = deltalake.DeltaTable.create
    deltalake.DeltaTable.create = staticmethod(points.around("create", create, _table_of_uri))  # type: ignore[assignment]
    writer = pyarrow.parquet.ParquetWriter
    writer.close = points.around("file", writer.close, _table_of_file)
    write = points.around("write", deltalake.write_deltalake, _table_of_target)
    for module in list(sys.modules.values()):
        if getattr(module, "write_deltalake", None) is deltalake.write_deltalake and module is not deltalake:
            module.write_deltalake = write  # type: ignore[attr-defined]


def install_from_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Wrap this process as its environment says."""
    if text := environment.get(VARIABLE):
        install(**json.loads(text))


def _set_clock(seconds: float) -> None:
    """Let Python's clocks go wrong by so much; those of the libraries in Rust and C++ stay right."""
    import datetime as module
    import time

    right_time, right_ns, right = time.time, time.time_ns, module.datetime

    class Wrong(right):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: module.tzinfo | None = None) -> module.datetime:
            return right.now(tz) + module.timedelta(seconds=seconds)

    time.time = lambda: right_time() + seconds
    time.time_ns = lambda: right_ns() + int(seconds * 1e9)
    for name, found in list(sys.modules.items()):
        if name.startswith("clicklake") and getattr(found, "datetime", None) is right:
            found.datetime = Wrong  # type: ignore[attr-defined]


def _table_of_object(self: Any, *_: object, **__: object) -> str:
    table = getattr(self, "table", self)
    return _name(table.table_uri)


def _table_of_uri(uri: Any, *_: object, **__: object) -> str:
    return _name(str(uri))


def _table_of_target(target: Any, *_: object, **__: object) -> str:
    return _name(str(getattr(target, "table_uri", target)))


def _table_of_file(self: Any, *_: object, **__: object) -> str:
    parts = Path(str(self.where)).parts
    for layer in ("bronze", "silver", "gold", "ops"):
        if layer in parts:
            position = len(parts) - 1 - parts[::-1].index(layer)
            return ".".join(parts[position : position + 2])
    return "?"


def _name(uri: str) -> str:
    return ".".join(uri.rstrip("/").split("/")[-2:])
