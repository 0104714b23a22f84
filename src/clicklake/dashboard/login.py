"""Who looks: everybody of this machine where no login is configured, else who has logged in, with their grants."""

from __future__ import annotations

import streamlit as st

from clicklake.access import LOCAL, Grants
from clicklake.dashboard import states
from clicklake.dashboard.opened import Opened
from clicklake.errors import ClicklakeError


def grants_of_viewer(here: Opened) -> Grants | None:
    """What the viewer may see; None where that one has to log in first, or may see nothing: the page says so."""
    if not here.lake.settings.dashboard.login.is_configured:
        return here.access.grants(LOCAL)
    if not st.user.get("is_logged_in"):
        _ask()
        return None
    claims = {name: value for name, value in st.user.to_dict().items() if name != "is_logged_in"}
    try:
        if claims.get("email_verified") is False:
            claims.pop("email", None)  # whoever it is has not shown that it is theirs
        grants = here.access.grants(here.access.login(claims))
    except ClicklakeError as error:
        st.title("No access", anchor=False)
        states.failure(error)
        st.button("Log out", on_click=st.logout, icon=":material/logout:")
        return None
    with st.container(horizontal=True, horizontal_alignment="right", key="viewer"):
        st.caption(states.plain(f"{grants.principal.name}, {grants.principal.role}"))
        st.button("Log out", on_click=st.logout, type="tertiary", icon=":material/logout:")
    return grants


def _ask() -> None:
    st.title("clicklake", anchor=False)
    with st.container(border=True, key="login", width=420):
        st.markdown("Log in to see this lake.")
        st.button("Log in", on_click=st.login, type="primary", icon=":material/login:")
