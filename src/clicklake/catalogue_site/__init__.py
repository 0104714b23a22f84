"""The catalogue as a static site: every table, column, rule, owner and relation, opened from the file system."""
