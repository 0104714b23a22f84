"""Colours of everything that people look at: one accent and greys, safe for colour-blind readers."""

from __future__ import annotations

from collections.abc import Mapping

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

LIGHT: Mapping[str, str] = {
    "page": "#f5f6f8",
    "surface": "#ffffff",
    "ink": "#161b24",
    "muted": "#5c6675",
    "line": "#e2e6ec",
    "shade": "#eff1f5",
    "accent": "#1f5fbf",
    "grey1": "#66707f",
    "grey2": "#98a1ae",
    "grey3": "#c3c9d2",
    "warning": "#985a00",
    "bad": "#a3243b",
    "shadow": "#161b241f",
}
"""Charts are drawn in these. Each is unlike the others, so that a style sheet can replace it in the dark."""

DARK: Mapping[str, str] = {
    "page": "#0f1217",
    "surface": "#171b22",
    "ink": "#e9ecf1",
    "muted": "#9ba5b3",
    "line": "#2b323c",
    "shade": "#20262f",
    "accent": "#6aa0f2",
    "grey1": "#a3acb9",
    "grey2": "#77818f",
    "grey3": "#4d5663",
    "warning": "#e0a347",
    "bad": "#ee7b8e",
    "shadow": "#00000080",
}

SERIES = ("accent", "grey1", "grey2", "grey3")
"""Names of the colours of several series; what comes after takes the last."""

TERMINAL = {"title": "bold", "header": "bold", "bar": "cyan", "quiet": "dim"}
"""Rich styles; without colours the layout alone must do."""
