"""What Spark raises, in the words of this program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from clicklake.errors import ClicklakeError, EngineError

_OURS = re.compile(r"clicklake\.errors\.(\w+): (.*)")


@contextmanager
def told(statement: str | None = None) -> Iterator[None]:
    """Raise what Spark raises as an error of the engine, with its first lines.

    Args:
        statement: What was run, for the log.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except ClicklakeError:
        raise
    except (PySparkException, Py4JError) as error:
        raise EngineError(_shortened(str(error), statement)) from error


def _shortened(text: str, statement: str | None) -> str:
    """The lines that tell what is wrong: an error inside an executor's Python, or Spark's own first lines."""
    if found := _OURS.findall(text):
        return str(found[-1][1])
    if "No module named 'clicklake'" in text:
        return (
            "Spark's executors have no clicklake: install it where they run (docs/how-to/run-on-a-spark-cluster.md); "
            "`clicklake doctor` looks"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plan = next((i for i, line in enumerate(lines) if line.startswith(("JVM stacktrace", "'", "+-", "== SQL"))), 4)
    return " ".join(lines[: max(1, plan)])[:2000]
