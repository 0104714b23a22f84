"""The site tells every table and column, all its links lead somewhere, and nothing personal is on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest

from clicklake.catalogue_site.build import build_site, site_files
from clicklake.catalogue_site.gathered import gather
from clicklake.cli.main import run
from clicklake.contracts.catalogue import Catalogue
from clicklake.lake import Lake

NOW = datetime(2025, 1, 2, 3, 4, tzinfo=timezone.utc)
VOID = {"meta", "link", "input", "br", "rect", "path"}


class Page(HTMLParser):
    """The links, ids and words of a page; refuses tags that don't close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        known = dict(attrs)
        self.ids += [known["id"]] if known.get("id") else []
        self.links += [value for name in ("href", "src") if (value := known.get(name))]
        assert not any(name.startswith("on") or name == "style" for name in known), known  # the policy forbids them

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The site of a lake without a table."""
    return site_files(gather(Lake(tmp_path_factory.mktemp("empty") / "lake"), now=NOW))


@pytest.fixture
def filled(lake: Lake, tmp_path: Path, clicks: Callable[..., Path]) -> dict[str, str]:
    """The site of a lake with rows, some of them secret."""
    clicks(
        "secret-user,s1,2025-01-01 10:00:00,purchase,jane@example.com,12.50,success",
        "secret-user,s1,2025-01-01 09:00:00,product_view,<script>alert(1)</script>,,",
        "secret-short",
        name="a.csv",
    )
    lake.run(click_events=tmp_path / "a.csv")
    return site_files(gather(lake, now=NOW))


def links_lead_somewhere(files: dict[str, str]) -> None:
    pages = {name: Page(text) for name, text in files.items() if name.endswith(".html")}
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), name
        assert page.headings[0] == 1 and page.headings.count(1) == 1, name
        assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False)), name
        for link in page.links:
            assert ":" not in link.partition("#")[0], f"{name}: {link} leads away"
            path, _, anchor = link.partition("#")
            target = normpath(join(dirname(name), path)) if path else name
            assert target in files, f"{name}: {link}"
            if anchor:
                assert anchor in pages[target].ids, f"{name}: {link}"


def test_an_empty_lake_gives_a_site_of_its_documents(empty: dict[str, str]) -> None:
    links_lead_somewhere(empty)
    catalogue = Catalogue()
    for model in (*catalogue.silver.values(), *catalogue.gold.values(), *catalogue.system.values()):
        page = empty[f"tables/{model.name}.html"]
        assert all(f"id='column-{column}'" in page for column in model.doc.columns), model.name
        assert "the lake doesn't have it yet" in page and "No rows yet" in page
    for source in catalogue.source_names:
        page = empty[f"tables/bronze.{source}.html"]
        assert all(f"id='rule-{rule.name}'" in page for rule in catalogue.contract(source).rules)
    assert all(f"id='{name}'" in empty["reports.html"] for name in catalogue.report_names)
    assert "nothing is published yet" in empty["index.html"]


def test_a_filled_lake(filled: dict[str, str]) -> None:
    links_lead_somewhere(filled)
    fact = filled["tables/gold.fact_events.html"]
    for part in ("2025-01-01", "release 1", "checks held", 'data-left="silver.events" data-right="gold.fact_events"'):
        assert part in fact, part
    assert 'data-left="gold.fact_events" data-right="gold.dim_users"' in filled["model.html"]
    assert "66.7%" in filled["tables/bronze.click_events.html"]


def test_nothing_personal_and_nothing_alive_is_on_any_page(filled: dict[str, str]) -> None:
    for name, text in filled.items():
        for secret in ("secret-user", "secret-short", "jane@example.com", "<script>alert"):
            assert secret not in text, (name, secret)
    assert "&lt;script&gt;alert(1)" in filled["tables/gold.fact_events.html"]
    assert "***" in filled["tables/gold.fact_events.html"]


def test_no_page_asks_a_server_for_anything(empty: dict[str, str]) -> None:
    for name, text in empty.items():
        assert "fetch(" not in text and "XMLHttpRequest" not in text and "@import" not in text and "url(" not in text
        if name.endswith(".html"):
            assert "default-src 'none'" in text


def test_the_index_holds_every_name_and_no_data(filled: dict[str, str]) -> None:
    text = filled["assets/search-index.js"]
    assert text.startswith("window.catalogueIndex = [") and "<" not in text
    entries = json.loads(text.removeprefix("window.catalogueIndex = ").removesuffix(";\n"))
    found = {(kind, name, of) for kind, name, of, _, _ in entries}
    assert {
        ("table", "gold.fact_events", "gold"),
        ("column", "UserID", "bronze.click_events"),
        ("rule", "rows_equal_silver", "gold.fact_events"),
        ("report", "top_products", "report"),
    } <= found


def test_documents_of_a_project_can_not_break_the_pages(tmp_path: Path) -> None:
    (tmp_path / "clicklake.yaml").write_text("owners: {gold: '<b>&\"owner\"</b>'}\n")
    folder = tmp_path / "models" / "gold"
    folder.mkdir(parents=True)
    (folder / "odd.sql").write_text("select event_id as odd_id, '</code><script>' as odd from gold.fact_events")
    (folder / "odd.yml").write_text(
        "description: One row per <img src=x> & `odd\ngrain: [odd_id]\ncolumns:\n"
        "  odd_id: {type: bigint, description: \"</td> 'quoted' `code` text\"}\n"
        "  odd: {type: string, description: '\"><script>alert(1)</script>'}\n"
    )
    files = site_files(gather(Lake(tmp_path / "lake"), now=NOW))
    links_lead_somewhere(files)
    page = files["tables/gold.odd.html"]
    assert "<img" not in page and "<script>alert" not in page and "<b>" not in page
    assert "&lt;b&gt;&amp;&quot;owner&quot;" in page
    assert "<code>code</code>" in page


def test_the_same_lake_gives_the_same_site(lake: Lake, clicks: Callable[..., Path]) -> None:
    lake.run(click_events=clicks(*(f"u{n},s{n},2025-01-01 10:00:00,page_view,,," for n in range(50))))
    assert site_files(gather(lake, now=NOW)) == site_files(gather(Lake(lake.path), now=NOW))


def test_the_command(
    tmp_path: Path, clicks: Callable[..., Path], capsys: pytest.CaptureFixture[str], lake: Lake
) -> None:
    lake.run(click_events=clicks("u1,s1,2025-01-01 10:00:00,page_view,,,"))
    options = ["--lake", lake.path]
    assert run(["docs", "build", str(tmp_path / "site"), *options]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(tmp_path / "site" / "index.html")
    assert "open" in err
    assert run(["docs", "build", str(tmp_path / "site"), "--rows", "0", "--json", *options]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["tables"] == len(list((tmp_path / "site" / "tables").iterdir()))
    assert "No rows yet" in (tmp_path / "site" / "tables" / "gold.fact_events.html").read_text()
    assert run(["docs", "build", str(tmp_path), *options]) == 2
    assert "was not made by `clicklake docs build`" in capsys.readouterr().err


def test_build_tells_what_it_made(lake: Lake, tmp_path: Path) -> None:
    built = build_site(lake, tmp_path / "site", now=NOW)
    assert built.start.is_file()
    assert built.pages == built.tables + 5
