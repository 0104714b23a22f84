"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A person or program that asks for something.

    Args:
        name: As the audit names it.
        role: What it may do, by the name of its role.
        by: How it is known: `local`, `key`, `token` or `login`.
    """

    name: str
    role: str
    by: str = "local"


LOCAL = Principal("local", "local")
"""Whoever reaches a server that is bound to loopback and has no login: reads everything, personal data masked."""
