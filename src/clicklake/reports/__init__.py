"""Reports: running them on a release, and showing what they give."""
