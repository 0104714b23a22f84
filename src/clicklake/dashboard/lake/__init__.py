"""The sections of the page on the lake itself."""
