"""From any row to the raw rows behind it, and from a raw row to what became of it."""
