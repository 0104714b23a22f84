"""Whether everything works: the installation, the settings, the engine; `lake_checks` looks at the lake."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clicklake._version import __version__
from clicklake.errors import ClicklakeError

if TYPE_CHECKING:
    from clicklake.config import LoadedSettings, Settings

Status = Literal["ok", "warning", "problem"]

OLDEST_PYTHON = (3, 10)
LEAST_SPACE = 1 << 30
"""Free bytes below which it is said; a tenth of it is a problem."""

_SIZE = re.compile(r"([\d.]+) ?([KMGT])(i?)B", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        area: installation, settings, engine, project or lake.
        check: What was looked at.
        status: ok, warning or problem.
        detail: What was found.
        advice: What to do; empty where nothing is.
    """

    area: str
    check: str
    status: Status
    detail: str
    advice: str = ""

    def row(self) -> dict[str, Any]:
        """For showing."""
        return asdict(self)


def diagnose(
    *,
    lake: str | None = None,
    config: Path | None = None,
    profile: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> list[Finding]:
    """Look at everything; what is broken is a finding, never an error.

    Args:
        lake: As --lake.
        config: As --config.
        profile: As --profile.
        overrides: Settings by dotted key.
    """
    from clicklake.config import Settings, load_settings

    given = {"lake": lake, **(overrides or {})}
    findings = list(installation())
    try:
        loaded = load_settings(config=config, profile=profile, overrides=given)
    except ClicklakeError as error:
        findings.append(Finding("settings", "settings", "problem", str(error), "correct it; TEMPLATE: clicklake init"))
        return [*findings, *engine(Settings())]
    findings += settings(loaded)
    findings += engine(loaded.settings)
    if loaded.settings.engine == "spark":
        from clicklake.project.spark_checks import spark

        findings += spark(loaded.settings)
    return [*findings, *_lake(lake, config, profile, overrides)]


def _lake(
    path: str | None, config: Path | None, profile: str | None, overrides: Mapping[str, object] | None
) -> Iterator[Finding]:
    from clicklake.lake import Lake
    from clicklake.project.lake_checks import check_lake
    from clicklake.project.project_checks import check_project

    try:
        lake = Lake(path, config=config, profile=profile, overrides=overrides)
    except (ClicklakeError, OSError) as error:
        yield Finding("lake", "opens", "problem", str(error))
        return
    if lake.loaded.project:
        yield from check_project(lake, lake.loaded.project)
    yield from check_lake(lake)


def installation() -> Iterator[Finding]:
    """Python, clicklake and the libraries that it needs."""
    version = ".".join(map(str, sys.version_info[:3]))
    is_new = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    advice = "" if is_new else f"install Python {oldest} or newer"
    detail = f"Python {version} ({sys.executable})"
    yield Finding("installation", "python", "ok" if is_new else "problem", detail, advice)
    yield Finding("installation", "clicklake", "ok", f"clicklake {__version__}")
    try:
        required = metadata.requires("clicklake") or []
    except metadata.PackageNotFoundError:
        detail = "clicklake runs without being installed; which libraries it needs is not known"
        yield Finding("installation", "libraries", "warning", detail, "pip install clicklake")
        return
    yield from libraries(required)


def libraries(required: list[str]) -> Iterator[Finding]:
    """Whether libraries are there in the versions that are needed.

    Args:
        required: Requirements such as `duckdb>=1.5.5,<3`; those of extras are passed over.
    """
    from packaging.requirements import Requirement

    fine = []
    for text in required:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        advice = f"pip install '{requirement.name}{requirement.specifier}'"
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Finding("installation", requirement.name, "problem", "is not installed", advice)
            continue
        if requirement.specifier.contains(found, prereleases=True):
            fine.append(f"{requirement.name} {found}")
        else:
            detail = f"version {found}; clicklake needs {requirement.specifier}"
            yield Finding("installation", requirement.name, "problem", detail, advice)
    if fine:
        yield Finding("installation", "libraries", "ok", ", ".join(fine))


def settings(loaded: LoadedSettings) -> Iterator[Finding]:
    """The file, the profile, and each value that is not the default with where it comes from."""
    if loaded.file is None:
        detail = "no clicklake.yaml here or above: defaults, variables and flags alone"
        yield Finding("settings", "file", "ok", detail, "clicklake init DIR makes a project")
    else:
        profile = f", profile {loaded.profile}" if loaded.profile else ""
        yield Finding("settings", "file", "ok", f"{loaded.file}{profile}")
    for key, value in _flat(loaded.shown()):
        if (origin := loaded.origin.get(key, "default")) != "default":
            yield Finding("settings", key, "ok", f"{value} (from {origin})")
    for name in loaded.settings.sources:
        yield from _paths(name, loaded.settings.sources[name].paths)


def _paths(source: str, paths: list[str]) -> Iterator[Finding]:
    import glob

    for path in paths:
        if "://" not in path and not glob.glob(path, recursive=True):
            advice = "correct the path, or bring the files"
            yield Finding("settings", f"sources.{source}.paths", "warning", f"nothing is at {path}", advice)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def engine(chosen: Settings) -> Iterator[Finding]:
    """Whether DuckDB starts with these settings, runs a query, and has room to spill."""
    from clicklake.engines.duckdb import DuckDB

    limits = chosen.duckdb
    try:
        started = DuckDB(limits.memory_limit, limits.threads, limits.temp_directory, chosen.reporting_timezone)
    except (ClicklakeError, OSError) as error:
        advice = "look at duckdb.temp_directory and duckdb.memory_limit of the settings"
        yield Finding("engine", "starts", "problem", str(error), advice)
        return
    try:
        version, threads = started.rows("select version(), current_setting('threads')")[0]
        started.rows(
            "select json_extract_string('{}', '$.a'), cast(timezone('UTC', timestamp '2024-01-01') as varchar)"
        )
        detail = f"DuckDB {version}, {threads} threads, {limits.memory_limit} of memory"
        yield Finding("engine", "runs a query", "ok", detail)
        yield from memory(limits.memory_limit, _machine_memory())
        yield _spill(started.spill)
    except ClicklakeError as error:
        yield Finding("engine", "runs a query", "problem", str(error), "pip install --force-reinstall duckdb")
    finally:
        started.close()


def memory(limit: str, machine: int | None) -> Iterator[Finding]:
    """A warning where the engine may take more memory than there is.

    Args:
        limit: As the settings have it, for example `1GB`.
        machine: Bytes of this machine; None where that is not known.
    """
    found = _SIZE.fullmatch(limit)
    if not found or not machine:
        return
    base = 1024 if found[3] else 1000
    size = float(found[1]) * base ** ("KMGT".index(found[2].upper()) + 1)
    if size > 0.9 * machine:
        detail = f"duckdb.memory_limit is {limit}, this machine has {human(machine)}"
        yield Finding("engine", "memory", "warning", detail, "set duckdb.memory_limit lower, so that it spills in time")


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _spill(folder: Path) -> Finding:
    try:
        probe = folder / "doctor"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        advice = "set duckdb.temp_directory to a folder with room"
        return Finding("engine", "spill folder", "problem", f"{folder.parent}: {error.strerror}", advice)
    return space("engine", "spill folder", folder.parent, "set duckdb.temp_directory to a folder with room")


def space(area: str, check: str, folder: Path, advice: str) -> Finding:
    """The free space of a folder's disk."""
    free = shutil.disk_usage(folder).free
    status: Status = "problem" if free < LEAST_SPACE // 10 else "warning" if free < LEAST_SPACE else "ok"
    return Finding(area, check, status, f"{folder}: {human(free)} free", "" if status == "ok" else advice)


def human(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit != "bytes" else f"{size:.0f} bytes"
        size /= 1000
    return f"{size:.1f} TB"
