"""Values of settings on their way: nested or by their path, absolute, and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from clicklake.contracts.explain import Keys, dotted
from clicklake.settings import PATH_KEYS

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_USER = re.compile(r"(?<=://)[^\s/@]*:\S*@|(?<!abfs://)(?<!abfss://)(?<!wasbs://)(?<=://)[^\s/@]+@")
_URL_KEY = re.compile(r"([?&][^=&\s]*(?:key|secret|token|password|sig)[^=&\s]*=)[^&\s']+", re.IGNORECASE)
MASK = "***"


def is_path(path: Keys) -> bool:
    """Whether a setting holds paths or URLs."""
    return any(fnmatchcase(dotted(path), pattern) for pattern in PATH_KEYS)


def absolute(path: Keys, value: Any, base: Path) -> Any:  # noqa: ANN401
    """A value; where it is the path of a file, from its base."""
    if isinstance(value, (list, tuple)):
        return [absolute(path, item, base) for item in value]
    if not isinstance(value, (str, Path)) or not is_path(path) or not str(value) or _URL.match(str(value)):
        return value
    return os.path.abspath(base / os.path.expanduser(value))


def without_secrets(value: Any) -> Any:  # noqa: ANN401
    """A text, or each text of a list, without users, passwords and keys in URLs."""
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, str):
        return value
    return _URL_KEY.sub(rf"\1{MASK}", _USER.sub(f"{MASK}@", value))


def flat(data: Mapping[Any, Any], at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The values of nested mappings by their path."""
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, (*at, key))
        else:
            yield (*at, key), value


def nested(values: Iterable[tuple[Keys, Any]]) -> dict[str, Any]:
    """Nested mappings of values by their path; what lies below a plain value is dropped."""
    root: Any = {}
    for path, value in values:
        inside = root
        for part in path[:-1]:
            inside = inside.setdefault(part, {}) if isinstance(inside, dict) else inside
        if isinstance(inside, dict):
            inside[path[-1]] = {} if value == {} else value  # its own, to be filled by those below
    return dict(root)
