"""The explorer in JupyterLab: a cell moves a point on the page, and a key on the page sets a trait."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CELLS = [
    "import evenflow as ef\nexplorer = ef.Explorer()\nexplorer",
    "explorer.spectrum = [1, 0.1, 0.01, 1e-4]",
    "print('smallest', min(explorer.spectrum), 'alpha', explorer.alpha)",
]
WAIT = 60_000  # milliseconds; a server and a kernel start meanwhile
PATIENCE = 20_000  # with a widget, once its cell has run


def notebook(path: Path) -> None:
    """A notebook of the cells above, not yet run."""
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**empty, "id": f"cell{i}", "source": source} for i, source in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))


@pytest.fixture
def server(tmp_path):
    """The address of JupyterLab, on this machine alone, in a folder with one notebook."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    notebook(tmp_path / "a.ipynb")
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "RUNTIME", "DATA")}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "IPYTHONDIR": str(tmp_path / "ipython")}
    options = ["--no-browser", "--allow-root", "--port=0", "--LabApp.news_url=None", f"--ServerApp.root_dir={tmp_path}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **folders}, cwd=tmp_path)
        try:
            yield address(tmp_path, process)
        finally:
            process.terminate()
            process.wait(30)


def address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the notebook is shown, once the server answers."""
    for _ in range(600):
        assert process.poll() is None, (folder / "log").read_text()
        for file in (folder / "runtime").glob("jpserver-*.json"):
            if text := file.read_text():
                found = json.loads(text)
                return f"{found['url']}lab/tree/a.ipynb?token={found['token']}"
        time.sleep(0.1)
    raise AssertionError((folder / "log").read_text())


def run_cell(page, index: int, count: int) -> str:
    """Runs a cell as the kernel's so many-th and waits until it has run; what it shows."""
    cell = page.locator(".jp-CodeCell").nth(index)
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-InputPrompt", has_text=f"[{count}]").wait_for()
    return cell.locator(".jp-OutputArea").inner_text()


def comes(locator) -> bool:
    """Whether it comes into sight in good time."""
    from playwright.sync_api import TimeoutError

    try:
        locator.wait_for(timeout=PATIENCE)
    except TimeoutError:
        return False
    return True


def test_a_cell_moves_a_point_and_a_key_sets_a_trait(browser, server):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    elsewhere = []
    here = ("http://localhost:", "blob:", "data:")
    page.on("request", lambda request: request.url.startswith(here) or elsewhere.append(request.url))
    page.goto(server)
    page.locator("#jp-main-statusbar", has_text="Python 3 (ipykernel) | Idle").wait_for()
    runs, points = itertools.count(1), page.locator("#spectrum circle")
    # a widget made before JupyterLab's own manager of widgets has come is never shown: then the cell is run again
    said = [run_cell(page, 0, next(runs))]
    while not comes(points.nth(3)) and len(said) < 3:
        said.append(run_cell(page, 0, next(runs)))
    assert points.nth(3).is_visible(), said
    before = float(points.nth(3).get_attribute("cy"))
    run_cell(page, 1, next(runs))
    page.locator("#spectrum circle[aria-valuetext='10⁻⁴']").wait_for()
    assert float(points.nth(3).get_attribute("cy")) > before
    points.nth(3).focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    slider = page.locator("#alpha-slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.evaluate("(slider) => slider.getRootNode().activeElement === slider")
    # a widget sends one change at a time, and the next when the kernel has answered: meanwhile a cell may be run
    assert any("smallest 0.00112 alpha 0.51" in run_cell(page, 2, next(runs)) for _ in range(50))
    context.close()
    assert not elsewhere
