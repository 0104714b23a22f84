"""The access to a lake: who asks, and what that one may."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from clicklake.access.grants import Grants
from clicklake.access.keys import Keys
from clicklake.access.principal import Principal
from clicklake.access.roles import role_of
from clicklake.access.tokens import Tokens, principal_of
from clicklake.errors import UnauthorizedError

if TYPE_CHECKING:
    from clicklake.lake.reading import ReadingLake

_MOST_KNOWN = 1000
"""Principals whose grants are kept."""


class Access:
    """Who may read and do what in a lake; one for all that a server answers, for it keeps what it found out.

    Args:
        lake: The lake; its settings name roles, the secret of keys, and tokens.
    """

    def __init__(self, lake: ReadingLake) -> None:
        self._lake = lake
        self._settings = lake.settings.access
        self._grants: dict[Principal, Grants] = {}

    def grants(self, principal: Principal) -> Grants:
        """What a principal may.

        Raises:
            ForbiddenError: Its role is not there.
        """
        if principal not in self._grants:
            role = role_of(self._settings, principal)
            if len(self._grants) >= _MOST_KNOWN:
                self._grants.clear()
            self._grants[principal] = Grants(principal, role, self._lake.lineage, self._salt)
        return self._grants[principal]

    @property
    def is_configured(self) -> bool:
        """Whether there is any key or token that could hold; a server without may be bound to loopback alone."""
        return self._settings.secret is not None or self._tokens is not None

    def authenticate(self, headers: Mapping[bytes, bytes] | Mapping[str, str]) -> Principal:
        """Who asks, by the headers of a request: `Authorization: Bearer KEY-OR-TOKEN`, or `X-API-Key: KEY`.

        Args:
            headers: By name, in any case; as text or as bytes.

        Raises:
            UnauthorizedError: Nobody is known by them.
        """
        given = {_text(name).lower(): _text(value).strip() for name, value in headers.items()}
        bearer, key = given.get("authorization", ""), given.get("x-api-key", "")
        if bearer and key:
            raise UnauthorizedError("send either Authorization or X-API-Key, not both")
        if key:
            return self.keys.principal(key)
        scheme, _, shown = bearer.partition(" ")
        shown = shown.strip()
        if scheme.lower() != "bearer" or not shown:
            raise UnauthorizedError("send an API key or a token: `Authorization: Bearer ...`")
        if shown.startswith("cl_"):
            return self.keys.principal(shown)
        if self._tokens is None:
            raise UnauthorizedError("tokens are not accepted here (setting access.tokens); send an API key")
        return self._tokens.principal(shown)

    def login(self, claims: Mapping[str, object]) -> Principal:
        """Who has logged in, by the claims of an identity provider that somebody else has checked.

        Raises:
            UnauthorizedError: They name nobody, or no role.
        """
        return principal_of(claims, self._settings.claims, "login")

    @cached_property
    def keys(self) -> Keys:
        """The API keys."""
        return Keys.of(self._lake)

    @cached_property
    def _tokens(self) -> Tokens | None:
        settings = self._settings
        return Tokens(settings.tokens, settings.claims) if settings.tokens.algorithms else None

    @cached_property
    def _salt(self) -> str:
        """What codes of masked identifiers are made with: with a secret they are the same after a restart."""
        if self._settings.secret is None:
            return secrets.token_hex(32)
        return hmac.digest(self._settings.secret.get_secret_value().encode(), b"codes of identifiers", "sha256").hex()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
