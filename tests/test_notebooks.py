"""The notebooks: each runs from a clean kernel without a warning, holds no outputs, and no logic of its own."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NEEDED = ("nbclient", "ipykernel", "anywidget")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
MODULES = {"evenflow", "numpy", "pathlib", "tempfile"}  # besides evenflow: what it takes to write a file of one's own
LONGEST = 6  # lines of a cell
PATIENCE = 300  # seconds for a cell on a machine with other work; a notebook takes under 20 in all
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.With)
LOGIC += (ast.comprehension,)


def cells(path: Path, kind: str) -> list[dict[str, object]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def sources(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path, kind)]


def named(path: Path) -> str:
    return path.stem


def test_there_are_six_in_order():
    assert [path.name.partition("-")[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_outputs_are_stripped(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}  # no state of a widget
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in cells(path, "code"):
        assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {})
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_cells_hold_no_logic(path):
    for source in sources(path, "code"):
        nodes = list(ast.walk(ast.parse(source)))
        assert len(source.splitlines()) <= LONGEST, source
        assert not [node for node in nodes if isinstance(node, LOGIC)], source
        imported = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
        imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert imported <= MODULES, source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", "\n".join(sources(path, "markdown"))):
        assert target.startswith("https://arxiv.org/abs/") or (FOLDER / target).exists(), target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_it_runs_from_a_clean_kernel(path, tmp_path, monkeypatch):
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        assert not os.environ.get("CI"), f"{missing} are not installed, and CI must run the notebooks"
        pytest.skip(f"{', '.join(missing)} not installed")
    import nbformat
    from nbclient import NotebookClient

    for name, value in {**ONE_THREAD, "IPYTHONDIR": str(tmp_path), "TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(FOLDER.parent), os.environ.get("PYTHONPATH")])))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(FOLDER)}}).execute()
    for cell in notebook.cells:
        said = [output.text for output in cell.get("outputs", []) if output.get("name") == "stderr"]
        assert not said, said  # which is where a warning goes
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any({"image/png", "text/markdown"} & set(data) for data in shown)
    assert not [data for data in shown if str(data.get("text/plain", "")).startswith("<Figure") and len(data) == 1]
    assert {file.name for file in FOLDER.iterdir()} == {path.name for path in NOTEBOOKS}
