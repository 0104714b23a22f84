"""What is new in the tables since they were published last: what was checked then need not be checked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clicklake.contracts.model import Model
from clicklake.engines.base import Engine
from clicklake.errors import ChangesLostError
from clicklake.storage import Snapshot, Store, changes_since


@dataclass(frozen=True)
class News:
    """The files in which a table differs from its published version, as relations of the engine.

    Args:
        added: Relation of the rows in new files.
        removed: Relation of the rows in files that are gone; rows that were only moved are in both.
        is_added: Whether there is any new file.
        is_removed: Whether any file is gone.
        is_most: Whether most of the table's rows are in new files.
    """

    added: str
    removed: str
    is_added: bool
    is_removed: bool
    is_most: bool


def news_since(
    store: Store,
    engine: Engine,
    published: Mapping[str, int],
    versions: Mapping[str, Snapshot],
    models: Mapping[str, Model],
) -> dict[str, News]:
    """What is new in each table, where that can be told.

    Args:
        store: The lake.
        engine: Gets the relations.
        published: The versions that were checked and published last.
        versions: The versions now.
        models: The tables that are checked.
    """
    found = {}
    for number, name in enumerate(models):
        if name not in published or name not in versions:
            continue
        after = versions[name]
        try:
            changes = changes_since(store, published[name], after)
        except ChangesLostError:
            continue
        added, removed = f"work.news_{number}_added", f"work.news_{number}_removed"
        engine.attach(after, added, [after.uri(path) for path in changes.added])
        engine.attach(changes.before, removed, [changes.before.uri(path) for path in changes.removed])
        is_most = 2 * changes.rows_added > after.size[0]  # as where its model changed: then all of them are new
        found[name] = News(added, removed, bool(changes.added), bool(changes.removed), is_most)
    return found
