"""Commands that follow a stream: stream kafka."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Follow a stream of messages, until it is stopped.", no_args_is_help=True)


class Start(str, Enum):
    """Where a topic is begun."""

    EARLIEST = "earliest"
    LATEST = "latest"


class OnGap(str, Enum):
    """What a gap does."""

    FAIL = "fail"
    CONTINUE = "continue"


def register(parent: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("kafka")(kafka)
    parent.add_typer(app, name="stream")


def kafka(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Argument(help="What the messages are, for example web_events; else the settings' only one.")
    ] = None,
    brokers: Annotated[str | None, typer.Option(help="host:port of a broker, or several with commas.")] = None,
    topic: Annotated[str | None, typer.Option(help="The topic; else the settings' for the source.")] = None,
    group: Annotated[str | None, typer.Option(help="The consumer group; else clicklake-SOURCE.")] = None,
    batch_seconds: Annotated[
        float | None, typer.Option(help="Seconds from one batch to the next, at the least; else 2.")
    ] = None,
    batch_rows: Annotated[int | None, typer.Option(help="Messages of one commit, at the most; else 100,000.")] = None,
    start: Annotated[
        Start | None, typer.Option("--from", help="Where to begin a topic that the lake has nothing of; else earliest.")
    ] = None,
    watermark: Annotated[
        str | None, typer.Option(help="How far behind the newest event one is late, such as 30m; else 1h.")
    ] = None,
    on_gap: Annotated[
        OnGap | None, typer.Option(help="What to do where messages are gone that were not read yet; else fail.")
    ] = None,
    available_now: Annotated[
        bool, typer.Option("--available-now", help="Read what the topic has now, then end: for schedulers.")
    ] = False,
) -> None:
    """Bring the messages of a Kafka topic in, each once; silver and gold follow every batch.

    Each message is a JSON object with the columns of the source. SIGTERM or ^C ends it after the commit at hand; a
    second ^C ends it at once. Whatever ends it, the next start goes on where the table stands.
    """
    from clicklake.cli.stream_view import Ticker

    context: Context = ctx.obj
    name = source or ("web_events" if topic else None)
    context.overrides = {
        "kafka.brokers": [item.strip() for item in brokers.split(",") if item.strip()] if brokers else None,
        "kafka.topics": {name: topic} if name and topic else None,
        "kafka.group": group,
        "kafka.batch_seconds": batch_seconds,
        "kafka.batch_rows": batch_rows,
        "kafka.start": start.value if start else None,
        "kafka.watermark": watermark,
        "kafka.on_gap": on_gap.value if on_gap else None,
    }
    lake = context.open()
    ticker = Ticker(context, lake, name)
    with _stopped_by_signals(ticker.stopping) as stop:
        total = lake.stream(name, stop=stop, tell=ticker, available_now=available_now)
    ticker.end(total)


@contextmanager
def _stopped_by_signals(tell: Any) -> Iterator[threading.Event]:  # noqa: ANN401 - a function without arguments
    """An event that the first SIGTERM or ^C sets; the second one does what it would do without this."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            before[number](number, frame)
        stop.set()
        tell()

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
