"""Models of repeat buying, fitted by maximum likelihood: arrays in, parameters and predictions out."""
