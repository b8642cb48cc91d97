"""Layered flows to errors far below the rounding of the layers, against closed forms and a Taylor series."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from simulations.layered_flow import layered_flow
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.predictions import predict
from theory.rule_ids import rule

VALUES, STARTS = (1.0, 0.5, 0.2), (0.01, 0.2, 1e-3)


@pytest.mark.parametrize("threshold", [1e-3, 1e-8, 1e-10, 1e-14, 1e-20])
def test_gradient_flow_follows_the_logistic_law_to_any_threshold(threshold):
    """Balanced factors of two layers: a/(s − a) grows like exp 2st."""
    run = layered_flow(Factorized.from_spectrum(VALUES, seed=1, start=STARTS), "gd", threshold=threshold)
    with mp.workdps(40):
        pairs = [(mp.mpf(s), mp.mpf(a)) for s, a in zip(VALUES, STARTS, strict=True)]
        expected = [mp.log((s - threshold * (s - a)) / a / threshold) / (2 * s) for s, a in pairs]
    # the steps are taken to 1e-12; before, all digits of an error of 1e-10 but two were rounding
    np.testing.assert_allclose(run.arrivals, np.array(expected, float), rtol=2e-11)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize(
    ("name", "close"), [("egd", 1e-10), ("power:0.5", 1e-9), ("ngd", 1e-10), ("damped:0.1", 1e-10)]
)
def test_arrivals_below_what_is_extrapolated_are_as_predicted(name, close, depth):
    """1e-12 of an error that follows h ~ σ^½ is 1e-6 of the time away from its extinction."""
    model = Factorized.from_spectrum(VALUES, depth=depth, seed=1, start=STARTS)
    found = predict(model, rule(name), "flow", model.start(), threshold=1e-12)
    run = layered_flow(model, name, threshold=1e-12)
    # ten times the solver's tolerance
    np.testing.assert_allclose(run.arrivals, np.array(found.arrivals, float), rtol=1e-9)


def test_from_a_start_that_is_not_aligned_small_errors_are_exact():
    model = Factorized.from_target(np.array([[1.0, 0.4], [0.2, -0.6]]))
    start = model.random_start(0.3, 2)
    run = layered_flow(model, "gd", start, threshold=1e-12)
    target, right = mp.matrix(model.target.tolist()), mp.matrix(model.right.tolist())

    def matrices(y):
        return mp.matrix([y[:2], y[2:4]]), mp.matrix([y[4:6], y[6:]])

    def slope(_, y):
        low, high = matrices(y)
        error = high * low - target
        return [-x for x in (*(high.T * error), *(error * low.T))]

    with mp.workdps(25):
        path = mp.odefun(
            slope, 0, [mp.mpf(x) for layer in start for x in layer.ravel().tolist()], tol=mp.mpf(10) ** -20
        )

        def size(time, place):
            low, high = matrices(path(time))
            return mp.norm((high * low - target) * right[:, place])

        for place, time in enumerate(run.arrivals):
            left = size(mp.mpf(float(time)), place) / size(0, place)
            # an error of 1e-12 in the time is one of about 4e-11 in what is left, at rates of about 2 and times of 20
            assert float(left) == pytest.approx(1e-12, rel=1e-10, abs=0)


@pytest.mark.parametrize("depth", [2, 3])
def test_frobenius_over_five_directions_needs_no_more_than_others(depth):
    model = Factorized.from_spectrum((1, 0.5, 0.2, 0.1, 0.03), depth=depth, seed=7)
    run = layered_flow(model, "frobenius", max_evaluations=8_000)
    assert run.stop_reason == "at rest"
    order = layered_flow(model, "gd")  # the same path at another pace
    np.testing.assert_array_equal(np.argsort(run.arrivals), np.argsort(order.arrivals))


def test_a_threshold_that_weight_decay_hides_is_refused():
    model = Factorized.from_spectrum(VALUES, start=0.1, weight_decay=0.01)
    with pytest.raises(ArgumentError, match=r"`threshold` must be at least 2\.1e-09 for a flow with weight decay"):
        layered_flow(model, "gd", threshold=1e-10)
    assert np.isfinite(layered_flow(model, "egd", threshold=1e-10).arrivals).all()
