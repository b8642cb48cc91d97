"""What the audit finds on the folded model: the counterexamples, and the routes by which they are measured."""

import math

import numpy as np
import pytest

from simulations.audit import examine
from simulations.classifier_samples import sample_folded_test
from simulations.descent import descend
from simulations.examiners.folded_logistic import flow_plateau, logistic_gradient
from simulations.examiners.folded_minibatches import critical_step
from simulations.examiners.folded_points import Points, moments, points
from simulations.examiners.settings import descents, left_for_good
from simulations.flow import flow
from simulations.plateaus import LONGEST_RUN
from simulations.population import population
from simulations.steps import steps
from theory.claims import claim
from theory.claims.folded_error import MU, NU
from theory.claims.folded_moments import HIGHEST
from theory.minibatch import mean_square_limit
from theory.models.folded import EPSILON, ETA, M1, M2, MARGIN, THETA, U1, U2, Folded
from theory.rule_ids import rule

SYMBOLS = (EPSILON, THETA, M1, M2, ETA, U1, U2)


def one(**values):
    given = {"epsilon": 0.01, "theta": 1.0, "margin": 1.0, "step": 0.1, "u1": 1.0, "u2": 3.0} | values
    m1, m2 = moments(np.array([given["margin"]]))
    return Points(**{name: np.array([value]) for name, value in given.items()}, m1=m1, m2=m2)


def law(name, formula, at):
    arguments = [float(x[0]) for x in (at.epsilon, at.theta, at.m1, at.m2, at.step, at.u1, at.u2)]
    return [float(each(formula, SYMBOLS)(*arguments)) for each in (claim(name).claims, claim(name).predicts)]


def length(at):
    model = Folded(float(at.epsilon[0]), float(at.theta[0]), float(at.margin[0]))
    start = model.start((float(at.u1[0]), float(at.u2[0])))
    return descend(model, "gd", float(at.step[0]), start, max_steps=2000).plateaus[LONGEST_RUN]


@pytest.mark.parametrize(
    ("name", "verdict"), [("F1", "holds"), ("F2", "corrected"), ("F4", "corrected"), ("F8", "holds")]
)
def test_the_verdict_comes_from_thousands_of_trials_and_does_not_hang_on_the_seed(name, verdict):
    found = examine(claim(name), seed=7)
    assert found.verdict == verdict
    assert len(found.trials) > 1500


def test_the_first_moment_passes_one():
    (below,), _ = moments(np.array([0.3026]))
    (above,), (second,) = moments(np.array([0.3027]))
    assert below < 1 < above < float(HIGHEST.subs(MARGIN, 0.3027))
    assert moments(np.array([0.0]))[1][0] == pytest.approx(1, abs=1e-14)  # m₂ does not exceed 1 here
    assert second > 1


def test_an_angle_on_the_other_side_of_the_axis_costs_nothing():
    weights = np.array([1.0, -2.0])
    inputs, labels = sample_folded_test(0.1, 0.7, 20_000, 1)
    assert (np.sign(inputs @ weights) == labels).all()
    arguments = (*weights, 0.1, 0.7)
    assert claim("F4").claims("error", (MU, NU, EPSILON, THETA))(*arguments) == 1.0
    assert claim("F4").predicts("error", (MU, NU, EPSILON, THETA))(*arguments) == 0.0


def test_the_ratio_rises_above_its_limit_where_the_plateau_ends():
    at = one()
    end = int(length(at))
    path = descents(at, end + 1)[:, 0]
    ratio = path[:, 0] / np.hypot(path[:, 0], np.sqrt(at.epsilon) * path[:, 1])
    limit = math.cos(math.atan(math.sqrt(0.01) * math.tan(1.0)))
    assert (ratio[:end] <= limit).all()
    assert ratio[end] > limit


@pytest.mark.parametrize("theta", [0.4, 1.2])
def test_the_plateau_has_the_cotangent(theta):
    at = one(theta=theta, epsilon=1e-5, u2=4.0)
    printed, derived = law("F6", "length", at)
    assert length(at) == pytest.approx(derived, abs=1)  # a whole number of steps
    assert abs(length(at) - printed) > 0.3 * length(at)


def test_a_small_start_leaves_a_plateau_without_epsilon():
    lengths = [length(one(epsilon=epsilon, step=1e-3, u1=-0.2, u2=0.3)) for epsilon in (1e-4, 1e-8)]
    printed, derived = law("F7", "length", one(epsilon=1e-8, step=1e-3, u1=-0.2, u2=0.3))
    assert lengths[0] == lengths[1] == math.ceil(derived)
    assert printed > 20 * lengths[1]


def test_rescaling_alone_shortens_the_plateau_of_the_flow():
    printed, derived = law("F9", "rescaled", one(epsilon=1e-4))
    model, start = Folded(1e-4, 1.0, 1.0), np.array([[1.0, 3.0]])
    gradient, rescaled = (flow(model, name, start).plateaus[LONGEST_RUN] for name in ("gd", "frobenius"))
    assert gradient == pytest.approx(printed, rel=1e-3)
    assert rescaled == pytest.approx(derived, abs=2e-3)  # the path cuts the corner by about ε u₂/m₂ log(1/ε)


def test_both_ways_to_the_end_of_a_plateau_agree():
    at = points(np.random.default_rng(3), 30, epsilon=(0.01, 0.5), fraction=(0.05, 0.4), size=(0.5, 5))
    at = at.but(u1=-np.abs(at.u1), u2=np.abs(at.u2))  # all begin at 100 %
    ends = left_for_good(at, 8000)
    assert np.isfinite(ends).all()
    np.testing.assert_array_equal(ends, [length(at.where([i])) for i in range(len(at))])


def test_egd_takes_steps_in_proportion_to_one_over_epsilon():
    at = one(u1=one().optimum[0] - 1.05, theta=0.8, u2=2.0)  # half a step from rest: the cycle stands still
    ends = [left_for_good(at.but(epsilon=np.array([e])), 30_000, unit=True)[0] for e in (1e-3, 1e-4)]
    assert ends[1] / ends[0] == pytest.approx(10, rel=0.02)  # ten steps to the cycle, of 1,000
    numbers, start = population(Folded(1e-3, 0.8, 1.0)), np.array([[at.u1[0], 2.0]])
    path = np.concatenate(list(steps(numbers, rule("egd"), 0.1, start, 2000)))
    # weights after steps 1 … 2000
    assert np.flatnonzero(numbers.test_error(path) >= 1)[-1] + 2 == ends[0]


def test_the_logistic_plateau_is_bounded_where_that_of_the_square_loss_grows():
    lengths = [flow_plateau(logistic_gradient(epsilon, 1.0), 0.8, np.array([0.0, 3.0])) for epsilon in (1e-4, 1e-8)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-2)
    found = claim("F11").predicts("flow", (THETA, MARGIN, U1, U2))(0.8, 1.0, 0.0, 3.0)
    assert lengths[1] == pytest.approx(found, rel=1e-5)
    assert length(one(epsilon=1e-8, theta=0.8)) > 1e3 * length(one(epsilon=1e-4, theta=0.8))


def test_the_limit_in_mean_square_by_moments_and_by_the_product():
    for epsilon, margin, batch in ((0.1, 0.0, 1), (0.01, 1.3, 4)):
        product = mean_square_limit(Folded(epsilon, 0.7, margin), batch)
        assert critical_step(epsilon, margin, batch) == pytest.approx(product, rel=1e-8)
