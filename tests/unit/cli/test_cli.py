from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clicklake.cli.main import globals_first, run
from clicklake.lake import Lake

Clicks = Callable[..., Path]
HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
GOOD = "u1,s1,2025-01-01 10:00:00,product_view,p1,,"
BUY = "u1,s1,2025-01-01 10:05:00,purchase,p1,12.50,success"


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    records = (GOOD, GOOD, BUY, ",s1,2025-01-01 10:00:00,purchase,p1,-5,", "short")
    (folder / "clicks.csv").write_text("\n".join([HEADER, *records]) + "\n", encoding="utf-8")
    Lake(folder / "lake").run(click_events=folder / "clicks.csv")
    return folder / "lake"


@pytest.fixture
def filled(tmp_path: Path, filled_once: Path) -> Path:
    """A lake of one run, to do with what a test wants."""
    shutil.copytree(filled_once, tmp_path / "lake")
    return tmp_path / "lake"


def test_global_options_may_stand_anywhere() -> None:
    assert globals_first(["report", "x", "--lake", "a", "--json"]) == ["--lake", "a", "--json", "report", "x"]
    assert globals_first(["--json", "report", "--lake=a"]) == ["--json", "--lake=a", "report"]
    assert globals_first(["query", "--", "--json"]) == ["query", "--", "--json"]


def test_a_run_says_what_became_of_every_row(
    tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]
) -> None:
    file = clicks(GOOD, GOOD, "short")
    assert run(["--lake", str(tmp_path / "lake"), "run", f"click_events={file}"]) == 0
    out, err = capsys.readouterr()
    assert "rows_ingested" in out
    assert "published release 1" in err


