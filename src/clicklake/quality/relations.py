"""The tables of a lake as its readers see them, made known to an engine when they are first needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from clicklake.build.release import Release
from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.base import Engine
from clicklake.errors import UnknownNameError
from clicklake.storage import Snapshot, Store


@dataclass
class Relations:
    """Tables by name, at the versions of a release.

    Args:
        store: The lake.
        engine: Gets the tables.
        catalogue: Documents of tables; one that the lake doesn't have (yet) is one without rows.
        release: What is read; without one, silver is read as it is, and gold has no rows.
    """

    store: Store
    engine: Engine
    catalogue: Catalogue
    release: Release | None
    _found: dict[str, Snapshot | None] = field(default_factory=dict)
    _attached: set[str] = field(default_factory=set)

    def find(self, name: str) -> Snapshot | None:
        """A table; None where there is nothing to read."""
        if name not in self._found:
            version = self.release.versions.get(name) if self.release else None
            is_hidden = version is None and name.startswith("gold.")
            self._found[name] = None if is_hidden else self.store.find(name, version)
        return self._found[name]

    def version(self, name: str) -> int:
        """Its version; -1 where there is nothing to read."""
        snapshot = self.find(name)
        return -1 if snapshot is None else snapshot.version

    def rows(self, name: str) -> int:
        """How many rows it has, by its log."""
        snapshot = self.find(name)
        return 0 if snapshot is None else snapshot.size[0]

    def attach(self, *names: str) -> None:
        """Make tables known to the engine.

        Raises:
            UnknownNameError: Neither the lake nor a document knows one.
        """
        for name in names:
            if name in self._attached:
                continue
            snapshot, model = self.find(name), self.catalogue.table(name)
            if snapshot is not None:
                self.engine.attach(snapshot)
            elif model is not None:
                self.engine.attach_empty(name, model.doc.schema)
            else:
                raise UnknownNameError(f"there is no table {name} in the lake {self.store.root}")
            self._attached.add(name)
