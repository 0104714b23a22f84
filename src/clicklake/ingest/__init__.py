"""Files to bronze: every record of every file becomes one row of text."""
