"""The REST API: tables, reports, queries, quality, lineage and runs over HTTP."""

from __future__ import annotations

from clicklake.errors import MissingExtraError

try:
    import fastapi  # noqa: F401 - the modules below need them; the check is for the message
    import uvicorn  # noqa: F401
except ImportError as error:
    raise MissingExtraError("the API needs FastAPI and uvicorn", "api") from error

from clicklake.api.app import create_app
from clicklake.api.server import serve

__all__ = ["create_app", "serve"]
