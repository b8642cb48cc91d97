"""Scale and asymmetry: where each makes the plateau, and where they cannot be told apart."""

import numpy as np
import pytest

import simulations.cause as module
from simulations.cause import cause
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression


@pytest.fixture(scope="module")
def spread():
    return {slow: cause(Regression.from_spectrum([1, 0.1, slow], seed=1), 0.1) for slow in (1e-2, 1e-3)}


def test_the_parts_make_the_whole(spread):
    for found in spread.values():
        assert found.flow.whole == pytest.approx(found.flow.scale * found.flow.asymmetry * found.lengths["newton"])
        assert found.descent.whole == pytest.approx(found.descent.scale * found.descent.asymmetry)  # Newton: one step
        assert 0 < found.flow.share < found.descent.share < 1


def test_lengths_are_those_of_the_paths(spread):
    found = spread[1e-2]
    # equal contraction is straight, the rescaled gradient goes at unit speed along gradient descent's path
    assert found.lengths["newton"] == pytest.approx(0.99 * np.sqrt(3), rel=1e-6)
    # a polygon of a path; the flow's clock is exact
    assert found.lengths["gd"] == pytest.approx(found.times["frobenius"], rel=1e-5)
    # three directions at unit speed each
    assert found.lengths["egd"] == pytest.approx(np.sqrt(3) * found.times["egd"], rel=1e-6)


def test_in_the_flow_it_is_scale_whatever_the_condition_number(spread):
    for found in spread.values():
        assert found.flow.asymmetry < np.sqrt(3) / 0.99
    assert spread[1e-3].flow.scale / spread[1e-2].flow.scale > 9


def test_in_steps_it_is_asymmetry_that_grows_with_the_condition_number(spread):
    # at its best step gradient descent takes κ/2 log(1/q) steps, to leading order
    for slow, found in spread.items():
        assert found.descent.asymmetry == pytest.approx(np.log(100) / (2 * slow), rel=0.02)
    assert spread[1e-3].descent.scale == pytest.approx(spread[1e-2].descent.scale, rel=0.02)


def test_the_controls_do_not_equalise(spread):
    steps = spread[1e-2].steps
    assert steps["egd"] == 10
    assert all(steps[name] is None or steps[name] > 2 * steps["egd"] for name in ("random-basis", "frobenius"))


def test_one_output_cannot_tell_equal_speeds_from_a_rescaling():
    found = cause(Folded(epsilon=0.01), 0.1, [[1.0, 3.0]])
    assert not found.told_apart
    assert found.steps["egd"] == found.steps["frobenius"] == 191
    assert found.times["egd"] == pytest.approx(found.times["frobenius"])
    assert found.times["gd"] / found.times["egd"] == pytest.approx(found.flow.scale, rel=1e-5)
    assert found.steps["gd"] == 1603


def test_equal_singular_values_cannot_either(spread):
    assert not cause(Regression.from_spectrum([1, 1]), 0.5).told_apart
    assert spread[1e-2].told_apart


def test_without_a_plateau_there_are_no_parts():
    found = cause(Folded(epsilon=0.01), 0.1, [[1.0, 0.5]])
    assert found.flow is None
    assert found.descent is None


def test_a_best_step_is_the_best_of_those_tried(monkeypatch):
    monkeypatch.setattr(module, "TRIED", np.array([0.5, 1.0]))
    found = cause(Regression.from_spectrum([1, 0.1]), 0.1)
    assert found.best_step == (1.0, 44.0)  # 0.9⁴⁴ is below a hundredth


@pytest.mark.parametrize(("given", "name"), [({"step": 0}, "step"), ({"step": 0.1, "threshold": 1}, "threshold")])
def test_bad_numbers_are_refused(given, name):
    with pytest.raises(ArgumentError, match=f"Argument `{name}` must"):
        cause(Folded(), **given)