def test_json_is_all_that_stands_on_stdout(tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> None:
    file = clicks(GOOD, "short")
    assert run(["run", f"click_events={file}", "--json", "--lake", str(tmp_path / "lake")]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["status"], told["release"], told["fates"][0]["quarantined"]) == ("done", 1, 1)


@pytest.mark.parametrize("part", ["list", "show"])
@pytest.mark.parametrize("lake", ["filled", "empty"])
def test_the_quarantine_of_an_unknown_source_is_no_empty_one(
    filled: Path, tmp_path: Path, part: str, lake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = filled if lake == "filled" else tmp_path / "nothing"
    assert run(["quarantine", part, "--source", "click_event", "--lake", str(root)]) == 2
    assert "'click_event' (did you mean 'click_events'?)" in capsys.readouterr().err
    assert run(["quarantine", part, "--source", "orders", "--lake", str(root)]) == 0


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["tables"],
        ["describe", "gold.dim_users"],
        ["describe", "bronze.click_events"],
        ["quality"],
        ["quarantine", "list"],
        ["quarantine", "show"],
        ["report", "--list"],
        ["report", "--all"],
        ["report", "top_products"],
        ["report", "top_products", "--explain"],
        ["query", "select * from ops.runs"],
        ["run"],
    ],
)
@pytest.mark.parametrize("lake", ["filled", "empty"])
def test_every_reading_command_works_for_people_and_for_machines(
    filled: Path, tmp_path: Path, command: list[str], lake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = filled if lake == "filled" else tmp_path / "nothing"
    if lake == "empty" and command[0] == "query":
        assert run([*command, "--lake", str(root)]) == 2
        assert "no table ops.runs" in capsys.readouterr().err
        return
    assert run([*command, "--lake", str(root)]) == 0
    people = capsys.readouterr()
    assert people.out or people.err
    assert "Traceback" not in people.err
    assert run([*command, "--lake", str(root), "--json"]) == 0
    json.loads(capsys.readouterr().out)


def test_reports_as_csv_json_and_html(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", str(filled)]
    assert run(["report", "top_products", "--format", "json", *lake]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["product_id"], row["product_views"], row["revenue"]) == ("p1", 1, 12.5)
    assert run(["report", "top_products", "--format", "csv", *lake]) == 0
    (read,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert read["revenue"] == "12.50"
    assert run(["report", "--all", "--format", "html", "--out", str(tmp_path / "pages"), *lake]) == 0
    assert {file.name for file in (tmp_path / "pages").iterdir()} >= {"index.html", "top_products.html"}
    assert run(["report", "--all", "--out", str(tmp_path / "texts"), *lake]) == 0
    assert (tmp_path / "texts" / "conversion_funnel.txt").read_text().strip()


def test_the_window_reaches_the_report(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    window = ["--since", "2025-01-02", "--until", "2025-01-03"]
    assert run(["report", "top_products", *window, "--json", "--lake", str(filled)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["report", "top_products", *window, "--explain", "--lake", str(filled)]) == 0
    assert "2025-01-02 to 2025-01-03" in capsys.readouterr().out


@pytest.mark.parametrize("output", ["table", "json", "csv", "html"])
def test_a_report_without_rows_says_which_source_is_missing(
    filled: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    assert run(["report", "weekly_sales_summary", "--format", output, "--lake", str(filled)]) == 0
    out, err = capsys.readouterr()
    assert "orders=PATH" in (err if output in ("json", "csv") else out)
    assert output != "json" or json.loads(out) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "No such command"),
        (["run", "--nonsense"], 2, "No such option"),
        (["run", "click_events"], 2, "'click_events' is not SOURCE=PATH"),
        (["run", "click_events=nowhere.csv"], 2, "nowhere.csv: no such file"),
        (["run", "clicks=a.csv"], 2, "no source 'clicks'"),
        (["report"], 2, "name one report, or --all"),
        (["report", "top_product"], 2, "did you mean 'top_products'?"),
        (["report", "top_products", "--format", "xml"], 2, "allowed are table, json, csv, html"),
        (["report", "top_products", "--user", "x"], 2, "no parameter user"),
        (["report", "top_products", "--since", "01/02/2025"], 2, "not a date such as 2025-01-31"),
        (["report", "--all", "--format", "csv"], 2, "needs --out DIR"),
        (["describe", "gold.nothing"], 2, "there is no table 'gold.nothing'"),
        (["query", "select 1; select 2"], 2, "a query is one SELECT"),
        (["query", "drop table gold.dim_users"], 2, "the lake is read-only"),
        (["query", "select * from read_text('/etc/passwd')"], 2, "disabled by configuration"),
        (["query", "selec"], 2, "syntax error"),
        (["query", "select nothing from gold.dim_users"], 2, "nothing"),
        (["query", "select 1", "--at", "99"], 2, "no release 99"),
        (["query", "select 1", "--at", "someday"], 2, "neither the number of a release nor a time"),
        (["--config", "none.yaml", "status"], 2, "none.yaml: there is no such file"),
        (["--log-level", "loud", "status"], 2, "loud"),
        (["quality", "--fail-under", "100"], 3, "is under 100 %"),
    ],
)
def test_wrong_use_is_told_in_words(
    filled: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--lake", str(filled)]) == code
    out, err = capsys.readouterr()
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err


def test_a_failed_file_is_exit_1_and_the_others_go_in(
    tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks(GOOD, name="good.csv")
    (tmp_path / "bad.csv.gz").write_bytes(b"\x1f\x8b")
    pattern = f"click_events={tmp_path}/*.csv*"
    assert run(["run", pattern, "--lake", str(tmp_path / "lake")]) == 1
    err = capsys.readouterr().err
    assert "bad.csv.gz" in err
    assert run(["query", "select count(*) as n from gold.fact_events", "--json", "--lake", str(tmp_path / "lake")]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 1}]


def test_the_gate_of_the_settings_is_exit_3(tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clicklake.yaml").write_text("quality:\n  fail_under: 99\n")
    assert run(["run", f"click_events={clicks(GOOD, 'short')}"]) == 3
    assert "click_events: quality score 50.00 % is under 99 %" in capsys.readouterr().err


def test_a_dry_run_shows_what_and_why(tmp_path: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> None:
    file = clicks(GOOD, "secret-user,s1,x,purchase,p1,1,")
    assert run(["run", "--dry-run", f"click_events={file}", "--lake", str(tmp_path / "lake")]) == 0
    out, err = capsys.readouterr()
    assert "invalid_timestamp" in out
    assert "nothing was written" in err
    assert "secret-user" not in out
    assert not list((tmp_path / "lake").rglob("*.parquet"))


def test_personal_data_is_masked_unless_asked_for(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", str(filled), "--json"]
    run(["quarantine", "show", *lake])
    masked = json.loads(capsys.readouterr().out)
    assert all("short" not in row["raw"] for row in masked)
    run(["quarantine", "show", "--show-pii", *lake])
    assert "short" in [row["raw"] for row in json.loads(capsys.readouterr().out)]


def test_the_way_to_personal_data_is_told_beside_the_rows_not_in_them(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = ["--lake", str(filled)]
    assert run(["quarantine", "show", *lake]) == 0
    out, err = capsys.readouterr()
    assert "*** (5 characters)" in out
    assert err == "*** is personal data; --show-pii shows it\n"
    assert run(["quarantine", "show", "--show-pii", *lake]) == 0
    assert "***" not in "".join(capsys.readouterr())
    run(["quarantine", "show", "--json", *lake])
    (split,) = (row for row in json.loads(capsys.readouterr().out) if row["raw"] == "*** (5 characters)")
    assert run(["trace", "bronze.click_events", f"row_id={split['row_id']}", *lake]) == 0
    out, err = capsys.readouterr()
    assert "***" in out and "--show-pii" not in out
    assert "--show-pii shows it" in err


def test_a_fault_of_the_program_is_told_without_a_traceback(
    filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from clicklake import overview

    monkeypatch.setattr(overview, "tables", lambda lake: 1 / 0)
    assert run(["tables", "--lake", str(filled)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        run(["tables", "--lake", str(filled), "--debug"])


def clicklake(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from clicklake.cli.main import main; main()", *arguments]


def test_help_starts_without_the_engines() -> None:
    code = "import sys; from clicklake.cli import main; print(sorted({m.split('.')[0] for m in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("duckdb", "pyarrow", "deltalake", "sqlglot", "numpy", "altair", "pandas"):
        assert f"'{heavy}'" not in found


def test_a_closed_pipe_ends_the_program_quietly(filled: Path) -> None:
    query = "select * from range(2000000)"
    command = clicklake("query", query, "--format", "csv", "--lake", str(filled))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr.read() == b""


@pytest.mark.slow
def test_a_stopped_run_leaves_a_lake_that_goes_on(tmp_path: Path) -> None:
    import signal

    from clicklake.synthetic import GeneratorConfig, generate

    generate(tmp_path / "data", GeneratorConfig(rows=400_000))
    arguments = ("run", f"click_events={tmp_path / 'data' / 'click_events'}", "--lake", str(tmp_path / "lake"))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for pause in (0.8, 1.6, 2.4):
        with subprocess.Popen(clicklake(*arguments), stderr=subprocess.PIPE, env=environment) as process:
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 130)
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
    assert subprocess.run(clicklake(*arguments), check=False).returncode == 0
    truth = json.loads((tmp_path / "data" / "truth.json").read_text())["sources"]["click_events"]
    query = (
        "select sum(loaded) as loaded, sum(duplicates) as duplicates, sum(quarantined) as quarantined from ops.ledger"
    )
    told = subprocess.run(
        clicklake("query", query, "--json", "--lake", str(tmp_path / "lake")),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(told) == [{name: truth[name] for name in ("loaded", "duplicates", "quarantined")}]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gold.dim_users.total_spent"], ["silver.events.amount", "file:click_events.Amount", "Which rows count:"]),
        (["dim_users"], ["gold.dim_sessions", "bronze.web_events", "One row per user"]),
        (["silver.events.amount", "--downstream"], ["report:top_products.revenue"]),
        (["file:web_events", "--downstream"], ["bronze.web_events", "report:user_journey"]),
        ([], ["file:click_events", "file:web_events", "gold.dim_dates"]),
        (["report:top_products.revenue", "--format", "mermaid"], ["flowchart LR", "gold.fact_events.amount"]),
    ],
)
def test_lineage_needs_no_lake(arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lineage", *arguments]) == 0
    told = capsys.readouterr().out
    assert [text for text in expected if text not in told] == []


def test_lineage_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lineage", "gold.dim_users.total_spent", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert steps[0] == {
        "table": "gold.dim_users",
        "column": "total_spent",
        "upstream_table": "silver.events",
        "upstream_column": "amount",
        "influence": "direct",
        "transformation": "coalesce(sum(amount), 0)",
    }
    assert {"file:click_events", "file:web_events"} <= {step["upstream_table"] for step in steps}
    assert run(["lineage", "gold.dim_users", "--json"]) == 0
    assert {"table": "gold.dim_users", "upstream_table": "silver.events"} in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["gold.dim_user"], ["gold.dim_users.spent"], ["dim_users", "--format", "dot"]])
def test_lineage_of_what_is_not_there(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lineage", *arguments]) == 2
    assert capsys.readouterr().out == ""


def test_single_tables_are_built_anew(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", str(filled)]
    assert run(["build", "--full", "dim_users", "gold.dim_dates", *lake]) == 0
    told = capsys.readouterr().err
    assert "built gold.dim_users: asked for" in told
    assert "built gold.dim_dates: asked for" in told
    assert "gold.fact_events" not in told
    assert run(["build", "--full", "--json", *lake]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert {one["reason"] for one in row["rebuilt"]} == {"asked for"}
    assert run(["build", "dim_users", *lake]) == 2
    assert "clicklake build --full TABLE" in capsys.readouterr().err
    assert run(["build", "--full", "dim_user", *lake]) == 2
    assert "did you mean 'gold.dim_users'" in capsys.readouterr().err


def test_an_increment_says_what_it_followed(filled: Path, clicks: Clicks, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", f"click_events={clicks('u9,s1,2025-01-03 10:00:00,page_view,,,')}", "--lake", str(filled)]) == 0
    told = capsys.readouterr().err
    assert "incremented gold.fact_events: silver.events: 1 new row\n" in told
    assert "built gold.fact_events" not in told


def test_tables_and_columns_are_completed_for_lineage() -> None:
    from typer.main import get_command

    from clicklake.cli.lineage_commands import _complete_table
    from clicklake.cli.main import app

    context = get_command(app).make_context("clicklake", ["tables"])
    assert _complete_table(context, "gold.dim_u") == ["gold.dim_users"]
    assert _complete_table(context, "gold.dim_users.total_sp") == ["gold.dim_users.total_spent"]
    assert "report:top_products" in _complete_table(context, "report:")


def test_a_report_on_an_empty_lake_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "top_products", "--json", "--lake", str(tmp_path / "none")]) == 0
    assert capsys.readouterr() == ("[]\n", "")
    assert run(["report", "top_products", "--lake", str(tmp_path / "none")]) == 0
    assert "nothing was published yet: clicklake run" in capsys.readouterr().err
