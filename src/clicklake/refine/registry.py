"""Which contract judges which source: numbered, and kept in `ops.contracts` as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.contract import Contract, contract_from_json
from clicklake.engines.functions import duckdb_functions
from clicklake.engines.sql import Parameter
from clicklake.engines.standardise import FUNCTIONS as STANDARDISE
from clicklake.errors import ConflictError, StorageError
from clicklake.refine.compile import Judge
from clicklake.storage import Snapshot, Store, commit
from clicklake.tables import system_spec

CONTRACTS = "ops.contracts"
_TRIES = 20

_judges: dict[str, Judge] = {}
"""Judges by their document: each makes its SQL once."""

_MOST_JUDGES = 64


@dataclass(frozen=True)
class Registered:
    """A contract version as the lake knows it.

    Args:
        source: The source.
        source_number: The source's place in row ids, from 1.
        number: Rises with each version of this source's contract, from 1.
        version: The contract's own version and the fingerprint, for people.
        document: Contract, mapping, silver model and bounds as JSON.
    """

    source: str
    source_number: int
    number: int
    version: str
    document: str

    @property
    def fingerprint(self) -> int:
        """63 bits of the document's hash."""
        return fingerprint(self.document)


def fingerprint(text: str) -> int:
    """63 bits of a text's SHA-256, as a mark can carry them."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def judge_fingerprint(judge: Judge) -> int:
    """63 bits that change with anything that decides how rows are judged: rules, mapping, model, bounds, functions."""
    compiled = [judge.standard("bronze"), judge.broken(), judge.identity.model_dump(mode="json"), *STANDARDISE]
    return fingerprint(json.dumps([*compiled, *duckdb_functions("UTC")], sort_keys=True))


class Registry:
    """The contracts that have judged rows of a lake.

    Args:
        store: The lake.
        catalogue: Today's contracts.
        parameters: Today's bounds and words.
    """

    def __init__(self, store: Store, catalogue: Catalogue, parameters: Mapping[str, Parameter]) -> None:
        self.store = store
        self.catalogue = catalogue
        self.parameters = parameters
        self._read: tuple[Snapshot, list[dict[str, Any]]] | None = None

    def register(self, contract: Contract) -> Registered:
        """Today's version of a source's contract, which is recorded where it is new.

        Raises:
            ConflictError: Other writers were always faster.
        """
        document = self._document(contract)
        for _ in range(_TRIES):
            snapshot = self.store.ensure(system_spec(self.catalogue, CONTRACTS))
            known = self._rows(snapshot)
            own = [row for row in known if row["source"] == contract.source]
            if own and own[-1]["document"] == document:
                return _registered(own[-1])
            number = own[-1]["contract_number"] + 1 if own else 1
            source_number = own[-1]["source_number"] if own else 1 + max((r["source_number"] for r in known), default=0)
            row = {
                "source": contract.source,
                "source_number": source_number,
                "contract_number": number,
                "contract_version": f"{contract.version}+{fingerprint(document) & 0xFFFFFFFF:08x}",
                "fingerprint": fingerprint(document),
                "document": document,
                "recorded_at": datetime.now(timezone.utc),
            }
            try:
                commit(self.store, snapshot, pa.Table.from_pylist([row], schema=snapshot.schema), marks={})
            except ConflictError:
                continue
            return _registered(row)
        raise ConflictError(f"{CONTRACTS}: {_TRIES} commits of other writers came first; try again")

    def version(self, source: str, number: int) -> Registered:
        """A version that was recorded.

        Raises:
            StorageError: The lake doesn't have it.
        """
        snapshot = self.store.open(CONTRACTS)
        for row in self._rows(snapshot):
            if row["source"] == source and row["contract_number"] == number:
                return _registered(row)
        raise StorageError(f"{CONTRACTS} has no version {number} of the contract of {source}")

    def sources(self) -> list[str]:
        """The sources that the lake knows, in the order in which they came."""
        snapshot = self.store.find(CONTRACTS)
        return list(dict.fromkeys(row["source"] for row in self._rows(snapshot))) if snapshot else []

    def targets(self, sources: Iterable[str]) -> set[str]:
        """The silver tables that sources feed by today's contracts."""
        known = [source for source in sources if source in self.catalogue.source_names]
        return {self.catalogue.contract(source).options.silver_table for source in known}

    def judge(self, registered: Registered) -> Judge:
        """A judge by a recorded version, whatever today's is."""
        known = _judges.get(registered.document)
        if known and (today := self.catalogue.silver.get(known.silver.name)) and today.doc is known.silver.doc:
            return known
        parts = json.loads(registered.document)
        contract = contract_from_json(parts["contract"])
        silver = self.catalogue.silver.get(contract.options.silver_table)
        if silver is None:
            raise StorageError(f"contract of {contract.source}: there is no {contract.options.silver_table}")
        # Today's document with the SQL of then: what was begun is finished as it was begun.
        judge = Judge(contract, replace(silver, sql=parts["silver"]), _revived(parts["parameters"]))
        if len(_judges) >= _MOST_JUDGES:
            _judges.clear()
        _judges[registered.document] = judge
        return judge

    def today(self, contract: Contract) -> Judge:
        """A judge by today's version of a contract, which is not recorded by that."""
        return self.judge(Registered(contract.source, 0, 0, contract.version, self._document(contract)))

    def _document(self, contract: Contract) -> str:
        silver = self.catalogue.silver.get(contract.options.silver_table)
        parts = {
            "contract": contract.to_json(),
            "silver": silver.sql if silver else "",
            "parameters": {name: _plain(value) for name, value in sorted(self.parameters.items())},
        }
        return json.dumps(parts, ensure_ascii=False, sort_keys=True)

    def _rows(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        if self._read is None or self._read[0] is not snapshot:
            rows = snapshot.read().to_pylist()
            self._read = snapshot, sorted(rows, key=lambda row: (row["source_number"], row["contract_number"]))
        return self._read[1]


def _registered(row: Mapping[str, Any]) -> Registered:
    return Registered(
        row["source"], row["source_number"], row["contract_number"], row["contract_version"], row["document"]
    )


def _plain(value: Parameter) -> object:
    if value is None or isinstance(value, (str, bool, int, float, list)):
        return value
    return {"date": value.isoformat()} if hasattr(value, "isoformat") else {"number": str(value)}


def _revived(parts: Mapping[str, Any]) -> dict[str, Parameter]:
    from datetime import date
    from decimal import Decimal

    found: dict[str, Parameter] = {}
    for name, value in parts.items():
        if isinstance(value, dict):
            found[name] = date.fromisoformat(value["date"]) if "date" in value else Decimal(value["number"])
        else:
            found[name] = value
    return found
