"""Inverse design: a hundred random targets are hit and confirmed, and what no spectrum has is told apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from simulations import design as module
from simulations.descent import descend
from simulations.design import design
from simulations.families import folded_family, spectrum_family, wedge_family
from simulations.spectra import SHAPES
from theory.checks import ArgumentError
from theory.plateaus import ARRIVAL_SPREAD, LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule


@pytest.mark.parametrize("seed", range(10))
def test_random_targets_of_the_folded_model_are_hit(seed):
    rng = np.random.default_rng(seed)
    for _ in range(6):
        family = folded_family(theta=rng.uniform(0.2, 1.3), margin=rng.uniform(0, 2), start=(1.0, rng.uniform(5, 50)))
        found = design(family, float(rng.integers(100, 10**6)), step=rng.uniform(0.02, 0.2))
        assert found.predicted == found.measured
        assert abs(found.measured - found.wanted) <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_random_targets_of_a_spectrum_are_hit(shape):
    rng = np.random.default_rng(len(shape))
    for _ in range(14):
        family = spectrum_family(shape, directions=int(rng.integers(2, 9)), largest=rng.uniform(0.1, 2))
        found = design(family, float(rng.integers(10, 10**6)), step=rng.uniform(0.05, 0.9))
        assert abs(found.measured - found.wanted) <= 1
        assert found.value >= 1


@pytest.mark.parametrize(
    ("name", "over", "wanted"), [("gd", None, 37.5), ("power:0.5", None, 4.25), ("ngd", None, 0.2)]
)
def test_flow_times_are_hit(name, over, wanted):
    found = design(spectrum_family("geometric", directions=4), wanted, name, view="flow", over=over)
    assert found.measured == pytest.approx(wanted, rel=1e-8)


def test_random_targets_of_the_wedge_are_hit():
    rng = np.random.default_rng(0)
    for _ in range(3):
        family = wedge_family(theta=rng.uniform(0.2, 1.2), start=(1.0, rng.uniform(5, 50)))
        found = design(family, float(rng.integers(200, 3000)), step=rng.uniform(0.02, 0.2))
        assert found.predicted == found.measured
        assert abs(found.measured - found.wanted) <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_random_ratios_of_a_spectrum_are_hit(shape):
    rng = np.random.default_rng(len(shape))
    for _ in range(3):
        over = f"power:{rng.uniform(0.2, 0.8):.3f}"
        family = spectrum_family(shape, directions=int(rng.integers(2, 6)), largest=rng.uniform(0.1, 2))
        model = family.build(10 ** rng.uniform(0.1, 6))  # which has a ratio that is attained
        one, other = (
            predict(model, rule(name), "flow", model.start()).plateaus[ARRIVAL_SPREAD][0] for name in ("gd", over)
        )
        wanted = one / other
        found = design(family, wanted, "gd", view="flow", over=over)
        assert found.measured == pytest.approx(wanted, rel=1e-6)  # the promise: a run as close as this


@pytest.mark.parametrize("view", ["flow", "descent"])
def test_random_ratios_of_the_folded_model_are_hit(view):
    rng = np.random.default_rng(7)
    for _ in range(4):
        family = folded_family(theta=rng.uniform(0.3, 0.9), start=(1.0, rng.uniform(3, 9)))
        wanted = float(rng.uniform(20, 2000))
        found = design(family, wanted, "gd", view=view, over="egd" if view == "flow" else "newton")
        model, start = found.model, found.model.start(family.start)
        if view == "flow":
            assert found.measured == pytest.approx(wanted, rel=1e-6)  # the promise: a run as close as this
            continue
        gd, newton = (
            descend(model, name, 0.1, start, max_steps=10_000).plateaus[LONGEST_RUN] for name in ("gd", "newton")
        )
        assert found.measured == gd / newton and abs(gd - wanted * newton) <= 1


def test_no_more_of_a_family_is_searched_than_is_needed(monkeypatch):
    built, honest = [], module._predicted
    monkeypatch.setattr(module, "_predicted", lambda model, *rest: built.append(model) or honest(model, *rest))
    design(spectrum_family(), 5.0, "gd", view="flow")
    # from 1 up to the first of 60 points in 12 decades beyond it, and the bisection of one interval to 52 bits
    assert len(built) <= 5 + 53


def test_a_ratio_near_the_end_at_which_both_plateaus_vanish_is_hit():
    family = spectrum_family("geometric", directions=3)
    model = family.build(1.02)
    one, other = (
        predict(model, rule(name), "flow", model.start()).plateaus[ARRIVAL_SPREAD][0] for name in ("gd", "power:0.5")
    )
    found = design(family, one / other, "gd", view="flow", over="power:0.5")
    assert found.measured == pytest.approx(one / other, rel=1e-6)


def test_a_ratio_of_two_plateaus_is_hit():
    found = design(folded_family(theta=0.7, start=(1.0, 3.0)), 25.0, "gd", view="flow", over="egd")
    assert found.unit == "ratio"
    assert found.measured == pytest.approx(25, rel=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: design(spectrum_family(), 5, "egd"), "`plateau` must be 0, which egd has whatever the condition"),
        (lambda: design(folded_family(start=(1, -3)), 5), "`plateau` must be 0, which gd has whatever the epsilon"),
        (lambda: design(folded_family(), 2), r"`plateau` must lie between 16 and .*, but is 2\."),
        (lambda: design(spectrum_family(), 5, "frobenius"), "`rule` must have a plateau that is predicted exactly"),
        (lambda: design(spectrum_family(), 5, "ngd"), "but ngd has none as a descent, only as a flow"),
        (lambda: design(spectrum_family(), 5, "random-basis"), r"but random-basis has none as a descent\.$"),
        (
            lambda: design(spectrum_family(), 5, over="egd"),
            "`over` must have a plateau to divide by, but that of egd is 0 whatever the condition",
        ),
        (
            lambda: design(folded_family(), 5, over="egd"),
            "`over` must have a plateau that is predicted exactly, but egd",
        ),
        (
            lambda: design(wedge_family(theta=0.7), 25, over="newton"),
            "`ratio` must be one that this family has, but is 25, where it jumps from 31 to 23.25 at epsilon = 0.0117",
        ),
        (lambda: design(wedge_family(theta=2.0), 5), "`plateau` must be 0, which gd has whatever the epsilon"),
        (lambda: design(spectrum_family(), 0.5), "`plateau` must be a whole number of steps"),
        (lambda: design(spectrum_family(), -5), "`plateau` must be positive, but is -5"),
        (lambda: design(spectrum_family(largest=25), 5), "`step` must lie below 0.08, the largest stable step of gd"),
        (lambda: design(spectrum_family(), 5, view="sideways"), "`view` must be one of descent, flow"),
        (lambda: spectrum_family("round"), "`shape` must be one of two-level, geometric, power-law"),
        (lambda: spectrum_family(directions=1), "`directions` must be a whole number of at least 2"),
    ],
)
def test_what_no_spectrum_has_is_told_apart(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_a_law_that_the_run_does_not_confirm_is_not_returned(monkeypatch):
    honest = module._predicted
    monkeypatch.setattr(module, "_predicted", lambda *given: 2 * honest(*given))
    with pytest.raises(ArgumentError, match="`plateau` must be one that a run confirms"):
        design(folded_family(), 1000)


def test_command_line_prints_and_refuses():
    found = CliRunner().invoke(app, ["design", "folded", "--plateau", "1603", "--json"])
    document = json.loads(found.stdout)
    assert (document["predicted"], document["measured"], document["unit"]) == (1603, 1603, "steps")
    asked = [document[name] for name in ("rule", "over", "view", "step", "start")]
    assert asked == ["gd", None, "descent", 0.1, [[1, 3]]]
    assert document["value"] == pytest.approx(0.01, rel=1e-3)
    shown = CliRunner().invoke(app, ["design", "--plateau", "500", "--shape", "two-level"]).stdout
    assert "wanted 500, predicted 500, measured 500 (steps)" in shown
