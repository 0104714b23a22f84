"""How good the data is: scores by source and dimension, thresholds, trend, drift."""
