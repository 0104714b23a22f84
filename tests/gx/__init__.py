"""Great Expectations itself, in an environment of its own, against clicklake's own checks."""
