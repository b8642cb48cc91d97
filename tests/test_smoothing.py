"""EGD smoothed near zero: the derived orders in δ, before, at and after the first extinction, and the flows."""

import functools
import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from simulations.flow import flow
from theory import smoothing
from theory.models.regression import Regression
from theory.smoothing import DELTA, MIXED, RATE, SIZE0, STAYS, derive, laplace_limit

CHAIN = derive()
FINE = 1e-3, 5e-4, 2.5e-4
# The solver's tolerance is 1e-12 and the least distance measured here 1e-7: rounding is 1e-5 of it.
TOLERANCE = 1e-12


def general(shape, seed):
    """A regression in general position of condition number 10."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((shape[1], shape[1])))[0]
    covariance = (basis * np.geomspace(1, 0.1, shape[1])) @ basis.T
    return Regression((covariance + covariance.T) / 2, rng.standard_normal(shape))


def errors(model, name, times, **options):
    """E = W − W* (len(times), c, d) at given flow times, by the solver's own interpolation."""
    found = {}

    def look(path):
        low, high = path(0.0)[0], path(1.0)[0]
        for time in times:
            if low <= time <= high and low < high:
                x = brentq(lambda x, time=time: path(x)[0] - time, 0.0, 1.0, xtol=1e-15)
                found[time] = path(x)[1] - model.minimiser

    flow(model, name, np.zeros(model.shape), rtol=TOLERANCE, observe=look, **options)
    return np.array([found[time] for time in times])


@pytest.mark.parametrize("step", CHAIN.steps, ids=lambda step: step.name)
def test_sympy_confirms_each_step(step):
    assert step.holds


@pytest.mark.parametrize("law", ["TRANSIT", "LAG", "BEHIND", "BALANCE", "MOMENT", "EXCESS", "TILT"])
def test_a_wrong_law_is_not_confirmed(law, monkeypatch):
    """Each law, half as large again, makes at least one residual differ from zero."""
    monkeypatch.setattr(smoothing, law, getattr(smoothing, law) * 3 / 2)
    assert not derive().holds


def test_the_transit_of_one_singular_value_is_that_of_the_flow():
    """λ = 0.5 and s₀ = 0.5·2 = 1: the extinction is at time 2, where x·δ is left up to δ²/2."""
    model, delta = Regression(np.array([[0.5]]), np.array([[2.0]])), 1e-4
    found = errors(model, f"damped:{delta}", (1.0, 2.0, 2.0005), threshold=1e-8)
    early, at, late = 0.5 * np.abs(found[:, 0, 0])
    lag = CHAIN.function("lag", (smoothing.LEFT, SIZE0, DELTA))(0.5, 1.0, delta)
    assert early - 0.5 == pytest.approx(lag, rel=1e-3)  # the solver's 1e-12 beside 5e-9
    assert at == pytest.approx(float(laplace_limit()) * delta, rel=delta)
    behind = CHAIN.function("behind", (smoothing.TIME, RATE, DELTA))(0.0005, 0.5, delta)
    assert late == pytest.approx(behind, rel=(late / delta) ** 2)  # of the next term of the expansion


def test_the_excess_of_the_moment_is_that_of_the_integral():
    """By the lag s(t) − (s₀ − λt), put in as a function of s, with λ = 2 and s₀ = 1.5."""
    delta, rate, start = 1e-3, 2.0, 1.5

    def transit(s):
        return np.hypot(s, delta) - delta * np.arcsinh(delta / s)

    def time(s):
        return (transit(start) - transit(s)) / rate

    edges = [0.0, *np.geomspace(1e-8, start, 12)]
    moment = sum(quad(time, a, b, epsabs=0, epsrel=1e-13)[0] for a, b in itertools.pairwise(edges)) / rate
    excess = CHAIN.function("excess", (DELTA, RATE, SIZE0))(delta, rate, start)
    # the next order is δ⁴; the difference of moments of 0.3 loses 1e-16/1e-6
    assert moment - start**2 / (2 * rate**2) == pytest.approx(excess, rel=1e-6)


@functools.cache
def measured(shape, seed):
    """E of EGD (c, d) just before the first extinction, then E(0) (3, c, d) and E(δ) (len(FINE), 3, c, d).

    The three times are the middle of the first segment, its end, and the middle of the second.
    """
    model = general(shape, seed)
    first, second = flow(model, "egd", np.zeros(shape)).restarts[:2]
    times = first / 2, first, (first + second) / 2
    just, *there = errors(model, "egd", (first * (1 - 1e-6), *times))
    return just, np.array(there), np.array([errors(model, f"damped:{delta}", times) for delta in FINE])


@pytest.mark.parametrize(("shape", "seed"), [((2, 3), 2), ((3, 3), 2), ((4, 3), 1)])
def test_orders_before_at_and_after_the_first_extinction(shape, seed):
    _, there, smoothed = measured(shape, seed)
    distances = np.linalg.norm(smoothed - there, axis=(2, 3))
    before, at, after = np.polyfit(np.log(FINE), np.log(distances), 1)[0]
    assert before == pytest.approx(2, abs=0.01)  # the next term is a part (δ/s)² of this one
    assert at == pytest.approx(1, abs=0.03)  # the next term is a part δ log(1/δ)
    # δ² log(C/δ) has the local order 2 − 1/log(C/δ): at these δ above 1.7 for C > 0.02, below 1.95 for C < 1e5
    assert 1.7 < after < 1.95


@pytest.mark.parametrize(("shape", "seed"), [((3, 3), 2), ((4, 3), 1)])
def test_the_logarithm_after_the_first_extinction_is_the_derived_tilt(shape, seed):
    """What (E(δ) − E(0))/δ² gains from δ to δ/2 is log 2 times the tilt, applied to the error at that time."""
    just, there, smoothed = measured(shape, seed)
    scaled = (smoothed - there)[:, 2] / np.square(FINE)[:, None, None]
    gains = np.diff(scaled, axis=0) / np.log(2)
    gained = 2 * gains[1] - gains[0]  # the gains differ from their limit by O(δ)
    predicted = tilted(just, there[2], general(shape, seed).curvature)
    # 1e-6 of the time to the extinction, and what is left of O(δ²) in the gains
    assert np.linalg.norm(gained - predicted) < 0.01 * np.linalg.norm(predicted)


def tilted(nearly, there, curvature):
    """The limit of (E(δ) − E(0))/(δ² log 1/δ) from the derived law, with the errors (c, d) at and after T.

    The row along the vanished left direction is what the other rows, tilted, put there: its part along the vanished
    right direction is such that its gradient has none.
    """
    left, values, right = np.linalg.svd(nearly @ curvature, full_matrices=False)
    rate, mixed = right[-1] @ curvature @ right[-1], right[:-1] @ curvature @ right[-1]
    law = CHAIN.function("tilt", (MIXED, RATE, STAYS, DELTA))
    row = law(mixed, rate, values[:-1], np.exp(-1)) * np.exp(2)  # δ = 1/e has log(1/δ) = 1
    whole = row @ (right[:-1] - np.outer(mixed / rate, right[-1]))
    slant = (right[:-1] @ curvature @ whole) / values[:-1]
    return np.outer(left[:, -1], slant @ left[:, :-1].T @ there)
