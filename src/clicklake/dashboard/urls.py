"""What a page keeps in the URL beside the filters: its own choices, so that links show them too."""

from __future__ import annotations

import streamlit as st


def value(name: str, otherwise: str = "") -> str:
    """What the URL says."""
    return str(st.query_params.get(name, otherwise))


def keep(name: str, value: str, otherwise: str = "") -> None:
    """Have the URL say what is chosen; what is chosen anyway is left out."""
    if value == otherwise:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
