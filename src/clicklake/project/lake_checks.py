"""Whether a lake is whole: its folder, format, tables, files, releases, and the balance of its ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from clicklake.build.release import releases
from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.errors import ClicklakeError, FormatVersionError, UnknownNameError
from clicklake.project.doctor import Finding, human, space
from clicklake.quality.ledger import SourceLedger, read_ledger, recount
from clicklake.refine.plan import ROUND
from clicklake.refine.registry import CONTRACTS
from clicklake.refine.settle import LEDGER, QUARANTINE
from clicklake.storage import Snapshot, Store
from clicklake.storage.places import Folder, Place, place, sizes
from clicklake.storage.store import FORMAT_MARK, FORMAT_VERSION

if TYPE_CHECKING:
    from clicklake.lake import Lake

_COUNTED = ("rows_ingested", "loaded", "duplicates", "quarantined", "withdrawn")
_RELEASES = 20
"""So many of the newest are looked at."""

_REPAIR = {
    "gold": "clicklake build --full makes it anew from silver",
    "ops": "restore the file from a backup",
    "silver": "restore the file from a backup; else make a new lake from the source files",
    "bronze": "restore the file from a backup; else make a new lake from the source files",
}


def check_lake(lake: Lake) -> Iterator[Finding]:
    """All checks of a lake; where its folder isn't there, that alone."""
    where = place(lake.path, lake.store.options)
    reached = list(check_folder(Path(where.root)) if isinstance(where, Folder) else check_prefix(where))
    yield from reached
    if not isinstance(where, Folder) and any(finding.status == "problem" for finding in reached):
        return
    if not lake.store.names():
        advice = "clicklake run click_events=PATH, or clicklake demo"
        yield Finding("lake", "tables", "ok", "the lake has no tables yet", advice)
        return
    yield from check_format(lake.store)
    damaged = list(check_tables(lake.store))
    yield from damaged
    yield from check_releases(lake.store)
    unfinished = list(check_intent(lake.store))
    yield from unfinished
    if unfinished:
        advice = "clicklake run, then clicklake doctor again"
        yield Finding("lake", "ledger", "warning", "is not counted while a refine is unfinished", advice)
        return
    engine = lake.engine()
    try:
        yield from check_ledger(lake.store, engine, lake.catalogue)
    finally:
        engine.close()


def check_folder(folder: Path) -> Iterator[Finding]:
    """Whether the lake's folder is there, can be written, and has room."""
    nearest = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    if not nearest.is_dir():
        yield Finding("lake", "folder", "problem", f"{nearest} is a file, not a folder", "name another with --lake")
        return
    probe = nearest / f".clicklake-doctor-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        detail = f"{nearest} can't be written: {error.strerror}"
        yield Finding("lake", "folder", "problem", detail, "change its owner or its rights")
        return
    there = f"{folder} can be written" if nearest == folder else f"{folder} is not there yet; the first run makes it"
    yield Finding("lake", "folder", "ok", there)
    yield space("lake", "disk", nearest, "make room: clicklake needs about twice the space of its largest table")


def check_prefix(where: Place) -> Iterator[Finding]:
    """Whether an object store can be listed, written, read and cleaned up under the lake's prefix."""
    name = f".clicklake-doctor-{os.getpid()}"
    try:
        where.folders()
        draft = where.create(name)
        if isinstance(draft.sink, pa.NativeFile):
            draft.sink.write(b"clicklake")
        draft.complete()
        was_read = where.read(name) == b"clicklake"
        where.delete(name)
    except OSError as error:
        advice = "look at AWS_ENDPOINT_URL, AWS_REGION and the keys; they may list, read, write and delete there"
        yield Finding("lake", "object store", "problem", str(error), advice)
        return
    if was_read:
        yield Finding("lake", "object store", "ok", f"{where.root} can be listed, written, read and cleaned up")
    else:
        yield Finding("lake", "object store", "problem", f"{where.root}: what was written is not what is read")


def check_format(store: Store) -> Iterator[Finding]:
    """Whether this program knows the lake's format."""
    try:
        store.check_format(CONTRACTS)
        snapshot = store.find(CONTRACTS)
    except FormatVersionError as error:
        yield Finding("lake", "format", "problem", str(error))
        return
    except ClicklakeError as error:
        yield Finding("lake", "format", "problem", str(error), _REPAIR["ops"])
        return
    found = snapshot.mark(FORMAT_MARK, FORMAT_VERSION) if snapshot else FORMAT_VERSION
    yield Finding("lake", "format", "ok", f"version {found}; this clicklake knows versions up to {FORMAT_VERSION}")


