"""A process that runs one query after the other, each in a database of its own, and can be killed at any time.

It is started by its path with nothing of the environment, and told everything over its standard input: it knows no
secret that it isn't told. What is wrong with a query in a way that no limit of DuckDB notices, such as a value of a
gigabyte, ends this process and not the server.

A request is a pickled mapping, an answer a line of JSON and the bytes of an Arrow stream: the server trusts no answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import struct
import sys
import threading
from typing import Any, BinaryIO

_MORE = 1 << 30
"""Address space beside what a query may use: code, stacks, what allocators hold back."""

_TRIES = 15
"""So often a query is interrupted, five times a second."""


def main() -> None:
    """Answer until the server is gone."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no answer
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    sys.path[:0] = [path for path in read(requests)["sys_path"] if path not in sys.path]
    import duckdb  # noqa: F401 - what takes a while is done before the first query
    import pyarrow as pa  # noqa: F401

    _answer(answers, {})
    while request := read(requests):
        rows, note = b"", dict[str, object]()
        try:
            rows, is_cut = _run(request)
            note = {"cut": is_cut}
        except Exception as error:  # noqa: BLE001 - whatever it is, the server tells it
            note = {"kind": type(error).__name__, "error": str(error)}
        _answer(answers, {**note, "is_spent": _is_spent(request["bytes_of_memory"])}, rows)


def _answer(answers: BinaryIO, note: dict[str, object], rows: bytes = b"") -> None:
    answers.write(json.dumps({**note, "size": len(rows)}).encode() + b"\n" + rows)
    answers.flush()


def read(stream: BinaryIO) -> dict[str, Any]:
    """The next request; empty where there is none any more."""
    head = stream.read(8)
    if len(head) < 8:
        return {}
    found: dict[str, Any] = pickle.loads(stream.read(struct.unpack("<Q", head)[0]))
    return found


def write(stream: BinaryIO, request: dict[str, Any]) -> None:
    """Send a request."""
    data = pickle.dumps(request)
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def _run(request: dict[str, Any]) -> tuple[bytes, bool]:
    """The rows as an Arrow stream, and whether there were more."""
    import pyarrow as pa

    _limit_memory(request["bytes_of_memory"])
    connection = _database(request)
    done = threading.Event()
    timer = threading.Thread(target=_interrupt, args=(connection, done, request["seconds"]), daemon=True)
    timer.start()
    try:
        reader = connection.sql(request["sql"]).to_arrow_reader(2048)
        sink, rows, size, is_cut = pa.BufferOutputStream(), 0, 0, False
        with pa.ipc.new_stream(sink, reader.schema) as writer:
            for batch in reader:
                kept = batch.slice(0, request["rows"] - rows)
                size += kept.nbytes
                if size > request["bytes"]:
                    raise MemoryError(
                        f"the result is larger than {request['bytes']:,} bytes: choose fewer rows or columns"
                    )
                writer.write_batch(kept)
                rows += kept.num_rows
                is_cut = kept.num_rows < batch.num_rows
                if is_cut:
                    break
        return sink.getvalue().to_pybytes(), is_cut
    finally:
        done.set()
        connection.close()


def _database(request: dict[str, Any]) -> Any:  # noqa: ANN401 - duckdb is imported once the path is known
    """A database that holds the views and can reach nothing but their files; for good."""
    import duckdb

    connection = duckdb.connect(
        config={
            "memory_limit": request["memory"],
            "threads": request["threads"],
            "temp_directory": request["spill"],
            "max_temp_directory_size": request["memory"],
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_extension_repositories": "forbidden",
            "custom_extension_repository": request["spill"],  # where none is: nothing is fetched
            "allow_persistent_secrets": "false",
        }
    )
    if request["objects"]:
        from clicklake.engines.objects import ObjectFiles

        files = ObjectFiles()
        files.know_all(request["objects"])
        connection.register_filesystem(files)
    for statement in request["statements"]:
        connection.execute(statement)
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in request["paths"])
    connection.execute(f"set allowed_paths = [{listed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _interrupt(connection: Any, done: threading.Event, seconds: float) -> None:  # noqa: ANN401
    """Stop the query after some seconds, and again, should it not have noticed; at last the process.

    The server kills it before; where the server is gone, nobody else does.
    """
    tries = 0
    while not done.wait(seconds):
        if tries == _TRIES:
            os._exit(1)
        with contextlib.suppress(Exception):
            connection.interrupt()
        seconds, tries = 0.2, tries + 1


def _limit_memory(more: int) -> None:
    """Refuse this process more memory than it has now and a query may use."""
    now = _address_space()
    if now is None:
        return  # no such limits here: DuckDB's own holds
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + more + _MORE
    if soft == resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or wanted <= hard):
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _is_spent(more: int) -> bool:
    """Whether queries before have left too little of the address space for another one."""
    now = _address_space()
    if now is None:
        return False
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return soft != resource.RLIM_INFINITY and soft - now < more


def _address_space() -> int | None:
    """Bytes that this process has asked for; None where that can't be told."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return None


if __name__ == "__main__":
    main()
