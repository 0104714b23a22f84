"""JSON Web Tokens: only those that the settings describe hold, whatever they say of themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clicklake.access import Principal
from clicklake.access.tokens import Tokens, principal_of
from clicklake.errors import ConfigError, UnauthorizedError
from clicklake.settings import ClaimSettings, TokenSettings

SECRET = "a-secret-of-more-than-thirty-two-characters"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
WHO = {"issuer": "https://login.example.com/", "audience": "clicklake"}


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def claims(**other: object) -> dict[str, object]:
    now = int(time.time())
    base = {"iss": WHO["issuer"], "aud": "clicklake", "sub": "anna", "role": "analyst", "iat": now, "exp": now + 3600}
    return {name: value for name, value in {**base, **other}.items() if value is not None}


def by_secret(**other: object) -> Tokens:
    given = {"algorithms": "HS256", "secret": SECRET, **WHO, **other}
    return Tokens(TokenSettings.model_validate(given), ClaimSettings())


def by_key(tmp_path: Path, algorithm: str = "RS256", key: Any = RSA) -> Tokens:
    (tmp_path / "key.pem").write_bytes(pem(key))
    given = {"algorithms": algorithm, "public_key": str(tmp_path / "key.pem"), **WHO}
    return Tokens(TokenSettings.model_validate(given), ClaimSettings())


def signed(body: dict[str, object], key: Any = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(body, key, algorithm=algorithm, headers=headers or None)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_that_holds_tells_who_shows_it(tmp_path: Path) -> None:
    anna = Principal("anna", "analyst", "token")
    assert by_secret().principal(signed(claims())) == anna
    assert by_key(tmp_path).principal(signed(claims(), RSA, "RS256")) == anna
    assert by_key(tmp_path, "ES256", EC).principal(signed(claims(), EC, "ES256")) == anna


WRONG = {
    "expired": (claims(exp=int(time.time()) - 120), "has expired"),
    "without an end": (claims(exp=None), "no claim exp"),
    "not yet": (claims(nbf=int(time.time()) + 600), "doesn't hold yet"),
    "made in the future": (claims(iat=int(time.time()) + 600), "doesn't hold yet"),
    "of another issuer": (claims(iss="https://evil.example.com/"), "another issuer"),
    "without an issuer": (claims(iss=None), "no claim iss"),
    "for others": (claims(aud="shop"), "another issuer, or for another audience"),
    "for nobody": (claims(aud=None), "no claim aud"),
    "of nobody": (claims(sub=None), "no claim sub"),
    "without a role": (claims(role=None), "no claim role"),
    "with a role that is no text": (claims(role=7), "neither a text"),
    "with several roles": (claims(role=["analyst", "admin"]), "several values"),
    "whose end is no time": (claims(exp="never"), "the token is none"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_does_not_hold_is_refused(name: str) -> None:
    body, message = WRONG[name]
    with pytest.raises(UnauthorizedError, match=message):
        by_secret().principal(signed(body))


def test_clocks_may_be_a_little_apart() -> None:
    late = signed(claims(exp=int(time.time()) - 10))
    assert by_secret().principal(late).name == "anna"
    with pytest.raises(UnauthorizedError):
        by_secret(leeway="1s").principal(late)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("is_rsa", [False, True])
def test_a_token_that_says_it_needs_no_signature_is_refused(tmp_path: Path, algorithm: str, is_rsa: bool) -> None:
    tokens = by_key(tmp_path) if is_rsa else by_secret()
    unsigned = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}."
    for token in (unsigned, unsigned + "AAAA"):
        with pytest.raises(UnauthorizedError):
            tokens.principal(token)


def test_a_public_key_is_no_secret(tmp_path: Path) -> None:
    """The classic confusion: signed by HS256 with what everybody knows."""
    tokens = by_key(tmp_path)
    head, body = part({"alg": "HS256", "typ": "JWT"}), part(claims())
    for secret in (pem(RSA), pem(RSA).strip(), b""):
        mac = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
        token = f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        with pytest.raises(UnauthorizedError):
            tokens.principal(token)


def test_another_key_or_algorithm_or_text_is_refused(tmp_path: Path) -> None:
    tokens = by_key(tmp_path)
    good = signed(claims(), RSA, "RS256")
    head, body, signature = good.split(".")
    for token in (
        signed(claims(), OTHER_RSA, "RS256"),
        signed(claims(), RSA, "RS512"),
        signed(claims(), RSA, "PS256"),
        signed(claims(), EC, "ES256"),
        signed(claims(), SECRET, "HS256"),
        f"{head}.{part(claims(role='admin'))}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{body}.{head}.{signature}",
        "a.b.c",
        "....",
        "x" * 10_000,
        part({"alg": "RS256"}),
    ):
        with pytest.raises(UnauthorizedError):
            tokens.principal(token)
    assert tokens.principal(good)


def test_a_key_that_a_token_brings_along_is_not_used(tmp_path: Path) -> None:
    tokens = by_key(tmp_path)
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA.public_key()))
    for headers in ({"jwk": own}, {"jku": "https://evil.example.com/keys"}, {"x5u": "https://evil.example.com/"}):
        with pytest.raises(UnauthorizedError):
            tokens.principal(signed(claims(), OTHER_RSA, "RS256", **headers))


def test_keys_of_a_file_are_chosen_by_their_id(tmp_path: Path) -> None:
    public = [
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "one", "alg": "RS256"},
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA.public_key())), "kid": "two", "alg": "RS256"},
        {"kty": "oct", "k": part("secret" * 9), "kid": "three", "alg": "HS256"},
    ]
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": public}), encoding="utf-8")
    given = {"algorithms": "RS256", "jwks": str(file), **WHO}
    tokens = Tokens(TokenSettings.model_validate(given), ClaimSettings())
    assert tokens.principal(signed(claims(), RSA, "RS256", kid="one")).name == "anna"
    assert tokens.principal(signed(claims(), OTHER_RSA, "RS256", kid="two")).name == "anna"
    for token in (
        signed(claims(), RSA, "RS256", kid="two"),
        signed(claims(), RSA, "RS256", kid="four"),
        signed(claims(), RSA, "RS256"),
        signed(claims(), part("secret" * 9), "HS256", kid="three"),
        signed(claims(), RSA, "RS256", kid="../../etc/passwd"),
    ):
        with pytest.raises(UnauthorizedError):
            tokens.principal(token)
    file.write_text(json.dumps({"keys": public[2:]}), encoding="utf-8")
    with pytest.raises(ConfigError, match="no key with a kid for RS256"):
        Tokens(TokenSettings.model_validate(given), ClaimSettings())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"algorithms": "none"}, "algorithms"),
        ({"algorithms": ["HS256", "RS256"], "secret": SECRET, **WHO}, "must not mix"),
        ({"algorithms": "HS256", **WHO}, "need secret"),
        ({"algorithms": "HS256", "secret": "short", **WHO}, "32 characters"),
        ({"algorithms": "HS256", "secret": SECRET, "public_key": "x", **WHO}, "no public_key"),
        ({"algorithms": "RS256", "secret": SECRET, "public_key": "x", **WHO}, "no secret"),
        ({"algorithms": "RS256", "public_key": "x", "jwks": "y", **WHO}, "one of them"),
        ({"algorithms": "RS256", "public_key": "x", "issuer": "i"}, "issuer and audience"),
        ({"algorithms": "RS256", "public_key": "x", "audience": "a"}, "issuer and audience"),
    ],
)
def test_settings_that_would_let_too_much_in_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        TokenSettings.model_validate(given)
    assert SECRET not in str(error.value)


def test_a_private_key_is_no_public_one(tmp_path: Path) -> None:
    text = RSA.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(text)
    given = {"algorithms": "RS256", "public_key": str(tmp_path / "key.pem"), **WHO}
    with pytest.raises(ConfigError, match="no public key"):
        Tokens(TokenSettings.model_validate(given), ClaimSettings())


def test_groups_of_a_login_become_a_role() -> None:
    settings = ClaimSettings(
        name="email", role="realm_access.roles", roles={"lake-admins": "admin", "lake-analysts": "analyst"}
    )
    login = {"email": "anna@example.com", "realm_access": {"roles": ["other", "lake-analysts"]}}
    assert principal_of(login, settings, "login") == Principal("anna@example.com", "analyst", "login")
    both = {"email": "a", "realm_access": {"roles": ["lake-analysts", "lake-admins"]}}
    assert principal_of(both, settings, "login").role == "admin"
    for wrong in ({**login, "realm_access": {"roles": ["admin"]}}, {**login, "realm_access": "lake-admins"}, {}):
        with pytest.raises(UnauthorizedError):
            principal_of(wrong, settings, "login")
    flat = ClaimSettings(role="https://example.com/roles", roles={"a": "reader"})
    assert principal_of({"sub": "x", "https://example.com/roles": ["a"]}, flat, "token").role == "reader"
