"""What this lake is about: the shop's contracts, models and reports, with a user's project laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from clicklake.contracts.contract import Contract, load_contract
from clicklake.contracts.explain import closest
from clicklake.contracts.filter_doc import Filter, load_filter
from clicklake.contracts.model import Model, Report, load_model, load_report
from clicklake.contracts.quality_rule import QualityRule, load_quality_rule
from clicklake.errors import UnknownNameError

T = TypeVar("T")

_PACKAGE = Path(__file__).parent.parent
SHOP = _PACKAGE / "shop"
SYSTEM = Path(__file__).parent / "system"


@dataclass(frozen=True)
class Catalogue:
    """Contracts, models and reports by name; read when first asked for.

    Args:
        project: A user's project folder; its `sources/`, `models/`, `reports/`, `filters/` and `quality/` replace or
            add to the shop's, file by file, by name.
    """

    project: Path | None = None
    _contracts: dict[str, Contract] = field(default_factory=dict, compare=False)

    @cached_property
    def _source_files(self) -> dict[str, Path]:
        return self._overlay("sources", "sources", (".yaml", ".yml"))

    @property
    def source_names(self) -> list[str]:
        """The sources that have a contract."""
        return list(self._source_files)

    def contract(self, source: str) -> Contract:
        """The contract of a source.

        Raises:
            UnknownNameError: No contract has this name.
            ContractError: The contract is wrong.
        """
        if source not in self._contracts:
            file = pick(source, self._source_files, "source")
            contract = load_contract(file)
            if contract.source != source:
                raise UnknownNameError(f"{file}: the contract's schema is named {contract.source!r}, not {source!r}")
            self._contracts[source] = contract
        return self._contracts[source]

    @cached_property
    def silver(self) -> dict[str, Model]:
        """The silver tables that sources feed, by full name."""
        files = self._overlay("silver", "models/silver", (".yml",))
        return {f"silver.{name}": load_model("silver", file) for name, file in files.items()}

    @cached_property
    def gold(self) -> dict[str, Model]:
        """The gold models, by full name."""
        files = self._overlay("gold", "models/gold", (".yml",))
        return {f"gold.{name}": load_model("gold", file) for name, file in files.items()}

    @cached_property
    def system(self) -> dict[str, Model]:
        """The tables that every lake has: quarantine, duplicates, ledger, runs, ..."""
        found = {}
        for file in sorted(SYSTEM.glob("*/*.yml")):
            model = load_model(file.parent.name, file)
            found[model.name] = model
        return found

    @cached_property
    def _report_files(self) -> dict[str, Path]:
        return self._overlay("reports", "reports", (".sql",))

    @property
    def report_names(self) -> list[str]:
        """The reports, by name."""
        return list(self._report_files)

    def report(self, name: str) -> Report:
        """A report by its name."""
        return load_report(pick(name, self._report_files, "report"))

    @cached_property
    def filters(self) -> dict[str, Filter]:
        """What reports can be restricted by, by name."""
        return {name: load_filter(file) for name, file in self._overlay("filters", "filters", (".yml",)).items()}

    @cached_property
    def quality_rules(self) -> dict[str, QualityRule]:
        """The rules on more than a row, by name."""
        files = self._overlay("quality", "quality", (".yml", ".yaml"))
        return {name: load_quality_rule(file) for name, file in files.items()}

    def table(self, name: str) -> Model | None:
        """The document of a silver, gold or system table; None for bronze and unknown tables."""
        return self.silver.get(name) or self.gold.get(name) or self.system.get(name)

    def _overlay(self, shop: str, project: str, endings: tuple[str, ...]) -> dict[str, Path]:
        found = {file.stem: file for file in sorted((SHOP / shop).rglob("*")) if file.suffix in endings}
        if self.project:
            own = sorted((self.project / project).rglob("*"))
            found.update({file.stem: file for file in own if file.suffix in endings})
        return found


def pick(name: str, known: Mapping[str, T], what: str) -> T:
    """What has a name, or an error that names the nearest and all."""
    if name in known:
        return known[name]
    raise UnknownNameError(f"there is no {what} {name!r}{closest(name, known)}. Known: {', '.join(known) or 'none'}")
