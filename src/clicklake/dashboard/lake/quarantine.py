"""What was rejected, row by row, and judging it again."""

from __future__ import annotations

import streamlit as st

from clicklake.dashboard import listing, parts, states, urls
from clicklake.dashboard.lake.granted import require
from clicklake.dashboard.view import View
from clicklake.quarantine import list_reasons, show
from clicklake.refine.settle import QUARANTINE
from clicklake.reports import formats

_REASONS: listing.Docs = {
    "source": ("text", "The source."),
    "reasons": ("text", "Every rule that the rows break."),
    "rows": ("integer", "Rows that wait."),
    "files": ("integer", "Files that brought them."),
    "first_seen": ("timestamp", "When the first one was rejected, UTC."),
    "last_seen": ("timestamp", "When the last one was, UTC."),
}
_ROWS: listing.Docs = {
    "source": ("text", "The source."),
    "row_id": ("text", "The row in bronze."),
    "reasons": ("text", "Every rule that it breaks."),
    "raw": ("text", "The row as it came; personal data is masked."),
    "source_file": ("text", "The file that brought it."),
    "quarantined_at": ("timestamp", "When it was rejected, UTC."),
    "contract_version": ("text", "The contract that rejected it."),
    "status": ("text", "open, or replayed where it passed later."),
}
_PREVIEW: listing.Docs = {
    "source": ("text", "The source."),
    "open": ("integer", "Rows that wait."),
    "passing": ("integer", "Rows that pass by today's contract."),
    "duplicates": ("integer", "Of these, those that repeat a row that is there."),
    "still_open": ("integer", "Rows that go on waiting."),
}
_MOST = 200


def draw(view: View) -> None:
    """Draw the section."""
    require(view, QUARANTINE)
    reasons = view.of_source(list_reasons(view.lake))
    listing.show(
        "reasons",
        "Why rows wait in quarantine",
        "One row per source and set of broken rules.",
        reasons,
        _REASONS,
        empty="No row is in quarantine.",
    )
    if not reasons:
        return
    with st.container(horizontal=True, key="quarantine-choices", vertical_alignment="bottom"):
        source = view.chosen.source
        if source is None:
            source = _choose("Source", "rejected_of", sorted({row["source"] for row in reasons}))
        rules = {
            rule for row in reasons if not source or row["source"] == source for rule in row["reasons"].split(", ")
        }
        reason = _choose("Rule", "rule", sorted(rules))
    rows = show(view.lake, source=source, reason=reason, limit=_MOST)
    listing.show(
        "rejected",
        "Rejected rows",
        f"The newest {_MOST}, personal data masked.",
        rows,
        _ROWS,
        empty="No such row is in quarantine.",
        height=400,
    )
    _replay(view, source, reason)


def _choose(label: str, name: str, options: list[str]) -> str | None:
    asked = urls.value(name)
    picked = st.selectbox(
        label,
        options,
        index=options.index(asked) if asked in options else None,
        placeholder="All",
        key=f"quarantine_{name}",
        width=230,
    )
    urls.keep(name, picked or "")
    return picked


def _replay(view: View, source: str | None, reason: str | None) -> None:
    with st.container(border=True, key="card-replay"), parts.told():
        parts.heading(
            "Judge them again",
            "The open rows are judged by today's contracts. Those that pass go through, once, and gold is restated.",
        )
        if not view.grants.may("replay"):
            st.caption(f"Role {states.plain(view.grants.principal.role)} may not replay.")
            return
        if st.button("What would pass?", icon=":material/rule:", key="replay-preview"):
            st.session_state["replay_preview"] = (source, reason, view.lake.replay_preview(source, reason))
        known = st.session_state.get("replay_preview")
        if not known or known[:2] != (source, reason):
            st.caption("First see what would pass; nothing is changed by that.")
            return
        listing.show("preview", "What a replay would do", "One row per source.", known[2], _PREVIEW)
        passing = sum(row["passing"] for row in known[2])
        if not passing:
            st.caption("No row passes by today's contracts. Change a rule of a contract first, then come back.")
            return
        if st.button(f"Let {formats.integer(passing)} rows through", type="primary", key="replay-now"):
            with st.spinner("Replaying: silver and gold are restated, checked and published"):
                result = view.lake.replay(source, reason)
            del st.session_state["replay_preview"]
            released = f"release {result.release.release_id}" if result.release else "no new release"
            st.toast(f"Replayed: {released}", icon=":material/check:")
            st.rerun()
