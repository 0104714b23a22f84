"""Strict YAML: what is read, what is refused, and if messages say key, file, line and what is allowed."""

import re
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from clicklake.contracts import strict_yaml
from clicklake.contracts.explain import closest, describe, schemas_at
from clicklake.contracts.strict_yaml import parse_document, read_document, validate
from clicklake.errors import ConfigError, ContractError

NESTED = """\
# a comment
name: orders
columns:
  - name: order_id
    required: true
  -
    name: amount
    type: {scale: 2}
"""


KEYS = "name, columns, kind, colour, share, ratio, version, hours, silverTable, flag"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Column(Strict):
    name: str
    required: bool = False
    type: dict[str, int] = {}


class Contract(Strict):
    name: str = Field(min_length=2)
    columns: list[Column] = []
    kind: Literal["fact", "dimension"] = "fact"
    colour: Colour = Colour.RED
    share: float | None = Field(default=None, gt=0, le=1)
    ratio: Decimal | None = None
    version: int | str | list[str] = 1
    hours: Annotated[int, Field(ge=0, lt=24)] = 0
    silver: str | None = Field(default=None, alias="silverTable")
    flag: bool = False

    @field_validator("name")
    @classmethod
    def _free(cls, value):
        if value == "taken":
            raise ValueError("'taken' is taken; choose another")
        return value


def document(text):
    return parse_document(text, "c.yaml", error=ContractError)


def refused(text):
    with pytest.raises(ContractError) as caught:
        document(text)
    return caught.value


def problems(text, model=Contract, at=()):
    with pytest.raises(ContractError) as caught:
        validate(model, document(text), at=at, error=ContractError)
    return caught.value


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def both_parsers(request, monkeypatch):
    """PyYAML is built with libyaml or without; the words of the two differ."""
    monkeypatch.setattr(strict_yaml, "_LOADER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
        ("12:30", "12:30"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1.5.2", "1.5.2"),
        ("12abc", "12abc"),
        ("0x10", "0x10"),
        (".nan", ".nan"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'5'", "5"),
        ('"null"', "null"),
        ("!!str 5", "5"),
        ("[1, two, ]", [1, "two"]),
        ("{}", {}),
    ],
)
def test_plain_values_have_no_surprises(both_parsers, written, value):
    read = document(f"key: {written}").data["key"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_text(both_parsers):
    assert document("1: a\ntrue: b\n2026-01-31: c").data == {"1": "a", "true": "b", "2026-01-31": "c"}


def test_an_alias_repeats_its_anchor_and_keeps_its_lines(both_parsers):
    read = document("a: &x\n  b: 1\nc: *x\n")
    assert read.data["c"] == {"b": 1}
    assert (read.line_of(("c",)), read.line_of(("c", "b"))) == (3, 2)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("columns",), 3),
        (("columns", 0), 4),
        (("columns", 0, "required"), 5),
        (("columns", 1, "name"), 7),
        (("columns", 1, "type", "scale"), 8),
        (("columns", 0, "nosuch"), 4),
        (("columns", 7, "name"), 3),
        (("columns", "name"), 3),
        (("name", "deeper"), 2),
        (("nosuch",), None),
        ((), None),
    ],
)
def test_line_of_a_key_or_of_its_nearest_parent(both_parsers, path, line):
    assert document(NESTED).line_of(path) == line


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, "a", ["'a' stands twice", "first on line 1"]),
        ("a:\n  - b: 1\n    'b': 2", 3, "a.0.b", ["'a.0.b' stands twice", "first on line 2"]),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "b", ["!!python/object/apply:os.system"]),
        ("a: !!python/name:os.system ''", 1, "a", ["!!python/name:os.system is not allowed"]),
        ("!!python/object:x.Y {}", 1, None, ["!!python/object:x.Y is not allowed"]),
        ("a: !!timestamp 2026-01-31", 1, "a", ["!!timestamp is not allowed"]),
        ("a: !env HOME", 1, "a", ["!env is not allowed"]),
        ("!!binary a: 1", 1, None, ["key must be text"]),
        ("? [a]\n: 1", 1, None, ["key must be text"]),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "c.<<", ["merge keys"]),
        ("a: *x", 1, "a", ["&x"]),
        ("a: &x [*x]", 1, "a.0", ["&x"]),
        ("a: 1\n---\nb: 2", 2, None, ["second document"]),
        ("- a\n- b", 1, None, ["must be a mapping", "it is a list"]),
        ("\njust text", 2, None, ["must be a mapping", "it is 'just text'"]),
        ("", 1, None, ["must be a mapping", "it is empty"]),
        ("# only a comment\n", 1, None, ["must be a mapping", "it is empty"]),
        ("a: b: c", 1, None, ["not valid YAML", "': ' needs quotes"]),
        ("a: 1\nb: 'x\nc: 2\n", 2, None, ["not valid YAML", "quote is opened here"]),
        ("a: 1\nb: [1\nc: 2", 2, None, ["not valid YAML", "bracket is opened here"]),
        ("a: 1\nb: [1,\n", 3, None, ["not valid YAML", "bracket is not closed"]),
        ("a:\n\tb: 1", 2, None, ["not valid YAML", "not tabs"]),
        ("a: 1\nb: @x", 2, None, ["not valid YAML", "starts with @"]),
        ("a:\n  - 1\n b: 2", 3, None, ["not valid YAML", "indentation"]),
        ("a: é\nb: \x01", 2, None, ["not valid YAML", "characters are not allowed"]),
        ("a: " + "[" * 200_000, 1, "a.0.0", ["64 levels"]),
        ("a:\n - " + "{b: " * 200, 2, "a.0.b", ["64 levels"]),
    ],
)
def test_refused_with_key_file_and_line(both_parsers, text, line, key, says):
    error = refused(text)
    assert (error.file, error.line, error.key) == ("c.yaml", line, key)
    assert str(error).startswith(f"c.yaml:{line}: ")
    for words in says:
        assert words in str(error)
    assert "\n" not in str(error)


