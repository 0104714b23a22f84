"""Reports with a fitted model on the command line: too little data, notes, explanations."""

from __future__ import annotations

import json

import pytest

from clicklake.cli.main import run
from clicklake.lake import Lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Thirty buyers in the second month, three in the first."""
    folder = tmp_path_factory.mktemp("buyers")
    rows = ["UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"]
    for user in range(33):
        month = 1 if user < 3 else 2
        for visit in range(1 + user % 4):
            end = f"purchase,p1,{9 + user % 5}.50,success"
            day = 1 + (user * 3) % 8 + visit * (4 + user % 3)
            rows.append(f"u{user:02d},s{user}-{visit},2025-0{month}-{day:02d} 10:00:00,{end}")
    file = folder / "events.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = folder / "lake"
    Lake(path).run(click_events=str(file))
    return str(path)


@pytest.fixture
def report(lake: str, capsys: pytest.CaptureFixture[str]):
    """Runs the command; gives the exit code and what is on stdout and stderr."""

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = run(["report", *arguments, "--lake", lake])
        return code, *capsys.readouterr()

    return run_it


def test_a_lifetime_value_of_each_customer(report) -> None:
    code, out, err = report("customer_lifetime_value", "--format", "json")
    rows = json.loads(out)
    assert code == 0 and len(rows) == 33
    fields = ("customer_id", "frequency", "recency", "age", "monetary_value")
    assert tuple(rows[0]) == (*fields, "probability_alive", "predicted_purchases", "clv")
    assert "purchases from clicks, today is 2025-02-" in err


def test_too_little_data_is_one_report_s_failure_and_a_note_among_all(report) -> None:
    code, out, err = report("customer_lifetime_value", "--as-of", "2025-01-31")
    assert (code, out) == (1, "")
    assert "3 customers, 2 of them with a repeat purchase; it takes 20 and 5" in err
    code, out, err = report("--all", "--as-of", "2025-01-31", "--format", "json")
    found = json.loads(out)
    assert code == 0 and found["customer_lifetime_value"] == [] and found["rfm_segments"]
    assert "customer_lifetime_value: purchases from clicks, today is 2025-01-31" in err
    assert "too little data for a model of purchases: 3 customers" in err


def test_explain_tells_values_and_model(report) -> None:
    facts = json.loads(report("customer_lifetime_value", "--explain", "--format", "json")[1])
    assert facts["values"]["purchase_source"] == "clicks" and facts["fit"]["customers"] == 33
    shown = report("customer_lifetime_value", "--explain")[1]
    assert "Model: BG/NBD with Gamma-Gamma, r = " in shown and "Fader, Hardie, Lee (2005)" in shown
    early = report("at_risk_customers", "--explain", "--as-of", "2025-01-31")[1]
    assert "Model: too little data for a model of purchases" in early
