"""Who is told, and once, where a quality threshold is broken or holds again."""
