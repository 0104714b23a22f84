"""What a backup consists of: written last, so that a backup without one never was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from clicklake.backup.objects import Objects, Stored
from clicklake.errors import FormatVersionError, StorageError, UnknownNameError, UsageError
from clicklake.own_folder import on_this_machine

FORMAT = 1
"""The layout of backups that this program writes."""

_MARKER = "clicklake-backup.json"


@dataclass(frozen=True)
class TableState:
    """A table in a backup: its version, and what it had."""

    version: int
    rows: int
    files: int
    bytes: int


@dataclass(frozen=True)
class Backup:
    """One state of a lake.

    Args:
        backup_id: It sorts by time.
        taken_at: When, UTC.
        clicklake: The version of the program.
        lake: Where the lake was.
        release: The newest release in it.
        tables: By name.
        files: The lake's files, by their path in it.
        project: The project's files, by their path in it.
    """

    backup_id: str
    taken_at: datetime
    clicklake: str
    lake: str
    release: int | None
    tables: Mapping[str, TableState]
    files: Mapping[str, Stored]
    project: Mapping[str, Stored]


def objects(folder: Path) -> Objects:
    """The contents that the backups of a folder share."""
    return Objects(folder / "objects")


def prepare(folder: Path) -> None:
    """Make a folder one of backups.

    Raises:
        UsageError: Something else is in it.
        FormatVersionError: A newer program has made it.
    """
    try:
        on_this_machine(folder).mkdir(parents=True, exist_ok=True)
        if (folder / _MARKER).is_file():
            check(folder)
            return
        # Another backup may be beginning in it just now, or was killed when it did.
        others = {entry.name for entry in folder.iterdir()} - {"objects", _MARKER}
        if any(not name.startswith(f".{_MARKER}.") for name in others):
            raise UsageError(f"{folder} is neither empty nor a folder of backups; name another")
        _write(folder / _MARKER, {"format": FORMAT})
    except OSError as error:
        raise UsageError(f"{folder} can't be used for backups: {error.strerror}") from error


def check(folder: Path) -> None:
    """Refuse what is no folder of backups that this program knows.

    Raises:
        UsageError: It holds no backups.
        FormatVersionError: A newer program has made it.
    """
    try:
        found = int(json.loads((folder / _MARKER).read_text(encoding="utf-8"))["format"])
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no backups of clicklake") from error
    if found > FORMAT:
        raise FormatVersionError(f"the backups in {folder} have format {found}; this clicklake knows up to {FORMAT}")


def backups(folder: Path) -> list[str]:
    """The complete backups of a folder by their ids, the newest last.

    Raises:
        UsageError: It holds no backups.
    """
    check(folder)
    return sorted(file.stem for file in (folder / "backups").glob("*.json"))


def read(folder: Path, backup_id: str | None = None) -> Backup:
    """A backup; the newest where none is named.

    Raises:
        UnknownNameError: There is no such backup.
        StorageError: It is damaged.
    """
    known = backups(folder)
    if not known:
        raise UnknownNameError(f"{folder} holds no complete backup")
    chosen = backup_id or known[-1]
    if chosen not in known:
        raise UnknownNameError(f"there is no backup {chosen} in {folder}; there are {', '.join(known)}")
    file = folder / "backups" / f"{chosen}.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        content = document["backup"]
        if document["sha256"] != _digest(content):
            raise ValueError("it is not what was written")
        return _backup(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"the backup is damaged: {file}: {error}; take an older one") from error


def write(folder: Path, backup: Backup) -> None:
    """Complete a backup: from here on it is there.

    Raises:
        StorageError: It can't be written.
    """
    content = {**asdict(backup), "taken_at": backup.taken_at.isoformat()}
    try:
        (folder / "backups").mkdir(exist_ok=True)
        os.sync()  # once for all files: the manifest must not outlive what it names
        document = {"sha256": _digest(content), "backup": content}
        _write(folder / "backups" / f"{backup.backup_id}.json", document)
    except OSError as error:
        raise StorageError(f"the backup in {folder} can't be completed: {error.strerror}") from error


def _backup(content: dict[str, Any]) -> Backup:
    def stored(files: Mapping[str, Any]) -> dict[str, Stored]:
        for path in files:
            parts = PurePosixPath(path)
            if parts.is_absolute() or ".." in parts.parts:
                raise ValueError(f"{path} leads out of the folder")
        return {path: Stored(**known) for path, known in files.items()}

    return Backup(
        **{
            **content,
            "taken_at": datetime.fromisoformat(content["taken_at"]),
            "tables": {name: TableState(**state) for name, state in content["tables"].items()},
            "files": stored(content["files"]),
            "project": stored(content["project"]),
        }
    )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write(file: Path, document: Mapping[str, Any]) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(document, stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
