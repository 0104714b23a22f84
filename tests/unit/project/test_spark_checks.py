"""What the doctor says of Spark, where it is the engine."""

from pathlib import Path

import pytest

from clicklake.project.spark_checks import Seen, judge, spark
from clicklake.settings import Settings


def _seen(clicklake: str | None = None, sees_lake: bool = True) -> Seen:
    from clicklake._version import __version__

    return Seen("node-1", "3.12.1", clicklake or __version__, sees_lake)


def test_executors_that_have_what_they_need():
    (found,) = judge([_seen(), _seen()], is_there=True)
    assert found.status == "ok" and "node-1" in found.detail


@pytest.mark.parametrize(
    ("seen", "detail"),
    [(_seen(clicklake="0.0.1"), "clicklake 0.0.1 on node-1"), (_seen(sees_lake=False), "the lake's folder is not")],
)
def test_executors_that_lack_something(seen: Seen, detail: str):
    (found,) = judge([_seen(), seen], is_there=True)
    assert found.status == "problem" and detail in found.detail and found.advice


def test_a_lake_that_is_nowhere_yet_is_no_problem_of_executors():
    (found,) = judge([_seen(sees_lake=False)], is_there=False)
    assert found.status == "ok"


def test_a_missing_java_is_told_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    first, second = spark(Settings())
    assert (first.check, first.status) == ("pyspark", "ok")
    assert (second.check, second.status) == ("Java", "problem") and second.advice.startswith("Install Java 17")
