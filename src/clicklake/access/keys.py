"""API keys: made once, shown once, kept as keyed hashes in a file."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from clicklake.access.principal import Principal
from clicklake.errors import StorageError, UnauthorizedError, UnknownNameError, UsageError
from clicklake.setting_types import seconds_of
from clicklake.storage.objects import is_url

if TYPE_CHECKING:
    from clicklake.lake.opened import OpenedLake

FILE_NAME = "access-keys.json"
_FORM = re.compile(r"cl_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_WRONG = "the API key is not known, or doesn't hold any more"
"""Whatever is wrong with a key: who tries keys learns nothing."""


@dataclass(frozen=True)
class Key:
    """What is kept of a key.

    Args:
        id: Its part that is no secret.
        name: Whose it is.
        role: What it may.
        digest: HMAC-SHA256 of the whole key, with the setting `access.secret`.
        created_at: When, UTC.
        expires_at: From when it doesn't hold any more, UTC.
        revoked_at: When it was revoked, UTC.
    """

    id: str
    name: str
    role: str
    digest: str
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and datetime.fromisoformat(self.expires_at) <= now else "active"


class Keys:
    """The keys of a lake.

    Args:
        file: Where their hashes are.
        secret: What they are hashed with; without one no key is made or holds.
    """

    def __init__(self, file: Path, secret: str | None) -> None:
        self.file, self._secret = file, secret
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._known: Mapping[str, Key] = {}

    @classmethod
    def of(cls, lake: OpenedLake) -> Keys:
        """The keys of a lake, by its settings."""
        settings = lake.settings.access
        beside = Path.cwd() if is_url(lake.path) else Path(lake.path)
        file = Path(settings.keys_file) if settings.keys_file else (lake.loaded.project or beside) / FILE_NAME
        return cls(file, settings.secret.get_secret_value() if settings.secret else None)

    def add(self, name: str, role: str, expires: str | None = None) -> tuple[str, Key]:
        """Make a key: itself, which nobody sees again, and what is kept of it.

        Args:
            name: Whose it is.
            role: What it may; that there is such a role is the caller's to see.
            expires: A duration such as 90d, or the last day that it holds.

        Raises:
            UsageError: The name or the time is none, or there is no secret.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r}: a name has up to 64 letters, digits and _ . @ -, a letter or digit first")
        now = datetime.now(timezone.utc)
        number = secrets.token_hex(6)
        key = f"cl_{number}_{secrets.token_urlsafe(32)}"
        kept = Key(number, name, role, self._digest(key), _text(now), _text(_end(expires, now)) if expires else None)
        with self._changing() as known:
            known[number] = kept
        return key, kept

    def all(self) -> list[Key]:
        """All keys, the newest last."""
        return list(self._load().values())

    def revoke(self, which: str) -> list[Key]:
        """Let keys hold no more: the one of an id, or all of a name. Those that held until now.

        Raises:
            UnknownNameError: There is no such key.
        """
        now = datetime.now(timezone.utc)
        with self._changing() as known:
            found = [key for key in known.values() if which in (key.id, key.name)]
            if not found:
                raise UnknownNameError(f"there is no key {which!r}: `clicklake keys list` shows names and ids")
            active = [key for key in found if not key.revoked_at]
            for key in active:
                known[key.id] = replace(key, revoked_at=_text(now))
        return active

    def principal(self, key: str) -> Principal:
        """Who shows a key.

        Raises:
            UnauthorizedError: It doesn't hold.
        """
        form = _FORM.fullmatch(key)
        kept = self._load().get(form[1]) if form else None
        # A key of an unknown id takes as long as another: the comparison says nothing of what is known.
        if self._secret is None or not hmac.compare_digest(self._digest(key), kept.digest if kept else "0" * 64):
            raise UnauthorizedError(_WRONG)
        if kept is None or kept.state(datetime.now(timezone.utc)) != "active":
            raise UnauthorizedError(_WRONG)
        return Principal(kept.name, kept.role, "key")

    def _digest(self, key: str) -> str:
        if self._secret is None:
            raise UsageError(
                "API keys need the setting access.secret, for example by the variable CLICKLAKE_ACCESS__SECRET; "
                'make one with: python -c "import secrets; print(secrets.token_hex(32))"'
            )
        return hmac.digest(self._secret.encode(), key.encode(), "sha256").hex()

    def _load(self) -> Mapping[str, Key]:
        """The keys by id; read again where the file has changed, so that what is revoked doesn't hold at once."""
        with self._lock:
            try:
                found = os.stat(self.file)
            except FileNotFoundError:
                self._stamp, self._known = None, {}
                return self._known
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._known, self._stamp = self._read(), stamp
            return self._known

    def _read(self) -> dict[str, Key]:
        try:
            entries = json.loads(self.file.read_text(encoding="utf-8"))["keys"]
            return {entry["id"]: Key(**entry) for entry in entries}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{self.file}: the API keys can't be read: {error}") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys, to be changed; one at a time, and written in one step."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.file.with_name(f".{self.file.name}.lock"), "w", encoding="utf-8") as lock:
            with contextlib.suppress(ImportError):  # elsewhere two commands at the same time are the user's to avoid
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            yield known
            draft = self.file.with_name(f".{self.file.name}.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump({"keys": [asdict(key) for key in known.values()]}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.file)


def _end(expires: str, now: datetime) -> datetime:
    """The moment from which a key doesn't hold any more."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", expires):
            end = datetime.combine(date.fromisoformat(expires) + timedelta(days=1), time(), timezone.utc)
        else:
            end = now + timedelta(seconds=seconds_of(expires))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--expires {expires}: neither a duration such as 90d nor a day such as 2030-01-31") from error
    if end <= now:
        raise UsageError(f"--expires {expires}: that is over already")
    return end


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
