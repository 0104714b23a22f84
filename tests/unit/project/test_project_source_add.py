"""`clicklake source add`: what is shown, what is written, and what never is."""

import json

import pytest

from clicklake.cli import source_add
from clicklake.cli.main import run
from clicklake.contracts.catalogue import Catalogue
from clicklake.project.source import name_for

EVENTS = "user_id,time,event,email\nu1,2024-01-01,view,a@b.de\nu1,2024-01-01,view,a@b.de\nu2,2024-01-32,view,\n,,,\n"


@pytest.fixture
def events(project):
    (project / "my events.csv").write_text(EVENTS)
    return "my events.csv"


def as_json(capsys):
    return json.loads(capsys.readouterr().out)[0]


def sources(project):
    return sorted(file.name for file in (project / "sources").iterdir() if file.name != "README.md")


def test_without_a_terminal_and_yes_it_only_shows(project, events, capsys):
    assert run(["source", "add", events]) == 0
    told = capsys.readouterr()
    assert "event_timestamp" in told.out and "from bronze.my_events" in told.out and "kind: DataContract" in told.out
    assert "would happen to 4 rows: 1 would load, 1 repeat another, 2 would be rejected" in told.out
    assert "a@b.de" not in told.out
    assert "nothing was written; --yes" in told.err
    assert sources(project) == [] and not (project / "lake").exists()


def test_yes_writes_both_files_which_then_run(project, events, capsys):
    assert run(["source", "add", events, "--yes"]) == 0
    assert "next: clicklake run my_events=my events.csv" in capsys.readouterr().err
    assert sources(project) == ["my_events.sql", "my_events.yaml"]
    assert Catalogue(project).contract("my_events").column_names == ("user_id", "time", "event", "email")
    assert run(["ingest", "my_events", events]) == 0
    assert run(["refine", "--json"]) == 0
    assert '"loaded": 1' in capsys.readouterr().out


def test_why_rows_would_be_rejected(project, events, capsys):
    assert run(["source", "add", events, "--json"]) == 0
    row = as_json(capsys)
    assert row["fates"] == {"ingested": 4, "loaded": 1, "duplicates": 1, "quarantined": 2}
    assert {(reason["reason"], reason["rows"]) for reason in row["reasons"]} == {
        ("invalid_timestamp", 2),
        ("missing_user_id", 1),
        ("missing_event_type", 1),
    }
    assert row["written"] == [] and row["missing"] == []
    assert row["contract"].startswith("apiVersion") and row["mapping"].startswith("select")


@pytest.mark.parametrize(("answer", "written"), [(True, 2), (False, 0)])
def test_a_person_is_asked(project, events, monkeypatch, answer, written):
    asked = []
    monkeypatch.setattr(source_add, "_can_ask", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, err: asked.append(question) or answer)
    assert run(["source", "add", events]) == 0
    assert len(asked) == 1 and "my_events.yaml" in asked[0] and len(sources(project)) == written


def test_nothing_is_written_over_without_force(project, events, capsys):
    assert run(["source", "add", events, "--yes"]) == 0
    file = project / "sources" / "my_events.sql"
    file.write_text(file.read_text() + "-- mine\n")
    assert run(["source", "add", events, "--yes", "--name", "my_events"]) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert file.read_text().endswith("-- mine\n")
    assert run(["source", "add", events, "--yes", "--force"]) == 0
    assert "-- mine" not in file.read_text()


def test_the_name_of_a_source_that_is_there_is_taken(project, events, capsys):
    assert run(["source", "add", events, "--yes", "--name", "click_events"]) == 2
    assert "there is a source click_events already" in capsys.readouterr().err
    assert run(["source", "add", events, "--yes", "--name", "click_events", "--force"]) == 0
    assert sources(project) == ["click_events.sql", "click_events.yaml"]


def test_a_file_that_fits_a_source_needs_no_other(project, capsys):
    header = ",".join(Catalogue().contract("click_events").column_names)
    (project / "a.csv").write_text(header.lower() + "\n" + "," * header.count(",") + "\n")
    assert run(["source", "add", "a.csv"]) == 0
    assert "next: clicklake run click_events=a.csv" in capsys.readouterr().err
    assert run(["source", "add", "a.csv", "--json"]) == 0
    assert as_json(capsys) == {"source": "click_events", "fits": True, "written": []}


