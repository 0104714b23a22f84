"""The tables of a lake as their documents make them."""

from __future__ import annotations

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.model import Model
from clicklake.storage import TableSpec


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
