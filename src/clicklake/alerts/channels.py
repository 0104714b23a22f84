"""Where alerts go: URLs of apprise, which are never shown."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

from pydantic import SecretStr

from clicklake.errors import MissingExtraError

Kind = Literal["failure", "warning", "success"]


@dataclass(frozen=True)
class Channel:
    """One URL that alerts go to.

    Args:
        name: Its place among the settings' URLs, and the kind of the URL.
        url: The URL.
    """

    name: str
    url: SecretStr = field(repr=False)

    def send(self, title: str, body: str, kind: Kind) -> str | None:
        """Deliver a message.

        Returns:
            Why it could not be delivered; None where it was.
        """
        # What apprise logs may hold parts of the URL; how it went is all that is said.
        log = logging.getLogger("apprise")
        was_disabled, log.disabled = log.disabled, True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it loads modules that Python will drop
                return _deliver(self.url.get_secret_value(), title, body, kind)
        except Exception as error:  # noqa: BLE001 - whatever a service does, the run goes on
            return f"the message was not taken ({type(error).__name__})"
        finally:
            log.disabled = was_disabled


def _deliver(url: str, title: str, body: str, kind: Kind) -> str | None:
    import apprise

    service = apprise.Apprise()
    if not service.add(url):
        return "the URL is none that apprise knows"
    done = service.notify(body=body, title=title, notify_type=apprise.NotifyType(kind), body_format="text")
    return None if done else "the message was not taken"


def channels(urls: Sequence[SecretStr]) -> list[Channel]:
    """The channels of the settings.

    Raises:
        MissingExtraError: apprise is not installed.
    """
    if urls and find_spec("apprise") is None:
        raise MissingExtraError("alerts.urls: alerts need apprise", "alerts")
    return [Channel(f"{place} {_kind(url.get_secret_value())}".strip(), url) for place, url in enumerate(urls, 1)]


def _kind(url: str) -> str:
    """What stands before `://`, if that is a name."""
    kind, separator, _ = url.partition("://")
    return kind if separator and kind.isalnum() else ""
