"""Reads YAML that people write, and says what is wrong with it: key, file, line and what is allowed.

Stricter than YAML 1.1: a key is written once, no tag makes a Python object, and a plain value is text unless
it is `null`, `true`, `false` or a number. So `NO`, `12:30`, `007` and `2026-01-31` stay what they look like.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from clicklake.errors import ConfigError, ContractError

DocumentError: TypeAlias = ConfigError | ContractError
Keys: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = dict[str, Any]
ModelT = TypeVar("ModelT", bound=BaseModel)
ErrorT = TypeVar("ErrorT", bound=ConfigError | ContractError)

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH, _MAX_VALUES = 64, 100_000
_WORDS = {"": None, "~": None} | {
    written: value
    for word, value in {"null": None, "true": True, "false": False}.items()
    for written in (word, word.title(), word.upper())
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_TAGS = {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))}
_HINTS = (
    ("scanning a quoted scalar", "a quote is opened here and not closed"),
    ("parsing a flow node", "a value is missing, or a bracket is not closed"),
    ("parsing a flow", "a bracket is opened here and not closed, or a comma is missing"),
    ("mapping values are not allowed", "a value that holds ': ' needs quotes, or the indentation is wrong"),
    ("cannot start any token", "indent with spaces, not tabs; quote a value that starts with @, ` or %"),
    ("", "look at the indentation and the quotes, here and in the line above"),
)
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
class Document:
    """A YAML document that knows its lines.

    Args:
        data: The top-level mapping; all its keys are text.
        file: What the document is called in messages.
        lines: The line of a key or list item; see `line_of`.
    """

    data: dict[str, Any]
    file: str
    lines: Callable[[Keys], int | None]

    def line_of(self, path: Keys) -> int | None:
        """The line, from 1, of a key or list item; where there is none, of its nearest parent."""
        return self.lines(path)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: at which keys, what is allowed there, and in which file and line."""

    path: Keys
    message: str
    file: str | None = None
    line: int | None = None


def read_document(source: Path, *, error: type[DocumentError], allow_empty: bool = False) -> Document:
    """Read a YAML file.

    Raises:
        error: It can't be read, is not strict YAML, or is not a mapping.
    """
    try:
        raw = source.read_bytes()
    except OSError as failure:
        reason = "no such file" if isinstance(failure, FileNotFoundError) else failure.strerror
        raise error(f"this can't be read: {reason}", file=str(source)) from failure
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        raise error("this is not UTF-8 text; save the file as UTF-8", file=str(source), line=line) from failure
    return parse_document(text, str(source), error=error, allow_empty=allow_empty)


def parse_document(text: str, file: str, *, error: type[DocumentError], allow_empty: bool = False) -> Document:
    """Read a YAML document from a text.

    Raises:
        error: It is not strict YAML, or is not a mapping.
    """
    try:
        root, line = _Composer(text, file, error).document()
    except yaml.YAMLError as failure:
        raise _syntax_error(failure, text, file, error) from failure
    data = {} if root.value is None and allow_empty else root.value
    if not isinstance(data, dict):
        shown = "empty" if root.value is None else _shown(root.value)
        raise error(f"the document must be a mapping of keys to values; it is {shown}", file=file, line=line)
    return Document(data, file, root.line_of)


