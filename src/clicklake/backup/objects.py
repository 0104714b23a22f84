"""A folder of files known by their content: what is there already is not copied again, and no bit changes unseen."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clicklake.errors import StorageError

_BLOCK = 1 << 20
_ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Stored:
    """A file as it was copied.

    Args:
        sha256: Of its bytes; its name among the objects.
        size: Its bytes.
        modified: When it was changed last, in nanoseconds.
    """

    sha256: str
    size: int
    modified: int


@dataclass(frozen=True)
class Objects:
    """The files of all backups of a folder.

    Args:
        root: Where they lie.
    """

    root: Path

    def path(self, sha256: str) -> Path:
        """Where a content lies."""
        return self.root / sha256[:2] / sha256

    def holds(self, stored: Stored) -> bool:
        """Whether a content is there in its full size."""
        try:
            return self.path(stored.sha256).stat().st_size == stored.size
        except OSError:
            return False

    def put(self, file: Path) -> tuple[Stored, bool]:
        """Copy a file, unless its content is there.

        Returns:
            What it is known as, and whether it was copied.

        Raises:
            FileNotFoundError: There is no such file.
            StorageError: It can't be read or written.
        """
        draft = self.root / f"draft-{uuid.uuid4()}"
        try:
            with file.open("rb") as source:
                status = os.fstat(source.fileno())
                self.root.mkdir(parents=True, exist_ok=True)
                with draft.open("xb") as target:
                    sha256, size = _copy(source, target)
            stored = Stored(sha256, size, status.st_mtime_ns)
            if self.holds(stored):
                return stored, False
            self.path(sha256).parent.mkdir(exist_ok=True)
            draft.replace(self.path(sha256))
            return stored, True
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"{file} can't be copied to {self.root}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def take(self, stored: Stored, target: Path) -> None:
        """Copy a content to a new file.

        Raises:
            StorageError: It is not there, or is not what was put in.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.path(stored.sha256).open("rb") as source, target.open("xb") as file:
                found, _ = _copy(source, file)
            os.utime(target, ns=(stored.modified, stored.modified))
        except OSError as error:
            raise StorageError(f"{target.name} can't be copied from the backup: {error}") from error
        if found != stored.sha256:
            raise StorageError(
                f"the backup is damaged: {self.path(stored.sha256)} is not what was copied into it. "
                "Nothing was restored; take an older backup (--list shows them)."
            )

    def sweep(self) -> None:
        """Remove what killed backups left behind."""
        for draft in self.root.glob("draft-*"):
            with suppress(OSError):
                if draft.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                    draft.unlink()


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
        size += len(block)
    return digest.hexdigest(), size