def test_a_broken_contract_of_another_source_is_no_hindrance(project, events):
    (project / "sources" / "broken.yaml").write_text("kind: nothing\n")
    assert run(["source", "add", events]) == 0


def test_what_can_t_be_mapped_is_said_and_written_with_a_mark(project, capsys):
    (project / "things.csv").write_text("order_no,customer_id\n1,c\n")
    assert run(["source", "add", "things.csv"]) == 2
    assert "no column was recognised that says a time and an event" in capsys.readouterr().err
    assert sources(project) == []
    assert run(["source", "add", "things.csv", "--yes"]) == 2
    mapping = (project / "sources" / "things.sql").read_text()
    assert mapping.count("FILL IN") == 2 and "columns without another use: order_no" in mapping
    assert run(["run", "--dry-run", "things=things.csv", "--json"]) == 0


def test_a_file_that_breaks_further_down_is_not_taken(project, write, capsys, monkeypatch):
    import gzip
    import random

    rng = random.Random(1)
    rows = "".join(f"u{rng.random()},2024-01-01,view\n" for _ in range(20_000))
    packed = gzip.compress(f"user_id,time,event\n{rows}".encode())
    (project / "cut.csv.gz").write_bytes(packed[: len(packed) - 100])
    monkeypatch.setattr("clicklake.project.sample.MOST_BYTES", 1000)
    assert run(["source", "add", "cut.csv.gz", "--yes"]) == 2
    assert "cut short" in capsys.readouterr().err and sources(project) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "no such file"),
        (["my events.csv", "--name", "My-Events"], "lower snake case, such as my_events"),
        (["my events.csv", "--project", "none"], "clicklake init none makes it"),
        ([], "Missing argument"),
        (["my events.csv", "--wrong"], "No such option"),
    ],
)
def test_wrong_use(events, capsys, arguments, message):
    assert run(["source", "add", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_project_elsewhere(project, events, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = str(project / events)
    assert run(["source", "add", file, "--yes", "--project", "shop"]) == 0
    assert f"next: cd {project} && clicklake run my_events={file}" in capsys.readouterr().err
    assert sources(project) == ["my_events.sql", "my_events.yaml"]


def test_a_folder_that_is_no_project_yet(project, events, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["source", "add", str(project / events), "--yes"]) == 0
    assert "is no project yet" in capsys.readouterr().err
    assert (tmp_path / "sources" / "my_events.yaml").is_file()


def test_the_currency_of_the_settings_is_named(project, capsys):
    (project / "a.csv").write_text("user_id;time;event;total\nu;2024-01-01;kauf;1,50 €\n")
    assert run(["source", "add", "a.csv"]) == 0
    assert "where EUR is your currency, set it as `currency` in clicklake.yaml" in capsys.readouterr().out
    text = (project / "clicklake.yaml").read_text()
    (project / "clicklake.yaml").write_text(text.replace("currency: USD", "currency: EUR"))
    assert run(["source", "add", "a.csv"]) == 0
    assert "1 would load" in capsys.readouterr().out


def test_many_rejected_rows_bring_advice_and_a_few_don_t(project, capsys):
    rows = [f"u{n},2024-01-01 00:00:{n:02d},purchase,p,{'' if n else 1}" for n in range(60)]
    (project / "a.csv").write_text("\n".join(["user_id,time,event,sku,price", *rows]))
    assert run(["source", "add", "a.csv"]) == 0
    assert "missing_amount: where your events don't have that by their nature" in capsys.readouterr().out
    rows = [f"u{n},2024-01-01 00:00:{n:02d},purchase,p,{'' if n == 1 else 1}" for n in range(60)]
    (project / "b.csv").write_text("\n".join(["user_id,time,event,sku,price", *rows]))
    assert run(["source", "add", "b.csv"]) == 0
    assert "by their nature" not in capsys.readouterr().out


def test_a_file_that_the_lake_has_already(project, events, capsys):
    assert run(["source", "add", events, "--yes"]) == 0
    assert run(["ingest", "my_events", events]) == 0
    capsys.readouterr()
    assert run(["source", "add", events, "--force", "--yes"]) == 0
    assert "no row is new" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/ecom.csv.gz", "ecom"),
        ("Events 2024-01.CSV", "events_2024_01"),
        ("2024.ndjson", "source_2024"),
        ("data/clicks/", "clicks"),
        ("x.y.parquet", "x_y"),
    ],
)
def test_names_by_the_file(path, name):
    assert name_for(path) == name
