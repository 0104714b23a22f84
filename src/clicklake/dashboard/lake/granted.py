"""What the viewer must be granted to see a section."""

from __future__ import annotations

from clicklake.dashboard.view import View
from clicklake.errors import ForbiddenError


def require(view: View, *tables: str) -> None:
    """Refuse what is made of tables that the viewer may not read.

    Raises:
        ForbiddenError: There is one.
    """
    missing = [table for table in tables if table not in view.grants.tables()]
    if missing:
        raise ForbiddenError(f"role {view.grants.principal.role} may not see this: it reads {', '.join(missing)}")
