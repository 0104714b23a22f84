"""Settings of the dashboard."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from clicklake.setting_types import Endpoint, Secret
from clicklake.settings.section import Section


class LoginSettings(Section):
    """The identity provider (OpenID Connect) by which viewers log in; what they may is said by `access.claims`."""

    metadata_url: Endpoint | None = Field(
        default=None,
        description="The provider's document, which ends in /.well-known/openid-configuration; null: no login.",
    )
    client_id: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The dashboard's name at the provider."
    )
    client_secret: Secret | None = Field(default=None, description="Its secret there, from the environment (${NAME}).")
    cookie_secret: Secret | None = Field(
        default=None,
        description="What cookies of viewers are signed with, 32 characters or more, from the environment (${NAME}).",
    )
    url: Endpoint | None = Field(
        default=None,
        description="The address at which browsers reach the dashboard, https:// unless it is this machine's; the "
        "provider sends viewers back to oauth2callback beneath it.",
    )

    @property
    def missing(self) -> list[str]:
        """What a login needs and has not."""
        needed = {
            "metadata_url": self.metadata_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "cookie_secret": self.cookie_secret,
            "url": self.url,
        }
        return [name for name, value in needed.items() if value is None]

    @property
    def is_configured(self) -> bool:
        """Whether viewers log in, or shall."""
        return len(self.missing) < 5


class DashboardSettings(Section):
    """Who may look at the dashboard."""

    login: LoginSettings = Field(
        default_factory=LoginSettings,
        description="The identity provider by which viewers log in; without one it listens on loopback alone.",
    )
