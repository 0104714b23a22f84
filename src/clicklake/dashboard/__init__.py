"""The dashboard: pages of reports in a browser, by Streamlit (`clicklake dashboard`, extra `clicklake[dashboard]`).

Pages hold no logic of their own: every number is a report's, read from the newest release through `clicklake.serving`.
"""
