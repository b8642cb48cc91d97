"""The README is true: its picture is current, its commands and its numbers are those of the code."""

import re
from pathlib import Path

import numpy as np
from matplotlib import image

import evenflow as ef
from figures.readme import PLACE, THUMBNAILS, draw, draw_thumbnail
from theory.rule_ids import RULE_IDS

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_tracked_picture_is_what_the_code_draws(tmp_path):
    _same(PLACE, draw(tmp_path / "compare.png"))
    quick = "wedge"  # one stands for all, which are drawn alike
    _same(PLACE.with_name(f"{quick}.png"), draw_thumbnail(quick, tmp_path))
    assert all(PLACE.with_name(f"{name}.png").is_file() for name in THUMBNAILS)


def _same(tracked, drawn):
    one, other = image.imread(tracked), image.imread(drawn)
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 5e-3  # another release of Matplotlib may shift a glyph by a pixel


def test_the_numbers_in_the_text_are_computed():
    comparison = ef.compare(ef.Folded(epsilon=0.01), ["gd", "egd"], step=0.1, start=(1, 3))
    plateaus = {(run.rule.name, run.view): run.plateaus()[0] for run in comparison.runs}
    steps = plateaus["gd", "descent"]
    assert steps["predicted"] == steps["measured"] == 1603
    assert "1,603 steps" in README
    ratio = plateaus["gd", "flow"]["measured"] / plateaus["egd", "flow"]["measured"]
    assert f"{ratio:.0f} times sooner" in README


def test_every_rule_id_is_listed():
    assert f"`{' '.join(RULE_IDS)}`" in README


def test_the_python_examples_run(tmp_path, monkeypatch):
    notebook, law = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(notebook, {})
    (tmp_path / "mymodule.py").write_text(law)
    monkeypatch.syspath_prepend(tmp_path)
    assert ef.rule("mymodule:SOFTENED").vanishing_power == 0


def test_the_example_model_of_contributing_runs():
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(example, "example", "exec", dont_inherit=True), names)
    assert names["Ridge"]().name == "ridge"
