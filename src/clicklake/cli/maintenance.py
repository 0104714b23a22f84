"""Commands that look after a lake: history, restore, optimize, vacuum, backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.storage.maintain import Entry


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (history, restore, optimize, vacuum, backup, restore_backup):
        app.command()(command)


def complete_table(ctx: typer.Context, incomplete: str) -> list[str]:
    """The lake's tables that begin with what was typed."""
    from clicklake.errors import ClicklakeError

    flags = ctx.find_root().params
    try:
        lake = Context(lake=flags.get("lake"), config=flags.get("config"), profile=flags.get("profile")).open()
        return [name for name in lake.store.names() if name.startswith(incomplete)]
    except ClicklakeError:
        return []


Table = Annotated[str, typer.Argument(help="For example gold.dim_users.", autocompletion=complete_table)]
TableOrNone = Annotated[str | None, typer.Argument(help="For example gold.fact_events.", autocompletion=complete_table)]
Every = Annotated[bool, typer.Option("--all", help="All tables.")]


def history(
    ctx: typer.Context,
    table: Table,
    limit: Annotated[int, typer.Option(min=1, help="Versions at the most.")] = 20,
) -> None:
    """The versions of a table: when, by which run, and what came and went."""
    context: Context = ctx.obj
    entries = context.open().history(table, limit=limit)
    if context.json:
        import json
        from dataclasses import asdict

        rows = [{**asdict(entry), "time": entry.time.isoformat().replace("+00:00", "Z")} for entry in entries]
        typer.echo(json.dumps(rows, default=str))
        return
    context.show([_line(entry) for entry in entries])


def _line(entry: Entry) -> dict[str, object]:
    """What a person looks for; fingerprints and numbers of contracts stand in the machine output."""
    told = [f"{name} {value}" for name, value in entry.note.items() if name != "rows" and value not in (None, "")]
    told += [
        f"{name.removeprefix('input:').removeprefix('read:')}@{value}"
        for name, value in entry.marks.items()
        if name.startswith(("input:", "read:")) and value >= 0
    ]
    return {
        "version": entry.version,
        "time": entry.time.replace(tzinfo=None, microsecond=0),
        "operation": entry.operation.lower(),
        "rows_added": entry.rows_added,
        "rows_removed": entry.rows_removed,
        "files_added": entry.files_added,
        "files_removed": entry.files_removed,
        "bytes_added": entry.bytes_added,
        "run": entry.run_id,
        "notes": ", ".join(told),
    }


