"""Runs that are killed, starved and raced, and what must be left of them. `make faults` runs it at length.

A run is the real command line in a process of its own. The harness knows clicklake only from outside: its commands,
its files and its Delta tables, which it reads with deltalake and plain SQL, never with code of the product.
"""
