"""What stands where there is nothing to show: an empty lake, no rows, an error. Each says what to do next."""

from __future__ import annotations

import logging
import shlex

import streamlit as st

from clicklake.errors import ClicklakeError
from clicklake.reports.formats import text

logger = logging.getLogger("clicklake")


def empty_lake(path: str) -> None:
    """A lake without a release."""
    with st.container(border=True, key="empty-lake"):
        st.subheader("Nothing has been published yet", anchor=False)
        st.markdown(
            f"The lake {plain(path)} has no release. Load events into it, and this page fills itself: it looks for a "
            "new release every few seconds."
        )
        here = shlex.quote(path)
        st.markdown("With files of your own:")
        st.code(f"clicklake --lake {here} run click_events=events.csv", language="bash")
        st.markdown("To look around, with generated data in a lake of its own:")
        st.code("clicklake demo\nclicklake --lake demo/lake dashboard", language="bash")
        st.caption("`clicklake status` says what the lake has, and `clicklake doctor` what is wrong with it.")


def no_rows(note: str | None) -> None:
    """A report without rows."""
    st.info(note or "No rows in these days. Choose others, or another source or segment.", icon=":material/inbox:")


def failure(error: ClicklakeError) -> None:
    """What could not be shown, and why: clicklake's own messages say what to do."""
    st.warning(plain(str(error)), icon=":material/error:")


def fault(error: Exception) -> None:
    """An error that nobody foresaw: it is in the log of the server, not on the page."""
    logger.error("the dashboard failed", exc_info=error)
    st.error(
        f"This could not be shown ({type(error).__name__}). That is a fault of clicklake; the terminal in which "
        "`clicklake dashboard` runs shows where.",
        icon=":material/bug_report:",
    )


def plain(words: str) -> str:
    """Text from data or errors as it is, where Markdown is expected."""
    shown = text(" ".join(words.split()))
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#+!|~$:^" else letter for letter in shown)
