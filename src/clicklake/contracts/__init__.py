"""Contracts: what a source looks like, which rows pass, and what becomes of the others."""
