"""Folders that a command fills: only files that it made itself are ever replaced or removed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from clicklake.errors import UsageError

MARKER = ".made-by-clicklake.json"
"""Names the command and its files; a folder that has it was made by that command."""

_UNFINISHED = ".unfinished"
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")


def on_this_machine(path: Path) -> Path:
    """The same path; only the lake and its sources may lie on an object store.

    Raises:
        UsageError: It was a URL, of which `Path` makes a folder's name.
    """
    if _URL.match(str(path)):
        raise UsageError(f"{path}: name a folder of this machine; an object store holds the lake and sources alone")
    return path


def fill(folder: Path, files: Mapping[str, str], command: str) -> list[str]:
    """Write files into a folder, each whole; remove those of the last time that are no longer there.

    Args:
        folder: New, empty, or made by the command before.
        files: Texts by path in the folder.
        command: What makes it, such as `clicklake docs build`.

    Returns:
        The paths that were removed.

    Raises:
        UsageError: The folder has files that the command did not make.
    """
    own = _own(on_this_machine(folder), command)
    foreign = [name for name in files if name not in own and (folder / name).exists()]
    if foreign:
        raise UsageError(
            f"{folder}: {foreign[0]} is there and was not made by clicklake; move it, or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # First the names, then the files: whatever is interrupted, each file stands in the marker.
    _mark(folder, {*own, *files}, command)
    for name, text in files.items():
        _replace(folder / name, text)
    gone = sorted(own - set(files))
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    _mark(folder, set(files), command)
    return gone


def _own(folder: Path, command: str) -> set[str]:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    if not folder.exists() or all(entry.name.endswith(_UNFINISHED) for entry in folder.iterdir()):
        return set()
    marker = folder / MARKER
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
        names = list(told["files"]) if told["made_by"] == command else None
    except (OSError, ValueError, KeyError, TypeError):
        names = None
    if names is None:
        raise UsageError(f"{folder} is not empty and was not made by `{command}`; name a new or empty folder")
    return {name for name in names if isinstance(name, str) and _NAME.fullmatch(name) and ".." not in name.split("/")}


def _mark(folder: Path, names: set[str], command: str) -> None:
    told = {"made_by": command, "files": sorted(names)}
    _replace(folder / MARKER, json.dumps(told, indent=1) + "\n")


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}{_UNFINISHED}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, file)
