"""The script that Streamlit runs; in a folder of its own, for it takes a folder `pages` beside it for scripts too."""
