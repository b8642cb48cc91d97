"""Particular facts behind the verdicts on the method, each by a route of its own."""

import numpy as np
import pytest

from simulations.audit import examine
from simulations.directions import direction
from simulations.flow import flow
from simulations.steps import errors
from theory.claims import claim
from theory.claims.method import CONDITION, GAIN, MEMORY, PRODUCT
from theory.claims.method_dynamics import ANGLE, G1, G2
from theory.models.regression import Regression
from theory.rule_ids import rule
from theory.rules import NORM, SIGMA

EXPECTED = dict(E1="holds", E2="corrected", E3="holds", E4="corrected", E5="corrected", E6="corrected")
EXPECTED |= dict(E7="corrected", E8="corrected")


@pytest.mark.parametrize(("name", "verdict"), EXPECTED.items())
def test_the_verdict_rests_on_many_trials_and_on_a_counterexample_to_every_law_that_was_replaced(name, verdict):
    found = examine(claim(name))
    assert found.verdict == verdict
    assert len(found.trials) >= 750
    against = {trial.parameters["law"] for trial in found.trials if not trial.stands}
    assert against == {law for law in found.claim.derived if law in found.claim.printed}


def test_a_tall_gradient_of_full_rank_has_a_norm_below_one():
    gradient = np.random.default_rng(0).standard_normal((6, 2))
    way, _ = direction(rule("egd"))(gradient, None)
    assert np.isclose(np.sum(way**2) / 6, 2 / 6)


def test_grokfast_keeps_the_spread_of_arrivals_that_equal_speeds_remove():
    slow, fast, count = 1e-4, 1e-2, 100_000
    (*_, last) = errors(np.diag([slow, fast]), rule("grokfast"), 0.1, np.ones((1, 2)), count)
    # 1 + γ = 3: the error of the slow direction as under gradient descent with three times the step
    assert np.isclose(np.log(last[-1, 0, 0]) / (count * np.log1p(-0.1 * slow)), 3, rtol=1e-3)
    law = claim("E4").predicts("ratio", (PRODUCT, CONDITION, MEMORY, GAIN))
    assert law(1e-9, 1e3, 0.98, 2.0) == pytest.approx(1, rel=1e-6)


def test_two_directions_at_thirty_degrees_fall_at_different_rates():
    unit = np.array([[1.0, np.cos(np.pi / 6)], [0.0, np.sin(np.pi / 6)]])
    left, _, right = np.linalg.svd(unit * [2.0, 0.5])
    rates = (unit * (left @ right)).sum(axis=0)
    law = claim("E5").predicts("rates", (G1, G2, ANGLE))
    assert rates[0] / rates[1] == pytest.approx(law(2.0, 0.5, np.pi / 6))
    assert rates[0] / rates[1] == pytest.approx(1.5)  # (2 + ½ · ½)/(½ + 2 · ½)


def test_equal_speeds_leave_later_than_gradient_descent_from_far_away():
    model = Regression.from_spectrum([1.0, 1.0], start=[10.0, 1.0])
    assert flow(model, "egd").arrivals.max() == pytest.approx(9.99)
    assert flow(model, "gd").arrivals.max() == pytest.approx(np.log(1e3))


def test_five_steps_hardly_move_a_singular_value_of_a_ten_thousandth():
    speed = claim("E6").predicts("speed", (SIGMA, NORM))
    assert speed(1e-4, 1.0) == pytest.approx(0.0485, abs=1e-4)
    reached = speed(np.geomspace(1.6e-3, 1, 100_001), 1.0)
    assert reached.min() > 0.68
    assert reached.max() < 1.21


def test_a_sketch_of_rank_one_carries_half_of_two_equal_directions():
    way, _ = direction(rule("rsvd:1"))(np.eye(2), None)
    assert np.trace(way) / 2 == pytest.approx(0.5)
