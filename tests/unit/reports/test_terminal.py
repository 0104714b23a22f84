"""Tables on a terminal of 80 columns, with colours and without."""

import io
import re
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from rich.cells import cell_len
from rich.console import Console

from clicklake.contracts.model import ReportColumn, ReportDoc
from clicklake.reports.render import Result, print_rows, terminal, to_table


def console(width: int = 80, **options) -> Console:
    return Console(file=io.StringIO(), width=width, **options)


def lines(result: Result, width: int = 80) -> list[str]:
    out = console(width)
    to_table(result, out)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def printed(table: pa.Table, width: int = 80, **options) -> str:
    out = console(width)
    print_rows(table, out, **options)
    return "\n".join(line.rstrip() for line in out.file.getvalue().splitlines())


def test_a_report_is_title_meaning_window_and_rows(nine):
    result = replace(nine["top_products"], table=nine["top_products"].table.slice(0, 2))
    assert lines(result) == [
        "Top products",
        "Products by how often they were viewed, with what came of it.",
        "2025-01-01 to 2025-03-31",
        "",
        "                 Product  Add to               Revenue    View to        View to",
        "Product ID         views   carts  Purchases      (EUR)  cart rate  purchase rate",
        "─" * 80,
        "PROD-00766        18,400   4,027        690  10,574.61      21.9%           3.8%",
        "PROD-00696        15,081   4,200        523   8,680.68      27.9%           3.5%",
        "",
        "showing 2 of 1,234 (--limit)",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(nine, width):
    for result in nine.values():
        shown = replace(result, table=result.table.slice(0, 5))
        written = lines(shown, width)
        assert max(map(cell_len, written)) <= width
        for column in shown.columns():
            if column.is_number:
                for text in column.texts:
                    assert re.search(rf"(?<![\d,.]){re.escape(text)}(?![\d,.])", "\n".join(written)), text


def test_every_click_report_is_a_table_at_80_columns(nine):
    for result in nine.values():
        if result.name != "revenue_metrics":
            assert any(set(line) == {"─"} for line in lines(result)), result.name


def test_figures_of_one_row_stand_beneath_each_other(nine):
    assert lines(nine["revenue_metrics"])[4:] == [
        "Purchasers                          6,120",
        "Repeat purchasers                   2,011",
        "Repeat purchaser rate               32.9%",
        "Total revenue (EUR)          1,204,518.37",
        "Revenue per purchaser (EUR)        196.82",
        "Average order value (EUR)           61.73",
    ]


def test_bars_stand_beside_what_the_chart_draws(nine):
    written = lines(nine["conversion_funnel"])
    bars = [line.count("█") for line in written[-3:]]
    assert bars[0] > bars[1] > bars[2] > 0
    assert written[-3].split()[:6] == ["1", "product_view", "48,213", "100.0%", "–", "48,213"]


def test_no_rows_say_what_to_do(nine):
    empty = replace(nine["top_products"], table=nine["top_products"].table.slice(0, 0), total_rows=0)
    assert lines(empty)[-2:] == [
        "No rows in this window.",
        "Widen --since and --until; `clicklake status` shows which data is there.",
    ]


def test_a_note_stands_beside_the_window(nine):
    written = lines(replace(nine["top_products"], note="purchases are from clicks"))
    assert written[2] == "2025-01-01 to 2025-03-31 · purchases are from clicks"


def test_only_the_first_sentence_of_a_description_is_shown(doc, result):
    text = "One row per day, e.g. a Monday. The rest\nis in the documentation."
    shown = result("r", doc("date users", description=text), [(None, 1)])
    assert lines(shown)[1] == "One row per day, e.g. a Monday."


def test_colours_are_only_for_terminals(nine, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = console(force_terminal=True, color_system="truecolor")
    to_table(nine["conversion_funnel"], coloured)
    assert "\x1b[36m" in coloured.file.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = console(force_terminal=True, color_system="truecolor")
    to_table(nine["conversion_funnel"], plain)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", plain.file.getvalue())
    file = console()
    to_table(nine["conversion_funnel"], file)
    assert "\x1b" not in file.file.getvalue()


def test_data_is_no_markup_and_no_escape(doc, result):
    rows = [("[bold]x[/] \x1b[2J", 1), ("[/nonsense]", None)]
    written = "\n".join(lines(result("r", doc("product_id users"), rows)))
    assert "[bold]x[/] ␛[2J" in written and "[/nonsense]" in written


def test_a_terminal_without_unicode_gets_ascii(nine):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    to_table(nine["conversion_funnel"], Console(file=stream, width=80))
    stream.seek(0)
    assert "###" in stream.read()


def test_a_query_keeps_its_names():
    table = pa.table({"event_id": [1234, 5], "total_amount": [Decimal("1234.50"), None], "name": ["日本", "b"]})
    assert printed(table, title="Rows", max_rows=1).splitlines() == [
        "Rows",
        "",
        "event_id  total_amount  name",
        "────────────────────────────",
        "1234          1,234.50  日本",
        "",
        "showing 1 of 2",
    ]


def test_documented_columns_get_a_name_and_a_format():
    docs = {"quality_pct": ReportColumn(type="double", description="Loaded of all.", format="percent")}
    assert "Quality rate" in printed(pa.table({"quality_pct": [99.25]}), docs=docs)
    assert "99.3%" in printed(pa.table({"quality_pct": [99.25]}), docs=docs)


def test_long_text_wraps_and_is_whole():
    words = " ".join(f"word{number}" for number in range(40))
    written = printed(pa.table({"name": ["a"], "description": [words], "rows": [12345678]}))
    assert all(f"word{number}" in written for number in range(40))
    assert "12,345,678" in written


def test_too_many_columns_become_lists():
    table = pa.table({f"column_{number}": [number * 1000] * 2 for number in range(15)})
    written = printed(table)
    assert "row 2" in written
    assert re.search(r"^column_14 +14,000$", written, re.MULTILINE)


def test_no_rows_of_a_query():
    assert printed(pa.table({"a": pa.array([], pa.int64())}), title="T") == "T\nNo rows."


def test_a_report_without_document_is_guessed(result):
    doc = ReportDoc.model_construct(title="Mine", description="", grain=(), columns={})
    table = pa.table({"day": [None], "n": [1234], "conversion_pct": [12.25]})
    written = lines(Result("mine", doc, table, "EUR", "all data"))
    assert written[0] == "Mine"
    assert written[-1].split() == ["–", "1,234", "12.3%"]


@pytest.mark.parametrize("is_coloured", [False, True])
@pytest.mark.parametrize(
    "last", ["short", "wide 日本 é", "a text that is much too long for its column " * 4, "tab\tand\nbreak"]
)
def test_a_long_table_is_written_as_a_short_one(monkeypatch: pytest.MonkeyPatch, last: str, is_coloured: bool) -> None:
    count = 120
    table = pa.table(
        {
            "user_id": [f"user_{number}" for number in range(count)],
            "events": pa.array([None if number % 7 == 0 else number * number for number in range(count)]),
            "product": [None if number % 3 == 0 else "prod" * (number % 4) for number in range(count)],
            "note": [*["n"] * (count - 1), last],
        }
    )

    def written(long: int) -> str:
        monkeypatch.setattr(terminal, "_LONG", long)
        stream = io.StringIO()
        colours = "truecolor" if is_coloured else None
        terminal.print_rows(table, Console(file=stream, width=80, force_terminal=is_coloured, color_system=colours))
        return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())

    assert written(50) == written(1000)