def restore(
    ctx: typer.Context,
    table: Table,
    to: Annotated[str, typer.Option(metavar="VERSION|TIME", help="A version, or a time such as 2025-01-31T12:00.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Bring a table back to an older version; the next run brings the others in line with it."""
    context: Context = ctx.obj
    lake = context.open()
    plan = lake.restore(table, to, dry_run=True)
    rows = f"{plan.rows[0]:,} rows become {plan.rows[1]:,}"
    question = f"restore {table} from version {plan.from_version} to {plan.to_version}: {rows}"
    if not confirmed(yes, question):
        raise typer.Exit(1)
    done = lake.restore(table, plan.to_version)
    if context.json:
        from dataclasses import asdict

        context.show([asdict(done)])
        return
    context.say(
        f"{table} is as it was in version {done.to_version}: {done.rows[1]:,} rows (now version {done.version})"
    )
    context.say("next: clicklake run        brings the other tables in line; readers see the last release until then")


def confirmed(yes: bool, question: str) -> bool:
    """Whether a person agrees, now or by --yes.

    Raises:
        UsageError: Nobody can be asked.
    """
    import sys

    from clicklake.errors import UsageError

    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question}? Nobody can be asked here; add --yes")
    return typer.confirm(f"{question}?", err=True)


def optimize(
    ctx: typer.Context,
    table: TableOrNone = None,
    every: Every = False,
    sort_by: Annotated[
        str | None, typer.Option("--sort-by", metavar="COL,...", help="Sort each partition by these columns.")
    ] = None,
    zorder: Annotated[
        str | None, typer.Option("--zorder", metavar="COL,...", help="Lay each partition out by these columns at once.")
    ] = None,
    target_size: Annotated[
        str, typer.Option("--target-size", metavar="SIZE", help="Of a file, such as 64MB.")
    ] = "128MiB",
) -> None:
    """Put small files together, and sort them if asked; no row comes or goes."""
    context: Context = ctx.obj
    lake = context.open()
    done = lake.optimize(*_chosen(table, every), sort_by=_list(sort_by), zorder=_list(zorder), target_size=target_size)
    context.show(
        {
            "table": one.table,
            "version": one.version,
            "files_before": one.files[0],
            "files_after": one.files[1],
            "bytes_before": one.size[0],
            "bytes_after": one.size[1],
            "note": one.note or ("" if one.version is not None else "nothing to do"),
        }
        for one in done
    )


def vacuum(
    ctx: typer.Context,
    table: TableOrNone = None,
    every: Every = False,
    retention: Annotated[
        float | None, typer.Option(min=0, metavar="HOURS", help="How long files are kept; else as the settings say.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files; so it is without --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Allow a retention of 0, where nobody is at work.")] = False,
) -> None:
    """List the files that nobody needs any more; remove them with --yes."""
    context: Context = ctx.obj
    is_kept = dry_run or not yes
    lake = context.open()
    found = lake.vacuum(*_chosen(table, every), retention_hours=retention, dry_run=is_kept, force=force)
    rows = [
        {"table": one.table, "file": path, "bytes": size, "removed": one.is_removed}
        for one in found
        for path, size in one.files
    ]
    if context.json:
        context.show(rows)
        return
    if rows:
        context.show(rows)
    told = f"{len(rows):,} files, {sum(one.size for one in found):,} bytes"
    context.say(
        f"removed: {told}" if not is_kept else f"{told} are needed by nobody" + (rows and "; --yes removes them" or "")
    )


def _chosen(table: str | None, every: bool) -> list[str]:
    """The named table, or none for all.

    Raises:
        UsageError: Neither or both.
    """
    from clicklake.errors import UsageError

    if every == (table is not None):
        raise UsageError("name one table, or --all; `clicklake tables` names them")
    return [] if table is None else [table]


def _list(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def backup(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="A new folder, or one with earlier backups.")],
    listed: Annotated[bool, typer.Option("--list", help="Name the backups that are there.")] = False,
) -> None:
    """Copy the lake as it stands, and the project's configuration; only what is new since the last backup."""
    from clicklake.backup import backups

    context: Context = ctx.obj
    if listed:
        context.show([{"backup": name} for name in backups(directory)])
        return
    taken = context.open().backup(directory)
    facts = {
        "backup": taken.backup.backup_id,
        "release": taken.backup.release,
        "tables": len(taken.backup.tables),
        "rows": sum(state.rows for state in taken.backup.tables.values()),
        "files": len(taken.backup.files) + len(taken.backup.project),
        "copied_files": taken.new_files,
        "copied_bytes": taken.new_bytes,
    }
    context.show([facts])
    context.say(f"the way back: clicklake restore-backup {directory} --lake NEW")


def restore_backup(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the backups are.")],
    backup_id: Annotated[str | None, typer.Option("--backup", metavar="ID", help="Which one; else the newest.")] = None,
    project: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Put the project's configuration there too.")
    ] = None,
) -> None:
    """Make the lake that --lake names from a backup; nothing may be there yet."""
    context: Context = ctx.obj
    done = context.open().restore_backup(directory, backup=backup_id, project=project)
    facts = {
        "backup": done.backup.backup_id,
        "release": done.backup.release,
        "tables": len(done.backup.tables),
        "rows": sum(state.rows for state in done.backup.tables.values()),
        "lake": str(done.lake),
        "project": None if done.project is None else str(done.project),
    }
    context.show([facts])
    if done.backup.project and done.project is None:
        context.say("the project's configuration stays in the backup; --project DIR puts it somewhere")
