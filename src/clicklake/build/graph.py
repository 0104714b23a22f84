"""In which order models are built: each behind what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from clicklake.contracts.model import Model
from clicklake.engines.sql import tables_of
from clicklake.errors import ContractError


def inputs(model: Model) -> list[str]:
    """The tables that a model reads."""
    return list(tables_of(model.sql, str(model.file)))


def build_order(models: Mapping[str, Model], known: frozenset[str] = frozenset()) -> list[Model]:
    """The models, each behind those that it reads or needs.

    Args:
        models: Gold models by name.
        known: Other tables that they may read.

    Raises:
        ContractError: A model reads an unknown table, or models read each other in a circle.
    """
    needs = {name: [*inputs(model), *model.doc.needs] for name, model in models.items()}
    for name, read in needs.items():
        for table in read:
            if table not in models and table not in known:
                listed = ", ".join(sorted({*models, *known}))
                raise ContractError(
                    f"{name} reads {table}, which is no table. There are {listed}", file=models[name].file
                )
    try:
        order = TopologicalSorter({name: [t for t in read if t in models] for name, read in needs.items()})
        return [models[name] for name in order.static_order()]
    except CycleError as error:
        raise ContractError(f"models read each other in a circle: {' -> '.join(error.args[1])}") from error
