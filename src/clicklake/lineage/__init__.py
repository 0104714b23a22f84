"""Where columns come from: read from the models, told to people and to OpenLineage."""
