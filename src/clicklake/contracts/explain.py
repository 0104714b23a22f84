"""Says what is wrong with a document that a person wrote: the keys, and in words what is allowed there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from clicklake.errors import ConfigError, ContractError

Keys: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = dict[str, Any]
ErrorT = TypeVar("ErrorT", bound=ConfigError | ContractError)

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "null",
    "date": "a date such as 2026-01-31",
    "date-time": "a time such as 2026-01-31T12:00:00Z",
}
_BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "up to {}",
    "exclusiveMaximum": "below {}",
    "minLength": "length {} or more",
    "maxLength": "length {} or less",
    "pattern": "matching {}",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: at which keys, what is allowed there, and in which file and line."""

    path: Keys
    message: str
    file: str | None = None
    line: int | None = None


def as_error(problems: Iterable[Problem], error: type[ErrorT]) -> ErrorT:
    """One error for many problems: one a line, in the order of their lines."""
    first, *rest = sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0))
    others = (str(error(problem.message, file=problem.file, line=problem.line)) for problem in rest)
    return error("\n".join((first.message, *others)), file=first.file, line=first.line, key=dotted(first.path))


def explain(model: type[BaseModel], data: object, failure: ValidationError, *, at: Keys = ()) -> dict[Keys, str]:
    """What is wrong with data that a model refused: the keys, and a sentence that names them."""
    found: dict[Keys, str] = {}
    for fault in failure.errors(include_url=False):
        path = _path_in(data, fault["loc"], is_missing=fault["type"] == "missing")
        found.setdefault((*at, *path), _sentence(model, dict(fault), path, dotted((*at, *path))))
    return {path: text for path, text in found.items() if not any(_is_below(other, path) for other in found)}


def dotted(path: Keys) -> str:
    """A path as messages and flags write it: `schema.0.name`."""
    return ".".join(map(str, path))


def closest(word: str, options: Iterable[str], *, cutoff: float = 0.6) -> str:
    """` (did you mean 'required'?)` for the option nearest to a word; nothing where none is near."""
    folded = {option.casefold(): option for option in options}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def schemas_at(model: type[BaseModel], path: Keys) -> list[Schema]:
    """The JSON schemas that a value at a path may follow; none where the model has no such path."""
    root = _json_schema(model)
    found = list(_alternatives(root, root))
    for part in path:
        inner = [child for schema in found for child in _children(schema, part)]
        found = [leaf for child in inner for leaf in _alternatives(child, root)]
    return found


def describe(schemas: Iterable[Schema]) -> str:
    """What values JSON schemas allow, in words: `a whole number (from 1), or null`."""
    return ", or ".join(dict.fromkeys(filter(None, map(_describe, schemas))))


def _describe(schema: Schema) -> str:
    options = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if options:
        return f"one of {', '.join(map(str, options))}"
    words = _TYPES.get(schema.get("format", ""), _TYPES.get(schema.get("type", ""), ""))
    if items := _describe(schema["items"]) if "items" in schema else "":
        words = f"{words} of {items}"
    bounds = " ".join(text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema)
    return f"{words} ({bounds})" if bounds else words


@lru_cache(maxsize=16)
def _json_schema(model: type[BaseModel]) -> Schema:
    try:
        return model.model_json_schema()
    except PydanticUserError:  # it holds a type that JSON schema has no word for
        return {}


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    options = schema.get("anyOf", schema.get("oneOf"))
    for option in options or ():
        yield from _alternatives(option, root)
    if not options:
        yield schema


def _children(schema: Schema, part: str | int) -> list[Schema]:
    if isinstance(part, int):
        return [schema["items"]] if "items" in schema else []
    if part in schema.get("properties", {}):
        return [schema["properties"][part]]
    others = (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties"))
    return [other for other in others if isinstance(other, dict)]


def _path_in(data: Any, loc: Keys, *, is_missing: bool) -> Keys:  # noqa: ANN401
    """A pydantic location without the parts that are no keys, such as the branches of a union."""
    path: list[str | int] = []
    for part in loc:
        is_item = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if is_item or (isinstance(data, dict) and part in data):
            path.append(part)
            data = data[part]
    return (*path, *loc[-1:]) if is_missing else tuple(path)


def _is_below(path: Keys, other: Keys) -> bool:
    """Whether one path leads further than another: a union names both its value and what is wrong inside."""
    return len(path) > len(other) and path[: len(other)] == other


def _sentence(model: type[BaseModel], fault: dict[str, Any], path: Keys, key: str) -> str:
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        inside = schemas_at(model, path[:-1])
        allowed = list(dict.fromkeys(name for schema in inside for name in schema.get("properties", ())))
        return f"unknown key {key!r}{closest(str(path[-1]), allowed)}; allowed here: {', '.join(allowed)}"
    schemas = schemas_at(model, path)
    expected = describe(schemas)
    if kind == "missing":
        return f"the key {key!r} is missing; it takes {expected or 'a value'}"
    if kind == "value_error":
        return f"{key or 'the document'}: {fault['ctx']['error']}"
    if fault["loc"][-1:] == ("[key]",) or not expected:
        return f"{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}; it is {shown(given)}"
    options = [str(option) for schema in schemas for option in schema.get("enum", ())]
    near = closest(given, options) if isinstance(given, str) else ""
    return f"{key} must be {expected}; it is {shown(given)}{near}"


def shown(value: object) -> str:
    """A value as messages show it: short, and a list or mapping by its kind."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
