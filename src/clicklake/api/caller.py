"""What routes are given of a request: the server's state and what the caller may."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from clicklake.access import Grants
from clicklake.api.problems import ProblemError
from clicklake.api.state import State


async def _state(request: Request) -> State:
    """The server's state; a query parameter that the route doesn't know is refused."""
    if request.scope["query_string"]:
        dependant = cast(Dependant, request.scope["route"].dependant)
        known = {parameter.alias for parameter in dependant.query_params}
        if request.scope["path"].startswith("/v1/reports/"):  # a report may have more
            known |= request.query_params.keys()
        if unknown := sorted(request.query_params.keys() - known):
            named = ", ".join(name[:40] for name in unknown[:5])
            has = ", ".join(sorted(known)) or "none"
            raise ProblemError(400, "usage", f"there is no parameter {named}; there are {has}")
    return cast(State, request.app.state.lake)


async def _grants(request: Request) -> Grants:
    return cast(Grants, request.state.grants)


Server = Annotated[State, Depends(_state)]
"""The server's state."""

Caller = Annotated[Grants, Depends(_grants)]
"""What the caller may."""
