"""The lake itself: how good its data is, what was rejected, what ran, and what it holds."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from clicklake.dashboard import parts, urls
from clicklake.dashboard.view import View

_SECTIONS = {
    "quality": ("Quality", "quality", "draw"),
    "quarantine": ("Quarantine", "quarantine", "draw"),
    "ledger": ("Ledger and drift", "quality", "draw_ledger"),
    "runs": ("Runs", "runs", "draw"),
    "tables": ("Tables", "tables", "draw"),
}


def page(view: View) -> None:
    """Draw the section that was chosen; the others cost nothing."""
    asked = urls.value("part", "quality")
    chosen = st.segmented_control(
        "Part",
        list(_SECTIONS),
        default=asked if asked in _SECTIONS else "quality",
        format_func=lambda name: _SECTIONS[name][0],
        key="lake_part",
        label_visibility="collapsed",
        required=True,
    )
    part = chosen or "quality"
    urls.keep("part", part, "quality")
    _, module, function = _SECTIONS[part]
    with parts.told():
        getattr(import_module(f"clicklake.dashboard.lake.{module}"), function)(view)
