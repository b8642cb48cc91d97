"""Discrete steps: counted arrivals and plateaus, stability, cycles, and the propagator past the iterated steps."""

import math
import re

import numpy as np
import pytest

from simulations.descent import descend
from simulations.flow import flow
from simulations.plateaus import longest_run, spread
from simulations.population import population
from simulations.propagator import Propagator
from simulations.steps import steps
from theory.checks import ArgumentError
from theory.discretisation import largest_stable_step
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.plateaus import ARRIVAL_SPREAD, LONGEST_RUN
from theory.plateaus import spread as spread_of
from theory.predictions import predict
from theory.rule_ids import rule


def test_the_propagator_is_what_the_steps_do():
    model = Folded(0.3, 1.0, 0.5, 0.01)
    numbers, start = population(model), model.start((2, -3))
    for name, step in (("gd", 0.9), ("gd", 0.2), ("newton", 0.3), ("newton", 1.4)):
        taken = np.concatenate(list(steps(numbers, rule(name), step, start, 60)))
        jumped = Propagator(numbers, rule(name), step, start, np.eye(2), np.ones(2, bool)).weights(np.arange(1.0, 61.0))
        np.testing.assert_allclose(taken, jumped, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-8])
def test_a_plateau_too_long_to_iterate_is_measured_by_the_propagator(epsilon):
    model, start = Folded(epsilon, 0.6, 2.0), (3.0, 4.0)
    weights = model.start(start)
    measured = descend(model, "gd", 0.05, weights, max_steps=1000)
    expected = predict(model, rule("gd"), "descent", weights, step=0.05)
    assert measured.plateaus[LONGEST_RUN] == expected.plateaus[LONGEST_RUN][0] > 1e5
    assert "exact propagator" in measured.stop_reason
    np.testing.assert_array_equal(measured.arrivals, expected.arrivals)


def test_iterating_on_or_jumping_ahead_gives_the_same_numbers():
    model = Folded(0.003, 1.2, 0.3)
    for start in ((1.0, 3.0), (-2.0, 0.5), (5.0, 1.0)):
        whole, jumped = (descend(model, "gd", 0.5, model.start(start), max_steps=n) for n in (100_000, 50))
        assert whole.plateaus[LONGEST_RUN] == jumped.plateaus[LONGEST_RUN]
        np.testing.assert_array_equal(whole.arrivals, jumped.arrivals)


def test_many_starts_at_once_take_the_same_steps_as_one():
    model = Folded()
    starts = np.random.default_rng(0).standard_normal((50, 1, 2))
    for name in ("gd", "egd", "newton", "power:0.5", "frobenius", "momentum:0.5", "grokfast"):
        (*_, together) = steps(population(model), rule(name), 0.1, starts, 30)
        for index in (0, 17, 49):
            (*_, alone) = steps(population(model), rule(name), 0.1, starts[index], 30)
            np.testing.assert_allclose(together[:, index], alone, rtol=1e-12)


def test_a_step_above_the_limit_says_so():
    run = descend(Folded(), "gd", 0.8)
    assert run.stop_reason.startswith("diverged: step 0.8 is not below the largest stable step 0.792037")
    assert run.censored
    assert np.isfinite(run.weights).all()
    assert run.plateaus[LONGEST_RUN] is None


def test_a_step_that_removes_the_slow_error_at_once_still_diverges():
    """At 100, one over the slow curvature, the slow error is gone after one step: that is no reason to stop there."""
    run = descend(Folded(), "gd", 100)
    assert run.stop_reason == "diverged: step 100 is not below the largest stable step 0.792037"
    assert run.evaluations > 1


def test_a_step_at_the_limit_never_settles():
    model = Regression.from_spectrum([1.0, 0.5])
    run = descend(model, "gd", 2.0, max_steps=500)
    assert "not below the largest stable step 2" in run.stop_reason
    assert run.censored


@pytest.mark.parametrize("seed", [None, 1])
def test_egd_steps_end_in_a_cycle_no_wider_than_the_step(seed):
    model = Regression.from_spectrum([1, 0.3], start=[1.03, 0.78], seed=seed)
    run = descend(model, "egd", 0.1)
    assert "cycle of two steps" in run.stop_reason
    assert run.amplitudes[-1].max() <= 0.1
    np.testing.assert_allclose(run.amplitudes[-1] + run.amplitudes[-2], 0.1, rtol=1e-9)


