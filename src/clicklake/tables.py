"""The tables of a lake as their documents make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import Model
from clicklake.errors import ConflictError
from clicklake.storage import Store, TableSpec, add_columns, commit

_TRIES = 20


def spec_of(model: Model) -> TableSpec:
    """What a table is created with."""
    doc = model.doc
    return TableSpec(
        name=model.name,
        schema=doc.schema,
        partition_by=doc.partition_by,
        change_feed=model.layer == "silver",
        pii=frozenset(name for name, column in doc.columns.items() if column.pii),
        sequences=doc.sequences,
        cluster_by=doc.cluster_by,
    )


def system_spec(catalogue: Catalogue, name: str) -> TableSpec:
    """What a table that every lake has is created with."""
    return spec_of(catalogue.system[name])


def append(store: Store, catalogue: Catalogue, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a system table that nothing is derived from.

    Raises:
        ConflictError: Other writers were always faster.
    """
    if not rows:
        return
    for _ in range(_TRIES):
        spec = system_spec(catalogue, name)
        try:
            snapshot = add_columns(store, store.ensure(spec), spec.schema)  # lakes of before have fewer
            commit(store, snapshot, pa.Table.from_pylist([dict(row) for row in rows], schema=snapshot.schema), marks={})
            return
        except ConflictError:
            continue
    raise ConflictError(f"{name}: other writers were always faster")
