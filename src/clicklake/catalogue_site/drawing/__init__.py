"""Pictures of boxes and lines as inline SVG: lineage and relations between tables."""
