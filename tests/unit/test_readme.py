"""The documentation can't go stale: what it names exists, where it points there is something, what it shows runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from typer.main import get_command

from clicklake.cli.main import app, run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DIAGRAMS = ("flowchart", "sequenceDiagram", "erDiagram")

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_PROGRAM = re.compile(r"(?:^|[\s/])clicklake(?=\s|$)")
_SHELL = ("sh", "bash", "console", "cron", "yaml")
_ENDS_OF_A_COMMAND = ("|", "||", "&&", ";", ">", ">>", "2>&1", "#")


@dataclass(frozen=True)
class Page:
    """One document."""

    file: Path
    text: str

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and content of each code block."""
        return _FENCE.findall(self.text)

    @property
    def prose(self) -> str:
        """The text without code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What a link can point to, as GitHub makes it of the headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def shell_lines(self) -> Iterator[str]:
        """What a reader types."""
        for language, content in self.blocks:
            if language in _SHELL:
                lines = content.replace("\\\n", " ").splitlines()
                is_console = language == "console"
                yield from (line.removeprefix("$ ") for line in lines if not is_console or line.startswith("$ "))

    def commands(self) -> Iterator[str]:
        """What stands behind the program's name, in blocks and in sentences."""
        for line in (*self.shell_lines(), *_INLINE.findall(self.prose)):
            for part in _PROGRAM.split(line)[1:]:
                yield part.strip()


def read(file: Path) -> Page:
    return Page(file, file.read_text(encoding="utf-8"))


@pytest.fixture(params=PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def page(request: pytest.FixtureRequest) -> Page:
    return read(request.param)


@lru_cache(maxsize=1)
def program():
    """All commands and options, as the command line has them."""
    return get_command(app)


def options(command) -> dict[str, bool]:
    """The options of a command, and whether each takes a value."""
    found = [item for item in command.params if item.param_type_name == "option"]
    own = {name: not item.is_flag for item in found for name in (*item.opts, *item.secondary_opts)}
    return {**own, "--help": False, "-h": False}


def unknown_in(line: str) -> list[str]:
    """The words of a command line that the program doesn't know."""
    words = shlex.split(line, comments=True)
    ends = [position for position, word in enumerate(words) if word in _ENDS_OF_A_COMMAND]
    root = command = program()
    places, unknown = 0, []
    remaining = iter(words[: ends[0]] if ends else words)
    for word in remaining:
        known = {**options(root), **options(command)}
        name, equals, _ = word.partition("=")
        if word.startswith("-"):
            if name not in known:
                unknown.append(word)
            elif known[name] and not equals:
                next(remaining, None)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return [*unknown, word]
            command = command.commands[word]
        else:
            places += 1
            arguments = [item for item in command.params if item.param_type_name == "argument"]
            if places > len(arguments) and not any(item.nargs == -1 for item in arguments):
                unknown.append(word)
    return unknown


def test_a_word_that_the_program_does_not_know_is_found():
    assert unknown_in('--lake x report top_products --limit 3 | head && clicklake "not this"') == []
    assert unknown_in("reprot top_products") == ["reprot"]
    assert unknown_in("report top_products --limmit=3") == ["--limmit=3"]
    assert unknown_in("quarantine list all --json # a comment") == ["all"]


def test_commands_are_found():
    commands = list(read(ROOT / "README.md").commands())
    assert {"demo", "--lake demo/lake status", "source add ~/events.csv"} <= {c.partition("  ")[0] for c in commands}


def test_commands_and_options_exist(page):
    wrong = {command: unknown for command in page.commands() if (unknown := unknown_in(command))}
    assert not wrong


def test_make_targets_exist(page):
    known = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for line in page.shell_lines() for name in re.findall(r"^make ([a-z0-9-]+)", line)}
    named |= {name for code in _INLINE.findall(page.prose) for name in re.findall(r"^make ([a-z0-9-]+)", code)}
    assert named <= known


def test_links_lead_somewhere(page):
    broken = []
    for target in _LINK.findall(_INLINE.sub("", page.prose)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.file.parent / path).resolve() if path else page.file
        is_there = file.exists() and (not anchor or anchor in read(file).anchors)
        if not is_there:
            broken.append(target)
    assert not broken


def test_every_page_of_the_docs_is_reached_from_the_index():
    index = read(ROOT / "docs" / "index.md")
    linked = {(index.file.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.prose)}
    assert {file for file in PAGES if (ROOT / "docs") in file.parents} <= {*linked, index.file}


def test_diagrams_show_something(page):
    for language, content in page.blocks:
        if language == "mermaid":
            first, *rest = [line for line in content.splitlines() if line.strip()]
            assert first.split()[0] in DIAGRAMS
            assert rest


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path, monkeypatch):
    """Each of its commands of clicklake ends well, in its order, with its files."""
    blocks = read(ROOT / "docs" / "tutorial.md").blocks
    for language, content in blocks:
        if language == "sql":
            (tmp_path / "my-shop" / "reports" / "cart_leavers.sql").write_text(content, encoding="utf-8")
        elif language == "yaml":
            settings = tmp_path / "my-shop" / "clicklake.yaml"
            text = settings.read_text(encoding="utf-8")
            settings.write_text(text.replace("sources:\n", content, 1), encoding="utf-8")
        elif language == "console":
            for line in re.findall(r"^\$ (.+)$", content, re.MULTILINE):
                program, *arguments = shlex.split(line)
                if program == "cd":
                    monkeypatch.chdir(arguments[0])
                elif program == "clicklake":
                    assert run(arguments) == 0, line
