"""The parts that all pages share: head and navigation, tables, marks. All text from data is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from clicklake.catalogue_site.gathered import LAYERS, Gathered
from clicklake.reports.render.html import theme_style

_POLICY = "default-src 'none'; style-src 'self' file:; script-src 'self' file:; base-uri 'none'; form-action 'none'"
"""No page may ask any server for anything; `file:` is what `'self'` is called without a server."""

_PAGES = {
    "index.html": "Tables",
    "lineage.html": "Lineage",
    "model.html": "Data model",
    "rules.html": "Rules",
    "reports.html": "Reports",
}


def page(site: Gathered, path: str, title: str, body: str, *, here: str = "", is_wide: bool = False) -> str:
    """A whole page.

    Args:
        site: What is shown.
        path: Where it lies in the folder.
        title: Of the page.
        body: Its HTML.
        here: The table that it is about.
        is_wide: Whether it takes all the room there is.
    """
    root = "../" * path.count("/")
    name = escape(site.name)
    links = "".join(
        f"<a href='{root}{target}'{_current(target == path)}>{label}</a>" for target, label in _PAGES.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · {name}</title>
<link rel="stylesheet" href="{root}assets/site.css">
<script defer src="{root}assets/search-index.js"></script>
<script defer src="{root}assets/site.js"></script>
</head>
<body data-root="{root}">
<a class="skip" href="#content">Skip to the content</a>
<div class="bar">
<a class="brand" href="{root}index.html">{name} <span>data catalogue</span></a>
<div class="search" role="search">
<input id="search" type="search" placeholder="Search tables, columns, rules  ( / )" autocomplete="off"
 spellcheck="false" role="combobox" aria-label="Search" aria-expanded="false" aria-controls="found"
 aria-autocomplete="list">
<div id="found" role="listbox" aria-label="What was found" hidden></div>
</div>
<nav class="main" aria-label="Pages">{links}</nav>
</div>
<div class="frame{" wide" if is_wide else ""}">
<nav class="side" aria-label="Tables">{_side(site, root, here)}</nav>
<main id="content">
{body}
<footer>Made by clicklake {escape(site.version)}, {site.now:%Y-%m-%d %H:%M} UTC. Times are in UTC.</footer>
</main>
</div>
</body>
</html>
"""


def _side(site: Gathered, root: str, here: str) -> str:
    parts = []
    for layer in LAYERS:
        names = [name for name in site.tables if name.startswith(f"{layer}.")]
        if not names:
            continue
        is_open = layer != "ops" or here.startswith("ops.")
        items = "".join(
            f"<li><a href='{root}{table_path(name)}'{_current(name == here)}"
            f"{'' if site.states[name].is_there else ' class=absent'}>{escape(name.partition('.')[2])}</a></li>"
            for name in names
        )
        parts.append(
            f"<details{' open' if is_open else ''}><summary class='kind-{layer}'>{layer} "
            f"<small>{len(names)}</small></summary><ul>{items}</ul></details>"
        )
    return "".join(parts)


def _current(is_here: bool) -> str:
    return " aria-current='page'" if is_here else ""


def style() -> str:
    """The style sheet: the reports' colours and parts, and what only the site has."""
    own = files(__package__).joinpath("site.css").read_text(encoding="utf-8")
    return theme_style() + own


def script() -> str:
    """The script: search, and what is connected in pictures."""
    return files(__package__).joinpath("site.js").read_text(encoding="utf-8")


def table_path(name: str) -> str:
    """The page of a table."""
    return f"tables/{name}.html"


def table_link(site: Gathered, name: str, root: str, column: str = "") -> str:
    """A link to a table or one of its columns, and to reports; plain text for what has no page."""
    label = f"{name}.{column}" if column else name
    target = place_of(site, name, column)
    if not target:
        return f"<code>{escape(label)}</code>"
    return f"<a href='{root}{escape(target)}'><code>{escape(label)}</code></a>"


def place_of(site: Gathered, name: str, column: str = "") -> str:
    """Where a table, column or report stands on the site; empty where nowhere."""
    if name in site.tables:
        return table_path(name) + (f"#column-{column}" if column else "")
    if name.startswith("report:"):
        return f"reports.html#{name.removeprefix('report:')}"
    if name.startswith("file:") and f"bronze.{name.removeprefix('file:')}" in site.tables:
        return table_path(f"bronze.{name.removeprefix('file:')}")
    return ""


def section(anchor: str, title: str, body: str, note: str = "") -> str:
    """A part of a page with its heading."""
    told = f"<p class='note'>{note}</p>" if note else ""
    return f"<section id='{anchor}'><h2><a href='#{anchor}'>{escape(title)}</a></h2>{told}{body}</section>"


def facts(pairs: Mapping[str, str]) -> str:
    """Names and values; the values are HTML. Empty ones are left out."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in pairs.items() if value)
    return f"<dl class='facts'>{items}</dl>"


def grid(
    heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], label: str, numbers: Sequence[int] = ()
) -> str:
    """A table in a frame that scrolls sideways.

    Args:
        heads: Of the columns.
        rows: The id of each row (may be empty), and its cells as HTML.
        label: Its name for those who don't see it.
        numbers: The columns that are aligned right.
    """
    marks = [" class='n'" if place in numbers else "" for place in range(len(heads))]
    head = "".join(f"<th scope='col'{mark}>{escape(text)}</th>" for text, mark in zip(heads, marks, strict=True))
    body = "".join(
        f"<tr{f' id={chr(39)}{escape(anchor)}{chr(39)}' if anchor else ''}>"
        + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(cells, marks, strict=True))
        + "</tr>\n"
        for anchor, cells in rows
    )
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(label)}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )


def picture(svg: str, label: str, note: str = "") -> str:
    """A picture in a frame that scrolls."""
    told = f"<figcaption>{note}</figcaption>" if note else ""
    frame = f"<div class='canvas' tabindex='0' role='region' aria-label='{escape(label)}'>{svg}</div>"
    return f"<figure class='drawn'>{told}{frame}</figure>"


def mark(text: str, kind: str = "", title: str = "") -> str:
    """A small mark."""
    told = f" title='{escape(title)}'" if title else ""
    return f"<span class='chip {kind}'{told}>{escape(text)}</span>"


def code(text: str) -> str:
    """SQL in a frame that scrolls."""
    return f"<pre tabindex='0'><code>{escape(text.strip())}</code></pre>"


def words(text: str) -> str:
    """A text of a document: escaped, with its `names` as code."""
    pieces = escape(" ".join(text.split())).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def empty(text: str) -> str:
    """What stands where there is nothing."""
    return f"<p class='empty'>{words(text)}</p>"
