"""Loads the settings: defaults, file, profile, environment and flags, each over the one before."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from clicklake.config_values import MASK, absolute, flat, is_path, nested, without_secrets
from clicklake.contracts.explain import Keys, Problem, as_error, closest, dotted, explain, schemas_at
from clicklake.contracts.strict_yaml import Document, read_document, validate
from clicklake.errors import ConfigError
from clicklake.settings import Settings, settings_reference

__all__ = [
    "FILE_NAME",
    "LoadedSettings",
    "Settings",
    "load_settings",
    "settings_reference",
    "without_secrets",
]

FILE_NAME = "clicklake.yaml"

_PREFIX = "CLICKLAKE_"
_NO_SETTINGS = ("CLICKLAKE_CONFIG", "CLICKLAKE_PROFILE", "CLICKLAKE_DEBUG")
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")


class _FileKeys(BaseModel):
    """What the file has beside the settings."""

    profile: str | None = None
    profiles: dict[str, dict[str, object] | None] = {}


class _FileSettings(_FileKeys, Settings):
    """All that the file may hold."""


@dataclass(frozen=True)
class _Source:
    """Where a value comes from: the name of a variable or flag, or a block of the file."""

    name: str = ""
    document: Document | None = None
    block: Keys = ()

    def origin(self, path: Keys) -> str:
        if self.document is None:
            return self.name
        return f"{Path(self.document.file).name}:{self.document.line_of((*self.block, *path))}"

    def problem(self, path: Keys, message: str) -> Problem:
        message = without_secrets(message)
        if self.document is None:
            return Problem(path, f"{self.name}: {message}")
        return Problem(path, message, self.document.file, self.document.line_of((*self.block, *path)))

    def error(self, path: Keys, message: str) -> ConfigError:
        return as_error([self.problem(path, message)], ConfigError)


@dataclass(frozen=True)
class _Entry:
    """A value, where it comes from, and what is shown in its place."""

    value: object
    source: _Source
    shown: object = None


_Layer = Iterator[tuple[Keys, _Entry]]


@dataclass(frozen=True)
class LoadedSettings:
    """The settings that hold, and where each comes from.

    Args:
        settings: The settings; their paths are absolute.
        file: The file that was read.
        profile: The profile of the file that was applied.
        origin: By dotted key: `default`, `clicklake.yaml:LINE`, the variable or the flag.
    """

    settings: Settings = field(repr=False)
    file: Path | None
    profile: str | None
    origin: Mapping[str, str] = field(repr=False)
    _shown: Mapping[Keys, object] = field(default_factory=dict, repr=False)

    @property
    def project(self) -> Path | None:
        """The folder of the file."""
        return self.file.parent if self.file else None

    def shown(self) -> dict[str, Any]:
        """The settings as plain values, without secrets.

        A path from the environment is masked, or shown as the file has it (`${NAME}`); in URLs, so are users,
        passwords and keys.
        """
        values = flat(self.settings.model_dump(mode="json"))
        return nested((path, without_secrets(self._shown.get(path, value))) for path, value in values)


def load_settings(
    *,
    config: Path | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    start: Path | None = None,
) -> LoadedSettings:
    """Load the settings; each layer goes over the one before: file, profile, environment, flags.

    Args:
        config: The file; else CLICKLAKE_CONFIG, else `clicklake.yaml` in `start` or the nearest folder above.
        profile: The profile; else CLICKLAKE_PROFILE, else what the file names.
        environ: The environment; by default the process's. A CLICKLAKE_ variable without text is not set.
        overrides: Values of flags by dotted key, such as `duckdb.threads`; null ones are not given.
        start: Where relative paths of the environment and flags start; by default the current folder.

    Raises:
        ConfigError: A key or value is wrong; it names the file and line, the variable or the flag.
    """
    environ = os.environ if environ is None else environ
    own = {name: text for name, text in environ.items() if name.startswith(_PREFIX) and text}
    folder = Path(os.path.abspath(start or "."))
    profile, by = (profile, "--profile") if profile else (own.get("CLICKLAKE_PROFILE"), "CLICKLAKE_PROFILE")
    file = _find_file(config, own, folder)
    lake = absolute(("lake",), Settings.model_fields["lake"].default, file.parent if file else folder)
    entries: dict[Keys, _Entry] = {("lake",): _Entry(lake, _Source("default"))}
    if file:
        document = read_document(file, error=ConfigError, allow_empty=True)
        profile = _profile_in(document, profile, by, environ)
        _put(entries, _from_file(document, (), environ))
        _put(entries, _from_file(document, ("profiles", profile), environ) if profile else iter(()))
    elif profile:
        raise ConfigError(f"{by}: no profile {profile!r}: there is no {FILE_NAME} in {folder} or above")
    _put(entries, _from_environment(own, folder))
    _put(entries, _from_flags(overrides or {}, folder))
    settings = _validated(entries)
    leaves = [path for path, _ in flat(settings.model_dump())]
    return LoadedSettings(
        settings=settings,
        file=file,
        profile=profile,
        origin={dotted(at): entries[at].source.origin(at) if at in entries else "default" for at in leaves},
        _shown={path: entry.shown for path, entry in entries.items() if entry.shown is not None},
    )


def _find_file(config: Path | None, own: Mapping[str, str], folder: Path) -> Path | None:
    named, by = (config, "--config") if config else (own.get("CLICKLAKE_CONFIG"), "CLICKLAKE_CONFIG")
    if named is None:
        candidates = (parent / FILE_NAME for parent in (folder, *folder.parents))
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    file = Path(os.path.abspath(folder / os.path.expanduser(named)))
    if not file.is_file():
        raise ConfigError(f"there is no such file; {by} names it", file=str(file))
    return file


def _profile_in(document: Document, name: str | None, by: str, environ: Mapping[str, str]) -> str | None:
    """The profile to apply: the one asked for, else the one that the file names."""
    head = validate(_FileKeys, document, error=ConfigError)
    source = _Source(by)
    if not name:
        source = _Source(document=document)
        name = _filled(head.profile, source, ("profile",), environ)
    if name and name not in head.profiles:
        defined = ", ".join(head.profiles) or "none"
        where = "" if source.document else f" in {document.file}"
        raise source.error(
            ("profile",),
            f"there is no profile {name!r}{where}{closest(name, head.profiles)}; defined: {defined}",
        )
    return name


def _from_file(document: Document, block: Keys, environ: Mapping[str, str]) -> _Layer:
    source = _Source(document=document, block=block)
    data: Any = document.data
    for part in block:
        data = data[part] or {}
    for path, raw in flat(data):
        if path[0] in _FileKeys.model_fields:
            if block:
                raise source.error(path[:1], f"a profile can't hold {path[0]!r}")
            continue
        value = _filled(raw, source, path, environ)
        shown = raw if is_path(path) and value != raw else None
        yield path, _Entry(absolute(path, value, Path(document.file).parent), source, shown)


def _from_environment(own: Mapping[str, str], folder: Path) -> _Layer:
    for name in sorted(own.keys() - set(_NO_SETTINGS)):
        path, source = tuple(name[len(_PREFIX) :].lower().split("__")), _Source(name)
        types = {schema.get("type") for schema in schemas_at(Settings, path)}
        if not types or name != name.upper():
            raise ConfigError(f"{name}: there is no such setting{_names_like(name)}", key=dotted(path))
        value: Any = own[name]
        if types & {"array", "object"} and value.lstrip().startswith(("[", "{")):
            try:
                value = json.loads(value)
            except ValueError as failure:
                raise source.error(path, f"{dotted(path)} is not valid JSON: {failure}") from failure
        elif "array" in types:
            value = [item.strip() for item in value.split(",") if item.strip()]
        elif "null" in types and value == "null":
            value = None
        for inner, item in flat(nested([(path, value)])):
            yield inner, _Entry(absolute(inner, item, folder), source, MASK if is_path(inner) else None)


def _names_like(variable: str) -> str:
    """The variable that was meant, or all there are."""
    parts = variable[len(_PREFIX) :].split("__")
    names = list(_NO_SETTINGS)
    for setting in settings_reference():
        words = [
            (parts[at] if at < len(parts) - 1 else "NAME") if word == "*" else word.upper()
            for at, word in enumerate(setting.key.split("."))
        ]
        names.append(_PREFIX + "__".join(words))
    return closest(variable, names, cutoff=0.8) or f"; allowed: {', '.join(names)}"


def _from_flags(overrides: Mapping[str, object], folder: Path) -> _Layer:
    given = ((tuple(key.split(".")), value) for key, value in overrides.items() if value is not None)
    for path, value in (leaf for one in given for leaf in flat(nested([one]))):
        flag = "--" + dotted(path).replace("logs.level", "log-level").replace(".", "-").replace("_", "-")
        name = f"{path[1]}=PATH" if fnmatchcase(dotted(path), "sources.*.paths") else flag
        yield path, _Entry(absolute(path, value, folder), _Source(name))


def _put(entries: dict[Keys, _Entry], layer: _Layer) -> None:
    """Put a layer over what is there; an empty section changes nothing in it."""
    for path, entry in layer:
        below = [other for other in entries if other[: len(path)] == path]
        if entry.value in (None, {}) and any(s.get("type") == "object" for s in schemas_at(Settings, path)):
            if below:
                continue
            entry = _Entry({}, entry.source)
        for other in below:
            del entries[other]
        entries[path] = entry


def _validated(entries: Mapping[Keys, _Entry]) -> Settings:
    data = nested((path, entry.value) for path, entry in entries.items())
    try:
        return Settings.model_validate(data)
    except ValidationError as failure:
        found = explain(_FileSettings, data, failure)
        raise as_error(
            [_source_of(entries, path).problem(path, text) for path, text in found.items()], ConfigError
        ) from failure


def _source_of(entries: Mapping[Keys, _Entry], path: Keys) -> _Source:
    """Where a value or the nearest one above comes from; for a section, its newest value."""
    for length in range(len(path), 0, -1):
        entry = entries.get(path[:length])
        if entry and entry.value != {}:
            return entry.source
    return [entry.source for other, entry in entries.items() if other[: len(path)] == path][-1]


def _filled(value: Any, source: _Source, path: Keys, environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    """A text, or each text of a list, with `${NAME}` replaced from the environment."""
    if isinstance(value, list):
        return [_filled(item, source, (*path, at), environ) for at, item in enumerate(value)]

    def replaced(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if found[0] == "$${":
            return "${"
        if name is None:
            raise source.error(
                path, f"{dotted(path)}: write ${{NAME}}, ${{NAME:-default}}, or $${{ for the sign itself"
            )
        text = environ.get(name)
        if text is None and default is None:
            raise source.error(
                path, f"{dotted(path)}: the variable {name} is not set; set it or write ${{{name}:-default}}"
            )
        return text or default or ""

    return _VARIABLE.sub(replaced, value) if isinstance(value, str) else value
