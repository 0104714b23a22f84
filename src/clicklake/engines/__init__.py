"""The SQL engines: one protocol, DuckDB in process."""
