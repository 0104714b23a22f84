"""The colours and fonts of all clicklake shows, as Streamlit's settings and as the palette of the viewer's screen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clicklake.reports.render.theme import DARK, FONT, LIGHT

MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"


def options() -> dict[str, object]:
    """Streamlit's settings of the theme, by dotted name: light and dark, as the viewer's system has it."""
    shared: dict[str, object] = {
        "theme.font": FONT,
        "theme.headingFont": FONT,
        "theme.codeFont": MONOSPACE,
        "theme.baseFontSize": 15,
        "theme.headingFontSizes": ["1.7rem", "1.3rem", "1.08rem", "1rem", "1rem", "1rem"],
        "theme.headingFontWeights": [650, 650, 600, 600, 600, 600],
        "theme.metricValueFontSize": "1.75rem",
        "theme.baseRadius": "8px",
        "theme.showWidgetBorder": True,
    }
    return {**shared, **_colours("light", LIGHT), **_colours("dark", DARK)}


def _colours(kind: str, colours: Mapping[str, str]) -> dict[str, object]:
    named = {
        "primaryColor": "accent",
        "backgroundColor": "surface",
        "secondaryBackgroundColor": "shade",
        "textColor": "ink",
        "linkColor": "accent",
        "borderColor": "line",
        "dataframeBorderColor": "line",
        "dataframeHeaderBackgroundColor": "shade",
        "grayColor": "muted",
        "redColor": "bad",
        "orangeColor": "warning",
        "blueColor": "accent",
        # What is better is the accent, what is worse is red: told apart without telling green from red.
        "greenColor": "accent",
        "greenTextColor": "accent",
        "redTextColor": "bad",
    }
    own: dict[str, object] = {f"theme.{kind}.{option}": colours[name] for option, name in named.items()}
    own[f"theme.{kind}.chartCategoricalColors"] = [colours[name] for name in ("accent", "grey1", "grey2", "grey3")]
    return own


def repainted(drawing: Any, *, is_dark: bool) -> Any:  # noqa: ANN401 - JSON
    """A chart that was drawn in the light colours, in those of the viewer's screen."""
    if not is_dark:
        return drawing
    if isinstance(drawing, dict):
        return {key: repainted(value, is_dark=True) for key, value in drawing.items()}
    if isinstance(drawing, list):
        return [repainted(value, is_dark=True) for value in drawing]
    return _AT_NIGHT.get(drawing, drawing) if isinstance(drawing, str) else drawing


_AT_NIGHT = {colour: DARK[name] for name, colour in LIGHT.items()}


def style(*, is_dark: bool) -> str:
    """The style sheet for what Streamlit's settings can't say."""
    colours = DARK if is_dark else LIGHT
    return re.sub(r"\$(\w+)", lambda found: colours[found[1]], _STYLE)


_STYLE = """
.stApp, .stAppHeader { background: $page; }
.st-key-filters [role="group"], .st-key-filters [data-baseweb] > div,
[class*="-choices"] [role="group"], [class*="-choices"] [data-baseweb] > div,
[class*="-choices"] input, .st-key-sql_text textarea { background: $surface; }
.st-key-sql_text textarea { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .87rem; }
[class*="st-key-card-"] h3 { padding-top: 0; }
.stMainBlockContainer { padding: 4rem 1.5rem 3rem; max-width: 1320px; }
.stVerticalBlock[class*="st-key-card-"], .stMetric { background: $surface; border-color: $line; }
.stVerticalBlock[class*="st-key-card-"] { gap: .5rem; height: 100%; }
.stVerticalBlock[class*="st-key-tiles-"] { display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.stVerticalBlock[class*="st-key-tiles-"] > div { width: auto !important; min-width: 0; }
.stVerticalBlock[class*="st-key-below-"] { margin-top: auto; gap: 1.25rem; }
[data-testid="stPopoverBody"]:has([data-testid="stDataFrame"]) { width: min(760px, 92vw); }
[class*="st-key-below-"] button, [class*="st-key-below-"] a { min-height: 0; padding: 0; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 3.5rem .75rem 2rem; }
  .st-key-filters > div { flex: 1 1 44% !important; width: auto !important; }
}
"""
