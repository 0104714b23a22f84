"""The page: self-contained, escaped, complete."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from clicklake.contracts.model import ReportColumn
from clicklake.errors import ContractError
from clicklake.reports.render import HtmlSection, to_html

EVIL = "<script>alert(\"x\")</script>' onload='&amp;"
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Collects tags and texts, and sees to it that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(nine) -> str:
    at = datetime(2025, 4, 1, 6, 30, tzinfo=timezone.utc)
    facts = {"Lake": "./lake <here>", "Release": "42"}
    return to_html(list(nine.values()), title="Shop & report", facts=facts, generated_at=at)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_the_page_loads_nothing(html, page):
    assert not re.findall(r"(?i)https?:|//[a-z]|url\(|@import|javascript:", html)
    tags = {name for name, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "img", "object", "embed", "base", "form", "image", "use"}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "srcset", "xlink:href")}
    assert all(link["href"].startswith("#") for link in page.all("a"))
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_nine_reports_are_a_small_file(html):
    assert len(html.encode()) < 300_000


def test_the_head_says_what_when_and_of_which_days(page):
    text = " ".join(page.texts)
    for fact in ("Shop & report", "2025-01-01 to 2025-03-31", "./lake <here>", "42", "2025-04-01 06:30 UTC"):
        assert fact in text
    assert len(page.all("h1")) == 1


def test_figures_come_before_charts_and_charts_before_tables(html):
    places = [html.index(mark) for mark in ("class='tile first'", "<svg", "<table")]
    assert places == sorted(places)
    assert "1,204,518.37 <small>EUR</small>" in html


def test_links_lead_to_what_is_there(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)


def test_every_report_has_its_rows_or_figures(page, nine):
    assert len(page.all("table")) == len(nine) - 1
    heads = [attributes for attributes in page.all("th")]
    assert all(head["title"] for head in heads)
    assert "First 50 of 61,840 rows." in page.texts
    assert "First 10 of 1,234 rows." in page.texts


def test_charts_have_a_name_and_are_drawn_for_every_width(page):
    drawings = [(svg["class"], svg["aria-label"], svg["role"]) for svg in page.all("svg")]
    assert len(drawings) == 15
    assert {name for name, _, _ in drawings} == {"w1040", "w486", "w318"}
    assert ("w1040", "Active users a day", "img") in drawings
    assert "Weekends are shaded." in page.texts


def test_it_is_dark_at_night_and_can_be_printed(html):
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html
    assert 'name="viewport"' in html
    assert 'fill="#1f5fbf"' in html and 'svg [fill="#1f5fbf"]{fill:var(--accent)}' in html


def test_text_of_data_and_documents_is_never_html(doc, result):
    columns = doc("product_id product_views", {"kind": "bar", "x": "product_id", "y": "product_views"})
    hostile = columns.model_copy(
        update={
            "title": EVIL,
            "description": EVIL,
            "columns": {
                name: ReportColumn(type=column.type, format=column.format, description=EVIL)
                for name, column in columns.columns.items()
            },
            "chart": columns.chart.model_copy(update={"title": EVIL}),
        }
    )
    rows = [(EVIL, 3), ("日本 & <b>", 2), ("\x00\x1b\ufffe", 1)]
    bad = result("r", hostile, rows, currency=EVIL, window=EVIL, note=EVIL)
    figures = replace(bad, doc=hostile.model_copy(update={"chart": hostile.chart.model_copy(update={"kind": "kpi"})}))
    figures = replace(figures, table=figures.table.slice(0, 1))
    section = HtmlSection(EVIL, EVIL, pa.table({EVIL: [EVIL]}), status="warning")
    page = Page(to_html([bad, figures], title=EVIL, facts={EVIL: EVIL}, sections=[section]))
    assert not page.all("script")
    assert not any("onload" in attributes for _, attributes in page.tags)
    assert page.texts.count(EVIL) > 10
    assert "日本 & <b>" in page.texts


def test_no_rows_are_designed(nine):
    empty = [replace(result, table=result.table.slice(0, 0), total_rows=0) for result in nine.values()]
    html = to_html(empty, title="Empty")
    assert html.count("<strong>No rows in this window.</strong>") == 1 + 7 + 8
    assert "<code>clicklake status</code>" in html
    assert "<svg" not in html and "<table" not in html


def test_a_page_without_results():
    page = Page(to_html([], title="Nothing"))
    assert not page.all("table") and not page.all("nav")


def test_windows_that_differ_stand_with_their_reports(nine):
    one, two = nine["user_journey"], replace(nine["user_journey"], window="all data")
    page = Page(to_html([one, two], title="T"))
    assert "all data" in page.texts and "Window" not in page.texts


def test_sections_show_their_state_and_rows():
    table = pa.table({"source": ["orders"] * 60, "quality_pct": [99.25] * 60})
    page = Page(to_html([], title="T", sections=[HtmlSection("Quality", "All in.", table, status="good")]))
    assert "99.3%" in page.texts and "good" in page.texts and "First 50 of 60 rows." in page.texts


def test_a_chart_of_a_column_that_is_not_there_is_the_documents_fault(doc, result):
    wrong = result("mine", doc("date users", {"kind": "line", "x": "date", "y": "usres"}), [(None, 1)])
    with pytest.raises(ContractError, match="report mine: chart.y names 'usres'.*columns: date, users"):
        to_html([wrong], title="T")
    missing = result("mine", doc("date users", {"kind": "line", "y": "users"}), [(None, 1)])
    with pytest.raises(ContractError, match="chart.x is missing, and a line needs one"):
        to_html([missing], title="T")


def test_nothing_heavy_is_imported_before_a_chart_is_drawn():
    code = (
        "import sys, clicklake.reports.render; "
        "heavy = {'altair', 'vl_convert', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