def test_egd_steps_along_a_line_are_exact():
    model = Regression.from_spectrum([1, 0.3], start=[1.0, 2.0], seed=2)
    run = descend(model, "egd", 0.25)
    np.testing.assert_array_equal(run.arrivals, [4, 8])
    np.testing.assert_allclose(run.amplitudes[:9, 1], 2 - 0.25 * np.arange(9), atol=1e-12)


@pytest.mark.parametrize("name", ["egd", "power:0.5", "ngd"])
def test_steps_converge_to_the_flow_with_order_one_from_a_start_that_is_not_aligned(name):
    from simulations.flow import flow

    rng = np.random.default_rng(7)
    model = Regression(np.diag([1.0, 0.4, 0.2]), rng.standard_normal((2, 3)))
    start = np.zeros((2, 3))
    path = flow(model, name, start)
    until = 0.3 * path.restarts[0]
    assert until < path.restarts[0]
    errors = []
    for step in (until / 50, until / 100, until / 200):
        (*_, chunk) = steps(population(model), rule(name), step, start, round(until / step))
        index = int(np.searchsorted(path.times, until))
        near = slice(index - 3, index + 3)
        fit = [
            np.polynomial.Polynomial.fit(path.times[near], path.weights[near, i, j], 4)(until)
            for i in range(2)
            for j in range(3)
        ]
        errors.append(np.abs(chunk[-1].ravel() - fit).max())
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1, atol=0.05)


def test_bad_steps_are_refused():
    for step in (0, -0.1):
        with pytest.raises(ArgumentError, match="`step` must be positive"):
            descend(Folded(), "gd", step)
    with pytest.raises(ArgumentError, match="`step` must be finite"):
        descend(Folded(), "gd", float("nan"))


def test_longest_run_counts_the_longest():
    assert longest_run(np.array([], bool)) == 0
    assert longest_run(np.array([1, 1, 0, 1, 1, 1, 0, 1], bool)) == 3


def test_arrivals_that_differ_by_rounding_are_no_spread():
    late = 7.0 + 4 * np.spacing(7.0)
    assert spread(np.array([7.0, late]), np.array([True, True])) == 0.0 == spread_of([7.0, late])
    near = 7.0 * (1 + 1e-13)
    assert spread(np.array([7.0, near]), np.array([True, True])) == near - 7.0 == spread_of([7.0, near])


def test_under_equal_contraction_all_arrive_together():
    """Predicted and measured; the flow finds each arrival to a few units in the last place."""
    model = Regression.from_spectrum([1.0, 0.1, 0.01], start=[1.0, 2.0, 5.0], seed=3)
    found = predict(model, "newton", "flow", model.start()).plateaus[ARRIVAL_SPREAD]
    assert found[0] == flow(model, "newton").plateaus[ARRIVAL_SPREAD] == 0.0


@pytest.mark.parametrize("name", ["gd", "newton", "momentum:0.6"])
def test_the_largest_stable_step_is_where_steps_begin_to_grow(name):
    model = Regression.from_spectrum([2.0, 0.7], seed=3)
    limit = largest_stable_step(model, rule(name))
    below, above = (descend(model, name, factor * limit, max_steps=20_000) for factor in (0.99, 1.01))
    assert below.stop_reason == "every direction has arrived"
    assert above.stop_reason.startswith("diverged")


def test_a_rule_at_its_limit_says_so_in_plain_words():
    model = Folded()
    limit = largest_stable_step(model, rule("gd"))
    run = descend(model, "gd", limit, max_steps=90_000)
    assert run.stop_reason.startswith(f"not settled after {run.evaluations} steps; step {limit!r} is not below")


@pytest.mark.parametrize(("part", "digits"), [(1 + 2**-52, 16), (1 + 1e-9, 8), (1 + 1e-4, 6), (2, 6)])
def test_a_step_and_its_limit_are_told_apart(part, digits):
    model = Folded()
    limit = largest_stable_step(model, rule("gd"))
    reason = descend(model, "gd", part * limit, max_steps=500).stop_reason
    step, said = re.findall(r"step (\d[.\d]*)", reason)
    assert float(step) > float(said)
    assert len(said) == len("0.") + digits


def test_a_step_within_rounding_of_its_limit_has_no_end_to_jump_to():
    """One rounding below the limit the propagator's factor is 1: no number of steps is enough."""
    model = Folded()
    limit = largest_stable_step(model, rule("gd"))
    run = descend(model, "gd", math.nextafter(limit, 0), max_steps=500)
    assert run.stop_reason.startswith("not settled after 500 steps; step 0.792036774774555") and run.censored
