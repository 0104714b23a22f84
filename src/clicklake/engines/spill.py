"""Folders for what does not fit into memory; those that a kill has left are removed by the next run."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path

_PREFIX = "clicklake-spill-"
_LOCK = "in-use"
_ABANDONED = 86_400.0
"""Seconds after which a folder without a lock is nobody's: a kill came before the lock was there."""


class SpillFolder:
    """A folder of this process. A lock on a file in it, which ends with the process, says that it is in use.

    Args:
        parent: Where it is made; the system's temporary folder where None.
    """

    def __init__(self, parent: str | None = None) -> None:
        base = Path(parent or tempfile.gettempdir())
        base.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(base)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        # Called once, by hand or at the end: a descriptor that is closed twice may be another file's by then.
        self.remove = weakref.finalize(self, _remove, self.path, _locked(self.path))

    def size(self) -> int:
        """Bytes in it now."""
        return sum(file.stat().st_size for file in self.path.glob("*") if file.is_file())


def _locked(folder: Path) -> int | None:
    """A locked file in the folder, there only once it is locked; None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    made = folder / f".{_LOCK}"
    descriptor = os.open(made, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.rename(folder / _LOCK)
    return descriptor


def _remove(folder: Path, lock: int | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def _remove_abandoned(base: Path) -> None:
    for folder in base.glob(f"{_PREFIX}*"):
        try:
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another user's, or gone meanwhile
            continue


def _is_abandoned(folder: Path) -> bool:
    lock = folder / _LOCK
    if not lock.is_file():
        return time.time() - folder.stat().st_mtime > _ABANDONED
    import fcntl

    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
