"""The access to a lake: who asks, and what that one may."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from clicklake.access.grants import Grants
from clicklake.access.principal import Principal
from clicklake.access.roles import role_of

if TYPE_CHECKING:
    from clicklake.lake.reading import ReadingLake

_MOST_KNOWN = 1000
"""Principals whose grants are kept."""


class Access:
    """Who may read and do what in a lake; one for all that a server answers, for it keeps what it found out.

    Args:
        lake: The lake; its settings name roles.
    """

    def __init__(self, lake: ReadingLake) -> None:
        self._lake = lake
        self._salt = secrets.token_hex(32)
        self._grants: dict[Principal, Grants] = {}

    def grants(self, principal: Principal) -> Grants:
        """What a principal may.

        Raises:
            ForbiddenError: Its role is not there.
        """
        if principal not in self._grants:
            role = role_of(self._lake.settings.access, principal)
            if len(self._grants) >= _MOST_KNOWN:
                self._grants.clear()
            self._grants[principal] = Grants(principal, role, self._lake.lineage, self._salt)
        return self._grants[principal]
