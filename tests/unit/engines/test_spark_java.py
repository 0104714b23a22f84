"""What is told where the Java that Spark needs is missing, too old or broken."""

from pathlib import Path

import pytest

from clicklake.engines.spark import java


def _java(home: Path, script: str) -> None:
    file = home / "bin" / "java"
    file.parent.mkdir(parents=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'openjdk version \"17.0.15\" 2025-04-15' >&2", None),
        ("echo 'openjdk version \"21\" 2023-09-19' >&2", None),
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", "is Java 11, Spark needs 17"),
        ("echo 'java version \"1.8.0_292\"' >&2", "is Java 8, Spark needs 17"),
        ("exit 1", "does not run"),
    ],
)
def test_what_is_wrong_with_a_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str | None):
    _java(tmp_path, script)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = java.problem()
    assert (found is None) if told is None else (told in str(found) and "Install Java 17" in str(found))


def test_there_is_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no Java" in str(java.problem())
