"""The public names: what `import evenflow as ef` offers, and the three lines of a notebook cell."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.figure
import pytest

import evenflow as ef

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ef.__all__)
def test_every_public_name_is_there(name):
    value = getattr(ef, name)
    assert value is not None
    assert name in dir(ef)
    assert getattr(importlib.import_module(ef._WHERE[name]), name) is value
    assert getattr(value, "__doc__", "")


def parameters_told(text):
    """Names at the head of the entries of a docstring's section Parameters."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^(?=\S)([^:\n]+)", section[1], re.MULTILINE) if section else []
    return {name.strip(" *") for head in heads for name in head.split(",")}


def takes_arguments(name):
    value = getattr(ef, name)
    return inspect.isfunction(value) or dataclasses.is_dataclass(value)


@pytest.mark.parametrize("name", [name for name in ef.__all__ if takes_arguments(name)])
def test_every_parameter_is_told(name):
    """In a section of its own; a function of one parameter may do so in its sentence."""
    value = getattr(ef, name)
    own = list(inspect.signature(value).parameters)
    text = inspect.getdoc(value)
    if len(own) == 1 and inspect.isfunction(value):
        assert re.search(rf"\b{own[0]}\b", text)
    else:
        assert parameters_told(text) >= set(own)


def test_a_parameter_that_is_not_told_is_found():
    assert parameters_told("Sum.\n\nParameters\n----------\none, two\n    Of three: all.\n\nRaises\n------\nthree") == {
        "one",
        "two",
    }


def test_all_is_what_is_exported():
    assert set(ef.__all__) == set(ef._WHERE)
    assert len(ef.__all__) == len(set(ef.__all__))
    namespace: dict[str, object] = {}
    exec("from evenflow import *", namespace)  # the names that a notebook gets
    assert set(ef.__all__) <= set(namespace)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'evenflow' has no attribute 'Wedgie'"):
        _ = ef.Wedgie
    assert not hasattr(ef, "wedgie")
    with pytest.raises(ImportError, match="Wedgie"):
        exec("from evenflow import Wedgie")


def test_import_is_light():
    code = "import sys, evenflow; print(*{'numpy', 'scipy', 'sympy', 'matplotlib', 'typer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_three_lines_of_a_notebook_cell():
    comparison = ef.compare(ef.Folded(epsilon=1e-3, theta=1.0), ["gd", "egd", "newton"], start=(1, 3))
    figure = ef.figure(comparison)
    assert isinstance(figure, matplotlib.figure.Figure)
    assert len(figure.axes) >= 2
    default = comparison.run("gd", "descent").plateaus()[0]
    assert default["predicted"] == default["measured"] > 1000
    with pytest.raises(ef.ArgumentError, match=r"must name a run: gd \(flow\), gd \(descent\), .*but is ngd"):
        comparison.run("ngd")


def test_single_trajectories_and_predictions_agree():
    model = ef.Regression.from_spectrum((1, 0.25), start=2.0)
    prediction = ef.predict(model, ef.rule("gd"), "flow", model.start())
    assert ef.flow(model, "gd").arrivals == pytest.approx(prediction.arrivals, rel=1e-8)
    steps = ef.predict(model, ef.rule("gd"), "descent", model.start(), step=0.5)
    assert tuple(ef.descend(model, "gd", 0.5).arrivals) == steps.arrivals


def test_rule_of_ones_own_is_one_line():
    softened = ef.Rule("softened", ef.SIGMA / (1 + ef.SIGMA))
    comparison = ef.compare(ef.Regression.from_spectrum((1, 0.5)), softened)
    run = comparison.run("softened")
    assert run.trajectory.arrivals == pytest.approx(run.prediction.arrivals, rel=1e-7)
    assert ef.rule(softened) is softened


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ef.Folded(epsilon=2), ef.ArgumentError, "Argument `epsilon` must lie in"),
        (lambda: ef.Folded(theta="wide"), ef.ArgumentTypeError, "Argument `theta` must be a number"),
        (lambda: ef.compare("folded"), ef.ArgumentTypeError, "Argument `model` must be a model, such as Folded"),
        (lambda: ef.compare(ef.Folded(), []), ef.ArgumentError, "Argument `rules` must name at least one"),
        (lambda: ef.compare(ef.Folded(), [3]), ef.ArgumentTypeError, "Argument `rules` must name rules"),
        (lambda: ef.compare(ef.Folded(), step=0), ef.ArgumentError, "Argument `step` must be positive"),
        (lambda: ef.load("none.csv"), ef.ArgumentError, "Argument `data` must name an existing file"),
        (lambda: ef.rule("egf"), ef.ArgumentError, "did you mean egd"),
        (lambda: ef.Rule("text", "sigma"), ef.ArgumentTypeError, "Argument `law` must be a SymPy expression"),
        (lambda: ef.Trajectory.load(__file__), ef.ArgumentError, "Argument `path` must name a saved trajectory"),
    ],
)
def test_bad_values_raise_in_one_grammar(call, kind, message):
    with pytest.raises(kind, match=message) as caught:
        call()
    assert isinstance(caught.value, ValueError if kind is ef.ArgumentError else TypeError)


def test_a_progress_bar_takes_what_an_ensemble_reports():
    modes = ef.FactorizedModes.balanced([1.0, 4.0, 9.0], 0.01)
    with ef.progress_bar("modes") as bar:
        found = ef.ensemble(modes, "egd", chunk=1, progress=bar)
    assert found.extinctions == pytest.approx([0.9, 1.9, 2.9], rel=1e-13)  # √s − √a₀


def test_a_start_of_one_output_may_be_a_list():
    assert ef.descend(ef.Folded(), "gd", 0.1, start=(1, 3), max_steps=5).weights[0].tolist() == [[1, 3]]
    assert ef.flow(ef.Folded(), "gd", start=(1, 3)).weights[0].tolist() == [[1, 3]]
