"""The example notebooks run from top to bottom in a new folder, and are kept without what they showed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(file: Path) -> nbformat.NotebookNode:
    return nbformat.read(file, as_version=4)


def test_there_are_three():
    assert [file.stem for file in NOTEBOOKS] == ["customers", "first_look", "quality_and_lineage"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs(file: Path):
    book = read(file)
    nbformat.validate(book)
    assert book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    for cell in book.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
    assert set(book.metadata) == {"kernelspec", "language_info"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # What is typed behind `!` is the program beside this Python; what is made goes where tests leave nothing.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    book = read(file)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    tables = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert len(tables) >= 3
    printed = "".join(output.text for output in shown if output.output_type == "stream")
    assert "release 1 in" in printed and "rror" not in printed and "Traceback" not in printed
    for html in tables:
        assert "user_0" not in html
        assert "vega" in html or "@" not in html  # no address; pictures name their library so
