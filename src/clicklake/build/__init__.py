"""Silver to gold: models in the order of their inputs, checks, and one release for all."""
