"""The script that Streamlit runs for each viewer: navigation, filters, the page, and a look for new releases."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import streamlit as st

from clicklake.dashboard import filters, login, states
from clicklake.dashboard.opened import opened
from clicklake.dashboard.pages import PAGES, Entry
from clicklake.dashboard.theme import style
from clicklake.dashboard.view import View
from clicklake.errors import ClicklakeError, ForbiddenError

EVERY_SECONDS = 3
"""Between two looks for a new release."""


def main() -> None:
    """Draw what the viewer asked for."""
    here = opened()
    pages = {entry.name: _page(entry) for entry in PAGES}
    chosen = st.navigation(list(pages.values()), position="top")
    entry = next(entry for entry in PAGES if pages[entry.name] is chosen)
    st.set_page_config(page_title=f"{entry.title} · clicklake", layout="wide")
    try:
        st.html(f"<style>{style(is_dark=st.context.theme.type == 'dark')}</style>")
        grants = login.grants_of_viewer(here)
        if grants is not None:
            with View(here.lake, here.serving, grants, pages=pages).held() as view:
                _draw(entry, view)
    except ClicklakeError as error:
        states.failure(error)
    except Exception as error:
        states.fault(error)


def _page(entry: Entry) -> Any:  # noqa: ANN401 - a class of Streamlit's that it doesn't name
    return st.Page(_nothing, title=entry.title, icon=entry.icon, url_path=entry.name, default=entry is PAGES[0])


def _nothing() -> None:
    """Pages are drawn by this script itself, so that the filters are the same widgets on all of them."""


def _draw(entry: Entry, view: View) -> None:
    release = view.release
    with st.container(horizontal=True, vertical_alignment="bottom", key="head"):
        st.title(entry.title, anchor=False, width="content")
        _follow(view, release.release_id if release else None)
    if release is None and entry.needs_release:
        states.empty_lake(view.lake.path)
        return
    if release is not None:
        try:
            choices = view.choices()
        except ForbiddenError as error:  # who may not see what days there are sees what there is of all days
            if entry.needs_release:
                states.failure(error)
        else:
            if choices is not None:
                view = view.within(filters.bar(choices, entry.filters))
            elif entry.needs_release:
                states.empty_lake(view.lake.path)
                return
        for problem in view.chosen.problems:
            st.warning(f"Left out: {states.plain(problem)}.", icon=":material/link_off:")
    draw: Callable[[View], None] = import_module(f"clicklake.dashboard.pages.{entry.name}").page
    draw(view)


@st.fragment(run_every=EVERY_SECONDS)
def _follow(view: View, shown: int | None) -> None:
    """Say which release is shown, and draw the page anew when there is another."""
    release = view.serving.release
    if (release.release_id if release else None) != shown:
        st.rerun()
    if release:
        published = f"{release.released_at:%Y-%m-%d %H:%M} UTC"
        st.caption(
            f"Release {release.release_id}, published {published}",
            help="All numbers are of this release. When there is a newer one, the page shows it by itself.",
        )


main()
