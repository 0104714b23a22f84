"""Reads YAML that people write, and says what is wrong with it: key, file, line and what is allowed.

Stricter than YAML 1.1: a key is written once, no tag makes a Python object, and a plain value is text unless
it is `null`, `true`, `false` or a number. So `NO`, `12:30`, `007` and `2026-01-31` stay what they look like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from clicklake.contracts.explain import Keys, Problem, as_error, dotted, explain, shown
from clicklake.errors import ConfigError, ContractError

DocumentError: TypeAlias = ConfigError | ContractError
ModelT = TypeVar("ModelT", bound=BaseModel)

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


def read_document(source: Path, *, error: type[DocumentError], allow_empty: bool = False) -> Document:
    """Read a YAML file.

    Raises:
        error: It can't be read, is not strict YAML, or is not a mapping.
    """
    return parse_document(read_text(source, error=error), str(source), error=error, allow_empty=allow_empty)


def read_text(source: Path, *, error: type[DocumentError]) -> str:
    """The text of a YAML file.

    Raises:
        error: It can't be read, or is not UTF-8.
    """
    try:
        raw = source.read_bytes()
    except OSError as failure:
        reason = "no such file" if isinstance(failure, FileNotFoundError) else failure.strerror
        raise error(f"this can't be read: {reason}", file=str(source)) from failure
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        raise error("this is not UTF-8 text; save the file as UTF-8", file=str(source), line=line) from failure


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
        given = "empty" if root.value is None else shown(root.value)
        raise error(f"the document must be a mapping of keys to values; it is {given}", file=file, line=line)
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
