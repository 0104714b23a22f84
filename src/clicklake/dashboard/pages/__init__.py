"""The pages, in the order of the navigation. A page is a module here with `page(view)`, and a line in `PAGES`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A page's place in the navigation.

    Args:
        name: Of its module, and in the URL.
        title: What is shown.
        icon: A Material symbol.
        filters: Those that stand above it.
        needs_release: Whether it has nothing to show of a lake without a release.
    """

    name: str
    title: str
    icon: str
    filters: tuple[str, ...] = ("days", "source", "segment")
    needs_release: bool = True


PAGES = (
    Entry("overview", "Overview", ":material/monitoring:"),
    Entry("funnel", "Funnel", ":material/filter_alt:"),
    Entry("customers", "Customers", ":material/groups:"),
    Entry("products", "Products", ":material/inventory_2:"),
    Entry("lake", "Lake", ":material/water:", filters=("source",), needs_release=False),
    Entry("sql", "SQL", ":material/code:"),
)
