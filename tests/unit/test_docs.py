"""The generated reference is what the code says, and everything that a person can set has a help text."""

import importlib.util
from pathlib import Path

import pytest
from typer.main import get_command

from clicklake.cli.main import app
from clicklake.contracts.catalogue import Catalogue
from clicklake.settings import settings_reference

ROOT = Path(__file__).resolve().parents[2]


def _script():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS = _script()
ROOT_COMMAND = get_command(app)
COMMANDS = dict(DOCS.commands(ROOT_COMMAND))


@pytest.mark.parametrize("place", DOCS.PAGES)
def test_a_page_is_what_the_code_says(place):
    there = (ROOT / "docs" / place).read_text(encoding="utf-8")
    assert there == DOCS.PAGES[place](), f"docs/{place} is out of date: make docs"


def test_check_names_what_is_out_of_date(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(DOCS, "DOCS", tmp_path)
    assert DOCS.main(["--check"]) == 1
    assert "out of date: docs/reference/cli.md" in capsys.readouterr().out and not any(tmp_path.iterdir())
    assert DOCS.main([]) == 0
    assert DOCS.main(["--check"]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_all_that_it_takes_have_a_help_text(name):
    command = COMMANDS[name]
    assert len(command.help or "") > 10
    for parameter in DOCS.parameters(command):
        assert len(parameter.help or "") > 3, f"{name}: {parameter.name} has no help"
    assert f"## {name}\n" in DOCS.cli_page()


def test_global_options_and_groups_have_a_help_text():
    for parameter in DOCS.parameters(ROOT_COMMAND):
        assert parameter.help, parameter.name
    for name, command in ROOT_COMMAND.commands.items():
        assert command.help, name


def test_every_setting_has_a_help_text_and_stands_in_the_reference():
    there = DOCS.settings_page()
    for setting in settings_reference():
        assert len(setting.description) > 10 and setting.type, setting.key
        assert f"| `{setting.key}` |" in there


def test_every_table_and_column_stands_in_the_dictionary():
    catalogue, there = Catalogue(), DOCS.dictionary_page()
    for model in (*catalogue.silver.values(), *catalogue.gold.values(), *catalogue.system.values()):
        section = there.partition(f"### {model.name}\n")[2].partition("\n### ")[0]
        for column in model.doc.columns:
            assert f"| `{column}` |" in section, f"{model.name}.{column}"
    for source in catalogue.source_names:
        assert f"### bronze.{source}\n" in there
