"""JSON Web Tokens: who shows one, where it holds by the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clicklake.access.principal import Principal
from clicklake.errors import ConfigError, MissingExtraError, UnauthorizedError
from clicklake.setting_types import seconds_of
from clicklake.settings import ClaimSettings, TokenSettings

if TYPE_CHECKING:
    from jwt import PyJWK

_LONGEST = 8_192
"""Characters of a token."""


class Tokens:
    """Reads tokens.

    Args:
        settings: Which hold.
        claims: What they say.

    Raises:
        ConfigError: A key file can't be read.
        MissingExtraError: PyJWT is not installed.
    """

    def __init__(self, settings: TokenSettings, claims: ClaimSettings) -> None:
        try:
            import jwt
        except ImportError as error:
            raise MissingExtraError("tokens need PyJWT", "api") from error
        self._jwt, self._settings, self._claims = jwt, settings, claims
        self._leeway = seconds_of(settings.leeway)
        self._by_id: dict[str, PyJWK] = {}
        self._key: Any = settings.secret.get_secret_value() if settings.secret else None
        if settings.public_key:
            self._key = _public_key(settings.public_key)
        if settings.jwks:
            self._by_id = self._keys_of(settings.jwks)

    def principal(self, token: str) -> Principal:
        """Who shows a token.

        Raises:
            UnauthorizedError: It doesn't hold, or says nothing of a role.
        """
        if len(token) > _LONGEST:
            raise UnauthorizedError(f"the token is longer than {_LONGEST:,} characters")
        jwt = self._jwt
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=list(self._settings.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthorizedError("the token has expired") from error
        except jwt.ImmatureSignatureError as error:
            raise UnauthorizedError("the token doesn't hold yet") from error
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise UnauthorizedError("the token is of another issuer, or for another audience") from error
        except jwt.MissingRequiredClaimError as error:
            raise UnauthorizedError(f"the token has no claim {error.claim}") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise UnauthorizedError("the token is none, or not signed by whom it should be") from error
        return principal_of(claims, self._claims, "token")

    def _key_of(self, token: str) -> Any:  # noqa: ANN401
        """The key that a token has to be signed with; never one that it brings along."""
        if not self._settings.jwks:
            return self._key
        number = self._jwt.get_unverified_header(token).get("kid")
        if number not in self._by_id:
            raise UnauthorizedError("the token is signed with a key that is not known")
        return self._by_id[number]

    def _keys_of(self, file: str) -> dict[str, PyJWK]:
        try:
            found = self._jwt.PyJWKSet.from_dict(json.loads(Path(file).read_text(encoding="utf-8"))).keys
        except (OSError, ValueError, self._jwt.PyJWTError) as error:
            raise ConfigError(f"access.tokens.jwks: {file} can't be read: {error}") from error
        allowed = self._settings.algorithms
        keys = {key.key_id: key for key in found if key.key_id and key.algorithm_name in allowed}
        if not keys:
            raise ConfigError(f"access.tokens.jwks: {file} has no key with a kid for {', '.join(allowed)}")
        return keys


def principal_of(claims: Mapping[str, object], settings: ClaimSettings, by: str) -> Principal:
    """Who the claims of a token or a login name.

    Raises:
        UnauthorizedError: They name nobody, or no role.
    """
    name, given = _claim(claims, settings.name), _claim(claims, settings.role)
    if not isinstance(name, str) or not name:
        raise UnauthorizedError(f"the {by} has no claim {settings.name}, or it is no text")
    several = given if isinstance(given, list) else [given]
    values = [value for value in several if isinstance(value, str) and value]
    if not values:
        raise UnauthorizedError(f"the {by} has no claim {settings.role}, or it is neither a text nor a list of them")
    if settings.roles:
        roles = [role for value, role in settings.roles.items() if value in values]
        if not roles:
            raise UnauthorizedError(f"no value of the claim {settings.role} has a role (setting access.claims.roles)")
        return Principal(name[:200], roles[0], by)
    if len(values) > 1:
        raise UnauthorizedError(f"the claim {settings.role} has several values: setting access.claims.roles says which")
    return Principal(name[:200], values[0], by)


def _claim(claims: Mapping[str, object], path: str) -> object:
    """A claim by its name, or by the way to it."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _public_key(file: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"access.tokens.public_key: {file} can't be read: {error}") from error
    if "-----BEGIN PUBLIC KEY-----" not in text and "-----BEGIN CERTIFICATE-----" not in text:
        raise ConfigError(f"access.tokens.public_key: {file} is no public key in PEM: it begins with BEGIN PUBLIC KEY")
    return text
