"""A user's project: its folder, the contracts of its own sources, and whether everything works."""
