"""Bringing a lake back from a backup: whole, or not at all."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from clicklake.backup import manifest
from clicklake.backup.manifest import Backup
from clicklake.errors import StorageError, UsageError
from clicklake.storage import Store


@dataclass(frozen=True)
class BroughtBack:
    """A lake that was brought back.

    Args:
        backup: What was in the backup.
        lake: Where the lake is now.
        project: Where the project's files are now; None where they were not asked for.
    """

    backup: Backup
    lake: Path
    project: Path | None


def restore_backup(folder: Path, lake: Path, backup_id: str | None = None, project: Path | None = None) -> BroughtBack:
    """Copy a backup to a new lake.

    The lake is put together beside its place and moved there when it is complete and every file is what was backed
    up. A folder whose name ends in `.restoring` is what a killed restore leaves; the next one removes it.

    Args:
        folder: The backups.
        lake: Where the lake goes; nothing may be there but an empty folder.
        backup_id: Else the newest.
        project: Where the project's settings, contracts, models and reports go; files that differ are not replaced.

    Raises:
        UsageError: There is something where the lake or a file of the project goes.
        UnknownNameError: There is no such backup.
        StorageError: The backup is damaged, or the lake can't be written.
    """
    backup = manifest.read(folder, backup_id)
    if lake.exists() and (not lake.is_dir() or any(lake.iterdir())):
        raise UsageError(f"{lake} is not empty; name a new folder with --lake, or move that one away")
    objects = manifest.objects(folder)
    missing = [path for path, stored in {**backup.files, **backup.project}.items() if not objects.holds(stored)]
    if missing:
        raise StorageError(f"the backup is damaged: {missing[0]} is missing, and {len(missing) - 1:,} others")
    wanted = _project_files(backup, project)
    staging = lake.with_name(f"{lake.name}.restoring")
    try:
        shutil.rmtree(staging, ignore_errors=True)
        for path, stored in backup.files.items():
            objects.take(stored, staging / path)
        _check(staging, backup)
        for path in wanted:
            objects.take(backup.project[path], (project or lake) / path)
        staging.replace(lake)
    except OSError as error:
        raise StorageError(f"{lake} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return BroughtBack(backup, lake, project)


def _project_files(backup: Backup, project: Path | None) -> list[str]:
    """The project's files that are not there yet.

    Raises:
        UsageError: One is there with another content.
    """
    wanted = []
    for path, stored in backup.project.items() if project else ():
        file = Path(project or "") / path
        if not file.exists():
            wanted.append(path)
        elif not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != stored.sha256:
            raise UsageError(f"{file} is there and differs from the backup's; name another folder with --project")
    return wanted


def _check(root: Path, backup: Backup) -> None:
    """See that the tables open, with the rows that they had."""
    store = Store(str(root))
    for name, state in backup.tables.items():
        snapshot = store.open(name)
        if (snapshot.version, snapshot.size[0]) != (state.version, state.rows):
            raise StorageError(
                f"the backup is damaged: {name} has {snapshot.size[0]:,} rows in version {snapshot.version}, "
                f"not {state.rows:,} in version {state.version}"
            )
