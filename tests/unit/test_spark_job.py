"""What Spark platforms start: the same command line, exit codes, and the arguments of AWS Glue."""

import subprocess
import sys
from pathlib import Path

import pytest

from clicklake import spark_job
from clicklake.errors import UsageError
from clicklake.spark_job import JobError, from_glue, is_glue, main

GLUE = ["--JOB_NAME", "nightly", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://tmp/", "--enable-metrics", "true"]


def test_arguments_of_glue_become_a_command_line():
    given = [*GLUE, "--lake", "s3://shop/lake", "--clicklake", "run click_events='s3://in/my clicks' --full"]
    assert is_glue(given)
    assert from_glue(given) == ["--lake", "s3://shop/lake", "run", "click_events=s3://in/my clicks", "--full"]


def test_a_value_may_stand_behind_an_equals_sign_or_begin_with_an_option():
    assert from_glue([*GLUE, "--clicklake=status", "--profile=prod"]) == ["--profile", "prod", "status"]
    assert from_glue([*GLUE, "--clicklake", "--json status"]) == ["--json", "status"]


def test_a_glue_job_without_a_command_says_what_is_missing():
    with pytest.raises(UsageError, match="no argument --clicklake"):
        from_glue(GLUE)


def test_exit_codes_are_those_of_the_command(tmp_path: Path, capfd):
    for arguments, code in ((["status"], 0), (["describe", "gold.nothing"], 2)):
        with pytest.raises(SystemExit) as left:
            main(["--engine", "duckdb", "--lake", str(tmp_path / "lake"), *arguments])
        assert left.value.code == code
    assert "gold.nothing" in capfd.readouterr().err


def test_glue_is_told_of_failure_by_an_exception(tmp_path: Path, capfd):
    lake = [*GLUE, "--engine", "duckdb", "--lake", str(tmp_path / "lake"), "--clicklake"]
    main([*lake, "status"])
    with pytest.raises(JobError, match="exit code 2"):
        main([*lake, "describe gold.nothing"])


def test_spark_is_the_engine_where_none_is_named(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr("clicklake.cli.main.run", lambda arguments: asked.append(arguments) or 0)
    for given in (["status"], ["--engine=duckdb", "status"]):
        with pytest.raises(SystemExit):
            main(given)
    assert asked == [["--engine", "spark", "status"], ["--engine=duckdb", "status"]]


def test_the_file_runs_by_its_path():
    # Its folder holds modules with names of Python's own, such as statistics.
    done = subprocess.run([sys.executable, spark_job.__file__, "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("clicklake "), done.stderr
