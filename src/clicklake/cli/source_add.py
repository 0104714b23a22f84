"""`clicklake source add`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from clicklake.cli.context import Context
from clicklake.errors import UsageError
from clicklake.storage.objects import is_url

if TYPE_CHECKING:
    from clicklake.dry_run import DryRun
    from clicklake.lake import Lake
    from clicklake.project.propose import Proposal
    from clicklake.project.sample import Column
    from clicklake.project.source import SourceFiles

_EXAMPLES = 3
_WIDEST = 28


@dataclass(frozen=True)
class Wishes:
    """What was asked for.

    Args:
        file: The file.
        name: --name.
        yes: --yes.
        project: --project.
        force: --force.
        kind: --kind.
    """

    file: str
    name: str | None
    yes: bool
    project: Path | None
    force: bool
    kind: str | None


def add_source(context: Context, wishes: Wishes) -> None:
    """Look, propose, rehearse, ask, write.

    Raises:
        UsageError: The file can't be used, or the name is taken.
    """
    from clicklake.contracts.catalogue import Catalogue
    from clicklake.project.propose import propose
    from clicklake.project.sample import look_at
    from clicklake.project.source import SourceFiles, fitting, free_name, rehearse

    lake, folder = _project(context, wishes)
    catalogue = Catalogue(folder)
    sample = look_at(wishes.file, lake.store.options)
    if not (wishes.name or wishes.force or wishes.kind) and (known := fitting(catalogue, sample)):
        _say_fitting(context, known, wishes.file)
        return
    files = SourceFiles(folder, wishes.name or free_name(catalogue, wishes.file))
    if not wishes.force:
        files.require_free(catalogue)
    proposal = propose(sample, files.name, wishes.kind)
    if not context.json:
        _show(context, proposal)
    done = None if proposal.missing else rehearse(lake, proposal, folder, wishes.file)
    if done and not context.json:
        _show_rehearsal(context, proposal, done)
    readable = not done or not done.failures
    written = files.write(proposal) if readable and _is_wanted(context, wishes, files, proposal) else []
    if context.json:
        context.show([_as_row(proposal, done, written)])
    else:
        _close(context, lake, proposal, files, written, wishes)
    if not readable or proposal.missing:
        raise typer.Exit(2)


def _project(context: Context, wishes: Wishes) -> tuple[Lake, Path]:
    """The lake and the folder of the project."""
    from clicklake.config import FILE_NAME

    if wishes.project is None:
        lake = context.open()
        return lake, lake.loaded.project or Path.cwd()
    if not wishes.project.is_dir():
        raise UsageError(
            f"--project {wishes.project}: there is no such folder; clicklake init {wishes.project} makes it"
        )
    config = wishes.project / FILE_NAME
    if config.is_file() and context.config is None:
        context = replace(context, config=config)
    return context.open(), wishes.project.absolute()


def _say_fitting(context: Context, known: str, file: str) -> None:
    if context.json:
        context.show([{"source": known, "fits": True, "written": []}])
        return
    context.say(f"{file} has the columns of the source {known}: there is nothing to add.")
    context.say(f"next: clicklake run {known}={file}")
    context.say("(--name NAME proposes a source of its own all the same)")


def _show(context: Context, proposal: Proposal) -> None:
    sample = proposal.sample
    kind = sample.format.upper() if sample.format == "csv" else sample.format
    more = "" if sample.is_whole else ", the first of more"
    _tell(context, f"{sample.file.path}: {kind}, {_of(len(sample.columns), 'column')}, {_of(sample.rows, 'row')}{more}")
    if proposal.kind.table:
        table, row = proposal.kind.silver_table, proposal.kind.row
        _tell(context, f"Each row looks like one {row}, for {table} (--kind takes it for something else)")
    context.show(list(_recognised(proposal)), title="What was recognised")
    for note in proposal.notes:
        _tell(context, f"note: {note}")
    if proposal.left_out:
        names = ", ".join(rule.name for rule in proposal.left_out)
        _tell(context, f"rules left out, as the file has no column for them: {names}")
    if proposal.kind.table and proposal.unused:
        _tell(context, f"columns that nothing uses; bronze keeps them: {', '.join(proposal.unused)}")
    _tell(context, f"\n{proposal.mapping}")


def _tell(context: Context, text: str) -> None:
    context.stdout.print(text, markup=False, soft_wrap=True)


def _recognised(proposal: Proposal) -> list[dict[str, Any]]:
    rows = []
    personal = proposal.personal
    for column in proposal.sample.columns:
        for filled in proposal.columns:
            for field in filled.fields:
                if field.column.name == column.name:
                    rows.append(
                        {
                            "column": field.name,
                            "silver_column": filled.name,
                            "known_by": "not known" if filled.how == "rest" else filled.how,
                            "examples": _examples(
                                column if not field.key else replace(column, values=field.values),
                                is_pii=column.name in personal,
                            ),
                        }
                    )
    return rows


def _examples(column: Column, *, is_pii: bool) -> str:
    """Some values; those that could tell who a person is are not shown, but ids are."""
    from clicklake.personal import MASK
    from clicklake.project.recognise import is_personal

    distinct = list(dict.fromkeys(column.filled))[:_EXAMPLES]
    if (is_pii or is_personal(column)) and not column.name.lower().endswith("id"):
        return MASK if distinct else ""
    return ", ".join(value if len(value) <= _WIDEST else value[: _WIDEST - 1] + "…" for value in distinct)


def _show_rehearsal(context: Context, proposal: Proposal, done: DryRun) -> None:
    from clicklake.project.source import advice, reasons_explained

    fates = done.fates
    for failure in done.failures:
        context.stderr.print(f"error: {failure}", soft_wrap=True, markup=False)
    if not fates["ingested"]:
        _tell(
            context,
            "no row is new: the lake has this file already" if not done.failures else "nothing can be loaded",
        )
        return
    _tell(
        context,
        f"What would happen to {_of(fates['ingested'], 'row')}: {fates['loaded']:,} would load, "
        f"{fates['duplicates']:,} repeat another, {fates['quarantined']:,} would be rejected",
    )
    if done.reasons:
        context.show(reasons_explained(proposal, done), title="Why rows would be rejected")
        samples = [{"reasons": ", ".join(s["reasons"]), "raw": s["raw"]} for s in done.samples[:_EXAMPLES]]
        context.show(samples, title="Some of them")
        for line in advice(proposal, done):
            _tell(context, line)
    for difference in done.drift:
        _tell(context, f"drift: {difference}")


def _can_ask() -> bool:
    return sys.stdin.isatty()


def _of(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _is_wanted(context: Context, wishes: Wishes, files: SourceFiles, proposal: Proposal) -> bool:
    if wishes.yes:
        return True
    if context.json or not _can_ask():
        return False
    what = "with places to fill in, " if proposal.missing else ""
    question = f"Write {files.contract} and {files.mapping.name} ({what}{len(proposal.rules)} rules)?"
    return typer.confirm(question, err=True)


def _close(
    context: Context, lake: Lake, proposal: Proposal, files: SourceFiles, written: list[Path], wishes: Wishes
) -> None:
    """Say what was written and what is next."""
    if not written and not _can_ask():
        _tell(context, f"# sources/{files.contract.name}\n{proposal.text}")
    if not written:
        context.say("nothing was written; --yes writes both files")
    for file in written:
        _tell(context, f"wrote {file}")
    if proposal.missing:
        context.stderr.print(
            f"error: no column was recognised that says {proposal.missing_words}; "
            f"complete sources/{files.mapping.name} where it says FILL IN, then: "
            f"clicklake run --dry-run {files.name}={wishes.file}",
            soft_wrap=True,
            markup=False,
        )
        return
    if lake.loaded.project is None:
        context.say(
            f"{files.project} is no project yet, and its sources/ not read: clicklake init {files.project} makes it one"
        )
    if written:
        is_here = files.project in (Path.cwd(), *Path.cwd().parents)
        path = wishes.file if is_here or is_url(wishes.file) else Path(wishes.file).absolute()
        context.say(f"next: {'' if is_here else f'cd {files.project} && '}clicklake run {files.name}={path}")


def _as_row(proposal: Proposal, done: DryRun | None, written: list[Path]) -> dict[str, Any]:
    sample = proposal.sample
    return {
        "source": proposal.source,
        "fits": False,
        "kind": proposal.kind.name,
        "file": sample.file.path,
        "format": sample.format,
        "delimiter": sample.delimiter if sample.format == "csv" else None,
        "has_header": sample.has_header,
        "rows_looked_at": sample.rows,
        "columns": list(_recognised(proposal)),
        "missing": proposal.missing,
        "notes": proposal.notes,
        "rules": [rule.name for rule in proposal.rules],
        "rules_left_out": [rule.name for rule in proposal.left_out],
        "fates": done.fates if done else None,
        "reasons": [{"reason": name, "rows": rows} for name, rows in done.reasons.items()] if done else [],
        "errors": [str(failure) for failure in done.failures] if done else [],
        "contract": proposal.text,
        "mapping": proposal.mapping,
        "written": [str(file) for file in written],
    }
