"""The folder of the site: only files that were made here are ever replaced or removed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from clicklake.errors import UsageError

MARKER = ".clicklake-docs.json"
"""Names the files of the site; a folder that has it was made here."""

_UNFINISHED = ".unfinished"
_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)*")


def write_site(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write files into a folder, each whole; remove those of the last time that are no longer there.

    Args:
        folder: New, empty, or made here before.
        files: Texts by path in the folder.

    Returns:
        The paths that were removed.

    Raises:
        UsageError: The folder has files that were not made here.
    """
    own = _own(folder)
    foreign = [name for name in files if name not in own and (folder / name).exists()]
    if foreign:
        raise UsageError(
            f"{folder}: {foreign[0]} is there and was not made by clicklake; move it, or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # First the names, then the files: whatever is interrupted, each file stands in the marker.
    _mark(folder, {*own, *files})
    for name, text in files.items():
        _replace(folder / name, text)
    gone = sorted(own - set(files))
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    _mark(folder, set(files))
    return gone


def _own(folder: Path) -> set[str]:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder for the site")
    if not folder.exists() or all(entry.name.endswith(_UNFINISHED) for entry in folder.iterdir()):
        return set()
    marker = folder / MARKER
    try:
        names = list(json.loads(marker.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{folder} is not empty and was not made by `clicklake docs build`; name a new or empty folder"
        ) from None
    return {name for name in names if isinstance(name, str) and _NAME.fullmatch(name) and ".." not in name}


def _mark(folder: Path, names: set[str]) -> None:
    told = {"made_by": "clicklake docs build", "files": sorted(names)}
    _replace(folder / MARKER, json.dumps(told, indent=1) + "\n")


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}{_UNFINISHED}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, file)