def test_aliases_can_not_blow_up(both_parsers):
    names = "abcdefghi"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip(names, names[1:], strict=False)]
    error = refused("\n".join(lines))
    assert (error.line, error.key) == (5, "e")
    assert "100000 values" in str(error)


@given(st.text(alphabet="ab:-'\"[]{}&*!|># \n\t1~é\x00\ud7ff", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        assert isinstance(parse_document(text, "f", error=ConfigError, allow_empty=True).data, dict)
    except ConfigError as error:
        assert error.file == "f"
        assert error.line is not None


def test_an_empty_document_where_allowed():
    assert parse_document("# nothing\n", "f", error=ConfigError, allow_empty=True).data == {}


def test_reads_a_file(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_bytes("\ufeffname: Zoë\n".encode())
    read = read_document(file, error=ContractError)
    assert (read.data, read.file) == ({"name": "Zoë"}, str(file))


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (None, None, "no such file"),
        ("folder", None, "directory"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        (b"# nothing", 1, "it is empty"),
    ],
)
def test_a_file_that_can_not_be_read(tmp_path, content, line, says):
    file = tmp_path / "c.yaml"
    if content == "folder":
        file.mkdir()
    elif content:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_document(file, error=ConfigError)
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert says in str(caught.value).lower() or says in str(caught.value)


def test_validate_gives_the_model():
    contract = validate(Contract, document(NESTED), error=ContractError)
    assert contract.columns[1].type == {"scale": 2}
    column = validate(Column, document(NESTED), at=("columns", 0), error=ContractError)
    assert column == Column(name="order_id", required=True)


WRONG = {
    "name: ab\ncolumns:\n  - name: x\n    requird: true": (
        "4: unknown key 'columns.0.requird' (did you mean 'required'?); allowed here: name, required, type"
    ),
    "name: ab\nxyz: 1": f"2: unknown key 'xyz'; allowed here: {KEYS}",
    "name: ab\nsilver: s": f"2: unknown key 'silver' (did you mean 'silverTable'?); allowed here: {KEYS}",
    "name: ab\ncolumns:\n  - required: no": "3: the key 'columns.0.name' is missing; it takes text",
    "kind: fact": " the key 'name' is missing; it takes text (length 2 or more)",
    "name: a": "1: name must be text (length 2 or more); it is 'a'",
    "name: 12": "1: name must be text (length 2 or more); it is 12",
    "name: ab\nkind: fakt": "2: kind must be one of fact, dimension; it is 'fakt' (did you mean 'fact'?)",
    "name: ab\ncolour: green": "2: colour must be one of red, blue; it is 'green'",
    "name: ab\nshare: 1.5": "2: share must be a number (above 0 up to 1), or null; it is 1.5",
    "name: ab\nhours: 24": "2: hours must be a whole number (from 0 below 24); it is 24",
    "name: ab\nhours: soon": "2: hours must be a whole number (from 0 below 24); it is 'soon'",
    "name: ab\nhours:": "2: hours must be a whole number (from 0 below 24); it is null",
    "name: ab\nflag: 7": "2: flag must be true or false; it is 7",
    "name: ab\ncolumns: x": "2: columns must be a list; it is 'x'",
    "name: ab\ncolumns:\n- x": "3: columns.0 must be a mapping of keys to values; it is 'x'",
    "name: ab\ncolumns:\n- name: q\n  type:\n    scale: two": (
        "5: columns.0.type.scale must be a whole number; it is 'two'"
    ),
    "name: taken": "1: name: 'taken' is taken; choose another",
    "name: ab\nversion: {a: 1}": ("2: version must be a whole number, or text, or a list of text; it is a mapping"),
    "name: ab\nversion: [a,\n  true]": "3: version.1 must be text; it is true",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_problem_names_key_file_line_and_what_is_allowed(text):
    error = problems(text)
    assert str(error) == f"c.yaml:{WRONG[text]}"
    line, _, message = WRONG[text].partition(" ")
    assert (error.file, str(error.line or "")) == ("c.yaml", line.rstrip(":"))
    named = re.match(r"(?:unknown key|the key) '([^']+)'|([\w.]+)", message)
    assert error.key == (named[1] or named[2])


def test_every_problem_is_listed_in_the_order_of_lines():
    error = problems("kind: x\nnam: ab\nhours: -1\n")
    assert str(error).splitlines() == [
        "c.yaml: the key 'name' is missing; it takes text (length 2 or more)",
        "c.yaml:1: kind must be one of fact, dimension; it is 'x'",
        f"c.yaml:2: unknown key 'nam' (did you mean 'name'?); allowed here: {KEYS}",
        "c.yaml:3: hours must be a whole number (from 0 below 24); it is -1",
    ]


def test_a_part_of_a_document_is_named_from_the_top():
    error = problems("columns:\n  - name: a\n  - nam: b\n", Column, at=("columns", 1))
    assert str(error).splitlines() == [
        "c.yaml:3: the key 'columns.1.name' is missing; it takes text",
        "c.yaml:3: unknown key 'columns.1.nam' (did you mean 'name'?); allowed here: name, required, type",
    ]
    missing = problems("columns: []", Column, at=("columns", 1))
    assert str(missing) == "c.yaml:1: the key 'columns.1' is missing"


def test_a_long_value_is_cut():
    assert len(str(problems(f"name: ab\nkind: {'x' * 500}"))) < 200


def test_a_model_that_json_schema_can_not_say():
    class Odd(Strict):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: type(iter([])) = None
        count: int = 0

    error = problems("count: x", Odd)
    assert str(error).startswith("c.yaml:1: count: input should be a valid integer")
    assert str(error).endswith("it is 'x'")


def test_the_error_is_the_callers():
    with pytest.raises(ConfigError, match="c.yaml:1: unknown key 'x'"):
        validate(Column, parse_document("x: 1\nname: a", "c.yaml", error=ConfigError), error=ConfigError)


def test_closest():
    assert closest("Requird", ["name", "required"]) == " (did you mean 'required'?)"
    assert closest("xyz", ["name", "required"]) == ""


def test_describe():
    assert describe(schemas_at(Contract, ("columns", 3, "required"))) == "true or false"
    assert schemas_at(Contract, ("columns", "required")) == []
