"""Taking a backup, while runs and readers go on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from clicklake import _version
from clicklake.backup import manifest
from clicklake.backup.manifest import Backup, TableState
from clicklake.backup.objects import Objects, Stored
from clicklake.build.needed import consumed
from clicklake.build.release import releases
from clicklake.config import FILE_NAME
from clicklake.errors import ConflictError, StorageError, UnknownNameError, UsageError
from clicklake.runs import new_run_id
from clicklake.storage import Snapshot, Store, log

_PROJECT_FOLDERS = ("sources", "models", "reports")
_LOG_FILE = re.compile(r"(\d{20})\.(json|checkpoint(\.\d{10}\.\d{10})?\.parquet)")
_TRIES = 200
_WAIT_SECONDS = 0.05


@dataclass(frozen=True)
class Taken:
    """A backup that was taken.

    Args:
        backup: What is in it.
        new_files: Files that had to be copied; the others were there from an earlier one.
        new_bytes: Their bytes.
    """

    backup: Backup
    new_files: int
    new_bytes: int


def take_backup(store: Store, folder: Path, config: Path | None = None) -> Taken:
    """Copy a lake's tables as they all stood at one moment, and its project.

    Data files never change and the log only grows: what is copied is the log up to that moment and the files that it
    names. A state of one moment is that of a run that was killed then, and the next run goes on from it.

    Args:
        store: The lake.
        folder: An empty or new folder, or one with earlier backups: what these hold is not copied again.
        config: The project's settings file.

    Raises:
        UsageError: The folder can't be used.
        UnknownNameError: The lake has no tables.
        ConflictError: Writers never paused.
        StorageError: A file can't be copied.
    """
    if not store.is_local:
        raise UsageError(
            "only a lake in a folder is backed up by clicklake; for one on an object store, turn the bucket's "
            "versioning on, or copy it with the store's own tools while no run goes on"
        )
    if folder.resolve().is_relative_to(Path(store.root).resolve()):
        raise UsageError(f"{folder} is in the lake; put backups elsewhere, best on another disk")
    if not store.names():
        raise UnknownNameError(f"there are no tables in the lake {store.root}; nothing to back up")
    manifest.prepare(folder)
    objects = manifest.objects(folder)
    objects.sweep()
    versions = standing(store)
    earlier = manifest.backups(folder)
    copier = _Copier(objects, manifest.read(folder, earlier[-1]).files if earlier else {})
    tables, files = _copy_tables(store, versions, copier)
    known = releases(store, versions.get("ops.releases", -1))
    backup = Backup(
        backup_id=new_run_id(),
        taken_at=datetime.now(timezone.utc),
        clicklake=_version.__version__,
        lake=store.root,
        release=known[-1].release_id if known else None,
        tables=tables,
        files=files,
        project={path: copier.copy(file) for path, file in _project(config)},
    )
    manifest.write(folder, backup)
    return Taken(backup, copier.new_files, copier.new_bytes)


def standing(store: Store) -> dict[str, int]:
    """The versions that all tables had at one moment.

    They were read twice and were the same: between the two they were all so.

    Raises:
        ConflictError: Writers never paused.
    """
    before: dict[str, int] = {}
    for _ in range(_TRIES):
        now = {}
        for name in store.names():
            there = log.versions(log.folder(store, name))
            if there:
                now[name] = there[-1]
        if now == before:
            return now
        before = now
        time.sleep(_WAIT_SECONDS)
    raise ConflictError("runs commit all the time: no moment was found at which all tables stood still; try again")


class _Copier:
    """Copies files, but for those that an earlier backup has."""

    def __init__(self, objects: Objects, earlier: Mapping[str, Stored]) -> None:
        self._objects, self._earlier = objects, earlier
        self.new_files = self.new_bytes = 0

    def copy(self, file: Path) -> Stored:
        stored, is_new = self._objects.put(file)
        if is_new:
            self.new_files += 1
            self.new_bytes += stored.size
        return stored

    def copy_data(self, file: Path, path: str) -> Stored:
        """The same for a file whose name is given out once."""
        known = self._earlier.get(path)
        if known and self._objects.holds(known) and file.stat().st_size == known.size:
            return known
        return self.copy(file)


def _copy_tables(
    store: Store, versions: Mapping[str, int], copier: _Copier
) -> tuple[dict[str, TableState], dict[str, Stored]]:
    tables: dict[str, TableState] = {}
    files: dict[str, Stored] = {}
    keep = _kept(store, versions)
    for name, version in versions.items():
        snapshot = store.open(name, version)
        place = "/".join(name.split("."))
        for file in _log_files(Path(log.folder(store, name).root), version):
            try:
                files[f"{place}/_delta_log/{file.name}"] = copier.copy(file)
            except FileNotFoundError:  # cleaned up meanwhile: a checkpoint stands for it
                continue
        for path, is_needed in _data_files(store, snapshot, keep.get(name, set())).items():
            try:
                files[f"{place}/{path}"] = copier.copy_data(Path(snapshot.uri(path)), f"{place}/{path}")
            except FileNotFoundError as error:
                if is_needed:
                    raise StorageError(f"table {name}: {path} is missing; `clicklake doctor` tells more") from error
        rows, size = snapshot.size
        tables[name] = TableState(version, rows, len(snapshot.paths), size)
    return tables, files


def _kept(store: Store, versions: Mapping[str, int]) -> dict[str, set[int]]:
    """Older versions that the next run or the readers of the newest release want."""
    found = consumed(store, versions)
    known = releases(store, versions.get("ops.releases", -1))
    for name, version in known[-1].versions.items() if known else ():
        found.setdefault(name, set()).add(version)
    return found


def _log_files(folder: Path, version: int) -> list[Path]:
    found = [(file, _LOG_FILE.fullmatch(file.name)) for file in folder.iterdir()]
    return sorted(file for file, match in found if match and int(match[1]) <= version)


def _data_files(store: Store, snapshot: Snapshot, keep: set[int]) -> dict[str, bool]:
    """Files of a version, and of older ones where they are still there; whether the backup is worth nothing without."""
    found = dict.fromkeys(snapshot.paths, True)
    for version in keep:
        if version < snapshot.version:
            try:
                older = store.open(snapshot.name, version)
            except StorageError:
                continue
            found = {**dict.fromkeys(older.paths, False), **found}
    return found


def _project(config: Path | None) -> Iterator[tuple[str, Path]]:
    """The settings, contracts, models and reports, by their path in the project."""
    if config is None:
        return
    yield FILE_NAME, config
    for name in _PROJECT_FOLDERS:
        for file in sorted((config.parent / name).rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(config.parent).parts):
                yield file.relative_to(config.parent).as_posix(), file