def validate(model: type[ModelT], document: Document, *, at: Keys = (), error: type[DocumentError]) -> ModelT:
    """The document, or its part at a path, as a model.

    Raises:
        error: Lists every problem with its key, file and line, and what is allowed.
    """
    data: Any = document.data
    try:
        for part in at:
            data = data[part]
    except (KeyError, IndexError, TypeError):
        line = document.line_of(at)
        raise error(f"the key {dotted(at)!r} is missing", file=document.file, line=line, key=dotted(at)) from None
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        raise as_error(
            (
                Problem(path, message, document.file, document.line_of(path))
                for path, message in explain(model, data, failure, at=at).items()
            ),
            error,
        ) from failure


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
        return f"{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}; it is {_shown(given)}"
    options = [str(option) for schema in schemas for option in schema.get("enum", ())]
    near = closest(given, options) if isinstance(given, str) else ""
    return f"{key} must be {expected}; it is {_shown(given)}{near}"


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _syntax_error(failure: yaml.YAMLError, text: str, file: str, error: type[DocumentError]) -> DocumentError:
    if isinstance(failure, yaml.reader.ReaderError):
        line = text.encode().count(b"\n", 0, failure.position) + 1
        return error(f"this is not valid YAML: {failure.reason}", file=file, line=line)
    problem = getattr(failure, "problem", None) or "unreadable"
    clue = f"{getattr(failure, 'context', None)} {problem}"
    hint = next(hint for words, hint in _HINTS if words in clue)
    mark = getattr(failure, "context_mark" if "opened here" in hint else "problem_mark", None)
    return error(f"this is not valid YAML ({problem}): {hint}", file=file, line=mark.line + 1 if mark else None)


@dataclass(frozen=True)
class _Node:
    """A value; how many values it holds; the line and node of each key or list item."""

    value: Any
    size: int
    children: Mapping[str | int, tuple[int, _Node]]

    def line_of(self, path: Keys) -> int | None:
        node, line = self, None
        for part in path:
            if part not in node.children:
                break
            line, node = node.children[part]
        return line


class _Composer:
    """Builds a document from the parser's events, with a bound on depth and size.

    PyYAML's own composer has none: a deeply nested text ends the process.
    """

    def __init__(self, text: str, file: str, error: type[DocumentError]) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._anchors: dict[str, _Node] = {}
        self._file, self._error = file, error

    def document(self) -> tuple[_Node, int]:
        """The root and the line it starts on."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return _Node(None, 1, {}), 1
        first = next(self._events)
        root = self._node(first, ())
        next(self._events)
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            self._fail("a second document starts here; a file holds one", after, ())
        return root, _line(first)

    def _node(self, event: Any, path: Keys) -> _Node:  # noqa: ANN401
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._fail(f"nothing above is anchored as &{event.anchor}", event, path)
            return self._anchors[event.anchor]
        if event.tag not in _TAGS:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fail(f"the tag {tag} is not allowed; write plain values", event, path)
        if len(path) > _MAX_DEPTH:
            self._fail(f"more than {_MAX_DEPTH} levels are not allowed", event, path[:3])
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.tag is None and event.implicit[0]
            node = _Node(_plain(event.value) if is_plain else event.value, 1, {})
        else:
            is_list = isinstance(event, yaml.SequenceStartEvent)
            children = self._items(path) if is_list else self._entries(path)
            values = {key: child.value for key, (_, child) in children.items()}
            size = 1 + sum(child.size for _, child in children.values())
            node = _Node(list(values.values()) if is_list else values, size, children)
        if node.size > _MAX_VALUES:
            self._fail(f"more than {_MAX_VALUES} values are not allowed", event, path)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _items(self, path: Keys) -> dict[str | int, tuple[int, _Node]]:
        items: dict[str | int, tuple[int, _Node]] = {}
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items[len(items)] = _line(event), self._node(event, (*path, len(items)))
        return items

    def _entries(self, path: Keys) -> dict[str | int, tuple[int, _Node]]:
        entries: dict[str | int, tuple[int, _Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag not in _TAGS:
                self._fail("a key must be text", event, path)
            key = event.value
            if key == "<<":
                self._fail("merge keys (<<) are not allowed; write the keys out", event, (*path, key))
            if key in entries:
                self._fail(
                    f"the key {dotted((*path, key))!r} stands twice; first on line {entries[key][0]}",
                    event,
                    (*path, key),
                )
            entries[key] = _line(event), self._node(next(self._events), (*path, key))
        return entries

    def _fail(self, message: str, event: Any, path: Keys) -> NoReturn:  # noqa: ANN401
        raise self._error(message, file=self._file, line=_line(event), key=dotted(path) or None)


def _line(event: Any) -> int:  # noqa: ANN401
    return int(event.start_mark.line) + 1


def _plain(text: str) -> Any:  # noqa: ANN401
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
