"""Settings of who may read and do what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clicklake.setting_types import Duration, GrantPattern, PathText, RoleName, Secret, single_as_list
from clicklake.settings.section import Section

Action = Literal["query", "trace", "run", "replay"]
"""What a role may do beside reading tables and reports."""


def _once(values: list[Action]) -> list[Action]:
    return list(dict.fromkeys(values))


class RoleSettings(Section):
    """What a role may read and do."""

    reads: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="What the role may read: layers (gold), tables (gold.dim_users) and columns "
        "(gold.dim_users.first_seen); * stands for any part of a name (gold.fact_*). Reports are read "
        "whose columns all are.",
    )
    hides: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="What of that it may not read, named alike; such columns are not there."
    )
    plain: Annotated[list[GrantPattern], BeforeValidator(single_as_list)] = Field(
        default_factory=list, description="Of what personal data is shown, named alike; it is masked elsewhere."
    )
    may: Annotated[list[Action], BeforeValidator(single_as_list), AfterValidator(_once)] = Field(
        default_factory=list,
        description="What the role may do beside reading: query (its own SQL), trace (one person or row), run, replay.",
    )


Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""How a token may be signed; `none` is not among them."""

SHORTEST_SECRET = 32
"""Characters of a secret, at the least."""


class ClaimSettings(Section):
    """Which claims of a token or login say who somebody is and what it may."""

    name: Annotated[str, Field(min_length=1)] = Field(
        default="sub", description="The claim with the name, as the audit shows it; dots lead into objects."
    )
    role: Annotated[str, Field(min_length=1)] = Field(
        default="role", description="The claim with the role, or a list of groups; dots lead into objects."
    )
    roles: dict[str, RoleName] = Field(
        default_factory=dict,
        description="The role of each value of that claim, the first that fits; empty where the values are roles.",
    )


class TokenSettings(Section):
    """JSON Web Tokens that are accepted."""

    algorithms: Annotated[list[Algorithm], BeforeValidator(single_as_list)] = Field(
        default_factory=list,
        description="How tokens may be signed, all with a secret (HS256) or all with a key pair (RS256, ES256); empty: "
        "no tokens.",
    )
    secret: Secret | None = Field(
        default=None,
        description="What tokens are signed with by HS256, 32 characters or more, from the environment (${NAME}).",
    )
    public_key: PathText | None = Field(default=None, description="The file of the public key (PEM).")
    jwks: PathText | None = Field(
        default=None, description="In its place a file of public keys (JWKS), of which a token names one by its kid."
    )
    issuer: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Who issues tokens (claim iss)."
    )
    audience: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Whom tokens are for (claim aud)."
    )
    leeway: Duration = Field(default="30s", description="How far clocks may be apart.")

    @model_validator(mode="after")
    def _is_complete(self) -> TokenSettings:
        if not self.algorithms:
            return self
        by_secret = {name.startswith("HS") for name in self.algorithms}
        if len(by_secret) > 1:
            raise ValueError("algorithms must not mix secrets (HS256) and key pairs (RS256)")
        given = [self.secret is not None, self.public_key is not None, self.jwks is not None]
        if by_secret == {True} and given != [True, False, False]:
            raise ValueError("algorithms with a secret (HS256) need secret, and no public_key or jwks")
        if by_secret == {False} and (given[0] or sum(given[1:]) != 1):
            raise ValueError("algorithms with a key pair need public_key or jwks, one of them, and no secret")
        if not self.issuer or not self.audience:
            raise ValueError("issuer and audience must be given: tokens for others are not accepted")
        if self.secret and len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"secret must have {SHORTEST_SECRET} characters or more")
        return self


class AccessSettings(Section):
    """Who may read and do what over the API and the dashboard."""

    roles: dict[RoleName, RoleSettings] = Field(
        default_factory=dict,
        description="Roles by name, beside reader, analyst, engineer and admin; one of these names takes its place.",
    )
    secret: Secret | None = Field(
        default=None,
        description="What API keys are hashed with, 32 characters or more, from the environment (${NAME}); with "
        "another one no key holds any more.",
    )
    keys_file: PathText | None = Field(
        default=None,
        description="The file with the hashes of API keys; null for access-keys.json in the project, else in "
        "the lake's folder or, where that is on an object store, in the current one.",
    )
    tokens: TokenSettings = Field(default_factory=TokenSettings, description="JSON Web Tokens that are accepted.")
    claims: ClaimSettings = Field(
        default_factory=ClaimSettings, description="Which claims of a token or login say who somebody is."
    )

    @model_validator(mode="after")
    def _has_a_long_secret(self) -> AccessSettings:
        if self.secret and len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"secret must have {SHORTEST_SECRET} characters or more")
        return self
