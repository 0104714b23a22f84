"""A proposed source in a project: whether one fits already, what would come of its file, and its two files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract
from clicklake.dry_run import DryRun, dry_run
from clicklake.errors import ClicklakeError, UsageError
from clicklake.project.propose import Proposal, rule_columns
from clicklake.project.sample import Sample
from clicklake.project.vocabulary import snake
from clicklake.refine.compile import MALFORMED

if TYPE_CHECKING:
    from clicklake.lake import Lake

_NAME = re.compile("[a-z][a-z0-9_]*")
_ENDINGS = (".gz", ".gzip", ".zst", ".zstd", ".csv", ".tsv", ".txt", ".ndjson", ".jsonl", ".json", ".parquet")
_LONGEST = 60
_NOTABLE = 0.05


@dataclass(frozen=True)
class SourceFiles:
    """Where a source's contract and mapping stand in a project.

    Args:
        project: The project's folder.
        name: The source.
    """

    project: Path
    name: str

    @property
    def contract(self) -> Path:
        """The YAML file."""
        return self.project / "sources" / f"{self.name}.yaml"

    @property
    def mapping(self) -> Path:
        """The SQL file."""
        return self.contract.with_suffix(".sql")

    def require_free(self, catalogue: Catalogue) -> None:
        """Make sure that the name is a name, and taken by no other source.

        Raises:
            UsageError: It isn't; the message says what to do.
        """
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"--name {self.name}: a source's name is lower snake case, such as {snake(self.name)}")
        there = [file for file in (self.contract, self.mapping) if file.exists()]
        if there:
            raise UsageError(f"{there[0]} is there already; --force writes over it, --name NAME takes another name")
        if self.name in catalogue.source_names:
            raise UsageError(
                f"there is a source {self.name} already; --name NAME takes another name, "
                "--force lets this one take its place in the project"
            )

    def write(self, proposal: Proposal) -> list[Path]:
        """Write both files; returns them."""
        try:
            self.contract.parent.mkdir(parents=True, exist_ok=True)
            self.contract.write_text(proposal.text, encoding="utf-8")
            self.mapping.write_text(proposal.mapping, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{error.filename}: can't be written: {error.strerror}") from error
        return [self.contract, self.mapping]


def name_for(path: str) -> str:
    """A source's name by that of its file."""
    name = Path(path).name if Path(path).name else Path(path).absolute().name
    while name.lower().endswith(_ENDINGS):
        name = name[: name.rindex(".")]
    return snake(name)[:_LONGEST].strip("_")


def free_name(catalogue: Catalogue, path: str) -> str:
    """A source's name by that of its file; one that comes with clicklake is left to it."""
    name = name_for(path)
    is_shops = name in catalogue.source_names and name in Catalogue().source_names
    return f"my_{name}" if is_shops else name


def fitting(catalogue: Catalogue, sample: Sample) -> str | None:
    """The source whose contract has the columns of a file, if there is one; of those with a key some may be missing."""
    columns = {column.name.lower() for column in sample.columns}
    for name in catalogue.source_names:
        try:
            contract = catalogue.contract(name)
        except ClicklakeError:
            continue  # it is told where that source is used
        known = {column.lower() for column in contract.column_names}
        needed = {column.name.lower() for column in contract.columns if column.is_required or not contract.key}
        if sample.has_header and needed <= columns <= known:
            return name
    return None


def rehearse(lake: Lake, proposal: Proposal, project: Path, path: str) -> DryRun:
    """What a run would make of the file with the proposed contract; nothing is kept.

    Args:
        lake: The project's lake.
        proposal: The contract and mapping.
        project: The project's folder; its models hold.
        path: The file.
    """
    catalogue = Catalogue(project, {proposal.source: proposal.contract()})
    engine = lake.engine()
    try:
        done = dry_run(lake.store, engine, catalogue, lake.rule_parameters, proposal.source, [path])
    finally:
        engine.close()
    return replace(done, samples=[_masked(sample, proposal.contract()) for sample in done.samples])


def _masked(sample: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """A rejected row without personal data."""
    import json

    from clicklake.personal import MASK

    personal = {column.name for column in contract.columns if column.is_pii}
    try:
        fields = json.loads(sample["raw"])
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return {**sample, "raw": f"{MASK} ({len(sample['raw']):,} characters that could not be split)"}
    shown = {name: MASK if name in personal and value else value for name, value in fields.items()}
    return {**sample, "raw": json.dumps(shown, ensure_ascii=False)}


def reasons_explained(proposal: Proposal, done: DryRun) -> list[dict[str, Any]]:
    """Why rows would be rejected, with what each rule means."""
    rules = {rule.name: rule.description for rule in proposal.rules}
    rules[MALFORMED] = "The row could not be split into the columns."
    return [{"reason": name, "rows": rows, "meaning": rules.get(name, "")} for name, rows in done.reasons.items()]


def advice(proposal: Proposal, done: DryRun) -> list[str]:
    """What may be done where a rule would reject many rows; a few are what rules are for."""
    found = []
    file = f"sources/{proposal.source}.yaml"
    times = {name for name, match in proposal.found.items() if match.times}
    for rule in proposal.rules:
        reads = rule_columns(rule)
        if done.reasons.get(rule.name, 0) < _NOTABLE * done.fates["ingested"]:
            continue
        if reads and reads <= times:
            found.append(f"{rule.name}: add the formats of these times to timestampFormats in {file}")
        elif reads == {"currency"}:
            code = _currency(proposal)
            found.append(f"{rule.name}: where {code} is your currency, set it as `currency` in clicklake.yaml")
        elif rule.dimension == "completeness" and reads - proposal.kind.required:
            rows = f"your {proposal.kind.row}s"
            found.append(f"{rule.name}: where {rows} don't have that by their nature, remove the rule from {file}")
        elif rule.dimension == "completeness" and proposal.kind.table:
            columns = ", ".join(proposal.found[name].field.name for name in sorted(reads) if name in proposal.found)
            found.append(f"{rule.name}: the cleaning of {columns} in {file} may give a default: {{default: ...}}")
    return found


def _currency(proposal: Proposal) -> str:
    """The currency of most amounts."""
    match = proposal.found.get("currency")
    if match:
        return max(match.field.distinct, key=match.field.filled.count).upper()
    amounts = proposal.found["amount"].field.amounts if "amount" in proposal.found else None
    return amounts.currency if amounts and amounts.currency else "theirs"
