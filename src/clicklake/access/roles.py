"""Roles: those that every lake has, and those of the settings."""

from __future__ import annotations

from clicklake.access.principal import LOCAL, Principal
from clicklake.errors import ForbiddenError
from clicklake.settings import AccessSettings, RoleSettings

ROLES = {
    "reader": RoleSettings(reads=["gold"]),
    "analyst": RoleSettings(reads=["gold"], may=["query"]),
    "engineer": RoleSettings(reads=["*"], may=["query", "trace", "run", "replay"]),
    "admin": RoleSettings(reads=["*"], plain=["*"], may=["query", "trace", "run", "replay"]),
}
"""The roles that are there without a setting."""

_OF_LOCAL = ROLES["engineer"]


def roles_of(settings: AccessSettings) -> dict[str, RoleSettings]:
    """All roles by name; one of the settings takes the place of another of its name."""
    return {**ROLES, **settings.roles}


def role_of(settings: AccessSettings, principal: Principal) -> RoleSettings:
    """What a principal may.

    Raises:
        ForbiddenError: There is no such role.
    """
    if principal == LOCAL:
        return _OF_LOCAL
    known = roles_of(settings)
    if principal.role not in known:
        # Whoever asks is not told which there are; those who run the server see them in its settings.
        raise ForbiddenError(
            f"{principal.name} has the role {principal.role[:200]!r}, which is not there (settings access.roles)"
        )
    return known[principal.role]
