"""Results as one HTML page that needs nothing else: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.resources import files

from clicklake.reports.render import theme
from clicklake.reports.render.charts import Painter, paint
from clicklake.reports.render.html_parts import Entry, card, data, section, tiles
from clicklake.reports.render.result import HtmlSection, Result

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(
    results: Sequence[Result],
    *,
    title: str,
    facts: Mapping[str, str] | None = None,
    sections: Sequence[HtmlSection] = (),
    generated_at: datetime | None = None,
) -> str:
    """Results as a page: the figures first, then charts, then the rows.

    Args:
        results: In the order of the page; those of chart kind kpi come first.
        title: The page's heading.
        facts: Names and values for the head of the page, such as the lake and its release.
        sections: What stands between the charts and the rows.
        generated_at: When; now, unless given.

    Raises:
        ContractError: A report's document draws a column that its rows don't have.
    """
    now = (generated_at or datetime.now(timezone.utc)).astimezone(timezone.utc)
    windows = {result.window for result in results}
    shared = windows.pop() if len(windows) == 1 else ""
    about = {"Window": shared, **(facts or {}), "Generated": f"{now:%Y-%m-%d %H:%M} UTC"}
    entries = _entries(results)
    body = [
        *(tiles(entry) for entry in entries if entry.is_tiles),
        *_part("Charts", [card(entry) for entry in entries if entry.is_drawn], "<div class='grid'>", "</div>"),
        *(section(part) for part in sections),
        *_part("Tables", [data(entry, window=not shared) for entry in entries if not entry.is_tiles]),
    ]
    return _page(title, about, entries, "\n".join(body))


def _entries(results: Sequence[Result]) -> list[Entry]:
    """The results with their charts, which are drawn side by side."""
    if not any(result.doc.chart.kind not in ("none", "kpi") for result in results):
        return [Entry(result, f"r{place}", None) for place, result in enumerate(results)]
    with Painter() as painter:
        return [Entry(result, f"r{place}", paint(result, painter)) for place, result in enumerate(results)]


def _part(heading: str, parts: Sequence[str], before: str = "", after: str = "") -> list[str]:
    return [f"<h2 class='part'>{heading}</h2>{before}", *parts, after] if parts else []


def _page(title: str, about: Mapping[str, str], entries: Sequence[Entry], body: str) -> str:
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in about.items() if value
    )
    links = "".join(f"<a href='#{entry.anchor}'>{escape(entry.result.doc.title)}</a>" for entry in entries)
    nav = f"<nav aria-label='Reports'>{links}</nav>" if len(entries) > 1 else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>
{theme_style()}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<dl class="facts">{facts}</dl>
{nav}
</header>
<main>
{body}
</main>
<footer>Made by clicklake. Times are in UTC. Point at a heading, a bar or a line to see what it says.</footer>
</body>
</html>
"""


def theme_style() -> str:
    """The style sheet with the colours of the theme, which also repaint the charts in the dark."""
    light, dark = (
        "".join(f"--{name}:{value};" for name, value in colours.items()) for colours in (theme.LIGHT, theme.DARK)
    )
    charts = "".join(
        f'svg [{what}="{value}"]{{{what}:var(--{name})}}\n'
        for name, value in theme.LIGHT.items()
        for what in ("fill", "stroke")
    )
    page = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    at_night = f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f":root{{{light}--font:{theme.FONT}}}\n{at_night}\n{page}{charts}"