def check_tables(store: Store) -> Iterator[Finding]:
    """Whether each table opens, and its data files are there in their full size."""
    rows = size = tables = 0
    for name in store.names():
        advice = _REPAIR.get(name.partition(".")[0], "")
        try:
            snapshot = store.open(name)
            faults = missing_files(snapshot)
            own = snapshot.size
        except ClicklakeError as error:
            yield Finding("lake", name, "problem", _first_line(error), advice)
            continue
        if faults:
            yield Finding("lake", name, "problem", _listed(faults), advice)
        else:
            tables, rows, size = tables + 1, rows + own[0], size + own[1]
    if tables:
        yield Finding("lake", "tables", "ok", f"{tables} tables are whole: {rows:,} rows, {human(size)}")


def missing_files(snapshot: Snapshot) -> list[str]:
    """The data files of a table's version that are not there, or not in the size that the log knows."""
    faults = []
    for path, found in sizes(snapshot.place, list(snapshot.paths)).items():
        expected = snapshot.paths[path][0]
        if found is None:
            faults.append(f"data file {snapshot.uri(path)} is missing")
        elif found != expected:
            faults.append(f"data file {snapshot.uri(path)} has {found:,} bytes instead of {expected:,}")
    return faults


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _listed(faults: list[str]) -> str:
    more = f", and {len(faults) - 1:,} more" if len(faults) > 1 else ""
    return f"{faults[0]}{more}"


def check_releases(store: Store) -> Iterator[Finding]:
    """Whether the files of the newest release are there; an older one may have lost its files to vacuum."""
    try:
        known = releases(store)
    except (ClicklakeError, OSError) as error:
        yield Finding("lake", "releases", "problem", _first_line(error), _REPAIR["ops"])
        return
    if not known:
        yield Finding("lake", "releases", "ok", "nothing is published yet", "clicklake run publishes")
        return
    newer = known[-_RELEASES:]
    broken = {release.release_id: faults for release in newer if (faults := _faults(store, release.versions))}
    newest = known[-1].release_id
    if newest in broken:
        yield Finding("lake", "releases", "problem", f"release {newest}, which readers see: {_listed(broken[newest])}")
    else:
        detail = f"release {newest} of {known[-1].released_at:%Y-%m-%d %H:%M} UTC is whole"
        yield Finding("lake", "releases", "ok", detail)
    older = [release for release in broken if release != newest]
    if older:
        why = _listed(broken[older[-1]])
        detail = f"{len(older)} of the last {len(newer)} can't be read any more, such as {older[-1]}: {why}"
        yield Finding("lake", "older releases", "warning", detail)


def _faults(store: Store, versions: Mapping[str, int]) -> list[str]:
    faults: list[str] = []
    for name, version in versions.items():
        try:
            faults += missing_files(store.open(name, version))
        except ClicklakeError as error:
            faults.append(_first_line(error))
    return faults


def check_intent(store: Store) -> Iterator[Finding]:
    """Whether a refine was begun and not finished."""
    try:
        quarantine, ledger = store.find(QUARANTINE), store.find(LEDGER)
    except ClicklakeError:
        return  # told with the tables
    if quarantine is None:
        return
    begun, done = quarantine.mark(ROUND), ledger.mark(ROUND) if ledger else 0
    if begun > done:
        detail = f"round {begun} of refine was begun, and the ledger ends with round {done}"
        yield Finding("lake", "unfinished refine", "warning", detail, "clicklake run finishes it; nothing is lost")


def check_ledger(store: Store, engine: Engine, catalogue: Catalogue) -> Iterator[Finding]:
    """Whether each row has one fate, by the ledger and counted again in the tables."""
    try:
        entries = read_ledger(store, engine)
    except (ClicklakeError, OSError) as error:
        yield Finding("lake", "ledger", "problem", _first_line(error), _REPAIR["ops"])
        return
    for entry in entries:
        yield _balance(store, engine, catalogue, entry)


def _balance(store: Store, engine: Engine, catalogue: Catalogue, entry: SourceLedger) -> Finding:
    check = f"ledger of {entry.source}"
    if not entry.is_balanced:
        detail = f"does not balance: {entry.row()}"
        return Finding("lake", check, "problem", detail, "report it with the lake's ops tables; restore a backup")
    try:
        counted = recount(store, engine, catalogue, entry.source)
    except UnknownNameError as error:
        advice = "bring the contract back; the rows stay, but are not counted"
        return Finding("lake", check, "warning", str(error), advice)
    except (ClicklakeError, OSError) as error:
        return Finding("lake", check, "problem", f"can't be counted again: {_first_line(error)}")
    differences = [
        f"{name} {getattr(entry, name):,} in the ledger, {getattr(counted, name):,} in the tables"
        for name in _COUNTED
        if getattr(entry, name) != getattr(counted, name)
    ]
    if differences:
        advice = "tables were changed by another program, or lost rows; restore a backup"
        return Finding("lake", check, "problem", "; ".join(differences), advice)
    fates = " + ".join(f"{getattr(entry, name):,} {name}" for name in _COUNTED[1:])
    return Finding("lake", check, "ok", f"{entry.rows_ingested:,} rows = {fates}, counted again")
