"""Bronze to silver: each row gets one fate, in an order of commits that a kill can't break."""
