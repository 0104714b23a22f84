"""The OpenAPI document: what FastAPI makes of the routes, the one shape of errors, and what reports take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from clicklake.api.answers import PROBLEM_SCHEMA
from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.parameter_doc import ParameterDoc
from clicklake.errors import ContractError

MOST_VALUE = 1000
"""Characters that the value of a report's parameter may have."""

_REPORT = "/v1/reports/{name}"


def document(app: FastAPI, catalogue: Catalogue) -> dict[str, Any]:
    """The document, with the parameters that reports declare now."""
    if app.openapi_schema is None:
        app.openapi_schema = _of_routes(app)
    found = app.openapi_schema
    asked = found["paths"][_REPORT]["get"]
    told = {**asked, "parameters": [*asked["parameters"], *_filters(catalogue), *_declared(catalogue)]}
    return {**found, "paths": {**found["paths"], _REPORT: {"get": told}}}


def _of_routes(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    found["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a JSON Web Token."},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    }
    for path, methods in found["paths"].items():
        for operation in methods.values():
            if path not in ("/health", "/ready"):
                operation["security"] = [{"bearer": []}, {"key": []}]
    return found


def _filters(catalogue: Catalogue) -> Iterable[dict[str, Any]]:
    """What every report may be filtered by, as far as the tables that it reads can be."""
    for name, known in catalogue.filters.items():
        values = catalogue.source_names if known.doc.is_of_sources else known.doc.known
        yield _parameter(name, known.doc.description, {"type": "string", "examples": list(values[:1])})


def _declared(catalogue: Catalogue) -> Iterable[dict[str, Any]]:
    """Each parameter that reports declare, with what it is for each of them."""
    takers: dict[str, list[tuple[str, ParameterDoc]]] = {}
    for report in catalogue.report_names:
        try:
            parameters = catalogue.report(report).doc.parameters
        except ContractError:  # whoever asks for it is told
            continue
        for name, doc in parameters.items():
            takers.setdefault(name, []).append((report, doc))
    for name, docs in takers.items():
        shapes = [_shape(doc) for _, doc in docs]
        shape = shapes[0] if all(other == shapes[0] for other in shapes) else {"type": "string"}
        examples = [value for _, doc in docs for value in (doc.example, doc.default, *doc.values) if value]
        told = "\n".join(f"- {report}: {doc.description or 'no description.'}" for report, doc in docs)
        yield _parameter(name, f"Only for these reports:\n\n{told}", {**shape, "examples": examples[:1]})


def _shape(doc: ParameterDoc) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "integer" if isinstance(doc.default, int) else "string"}
    if doc.values:
        shape["enum"] = list(doc.values)
    if doc.default is not None:
        shape["default"] = doc.default
    return shape


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    most = {"maxLength": MOST_VALUE} if schema["type"] == "string" else {}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": {**schema, **most}}
