"""Ensembles: closed forms, heyoka and SciPy tell the same of every member, and no event is missed."""

import importlib.util

import mpmath
import numpy as np
import pytest
import sympy as sp

from simulations import engines
from simulations.ensemble_modes import FactorizedModes, RegressionModes
from simulations.ensembles import ensemble, ensembles
from theory.checks import ArgumentError, ArgumentTypeError
from theory.models import factorized_chain, factorized_mode, regression, regression_chain
from theory.models.factorized_mode import TARGET
from theory.modes import CLOCK, NEGATIVE, REGIMES, factorized_path, factorized_residuals, regression_path
from theory.propagators import BEGIN, lifted_below, propagator
from theory.rule_ids import rule
from theory.rules import SIGMA, Rule

HEYOKA = pytest.param(
    "heyoka",
    marks=pytest.mark.skipif(importlib.util.find_spec("heyoka") is None, reason="heyoka (extra `fast`) is missing"),
)
INTEGRATORS = [HEYOKA, "scipy"]
# The tolerance 1e-13 on logarithms that grow to a few tens, over two or three regimes.
CLOSE = 2e-11


def spread(count, depth, seed=0):
    """Targets over nine decades, factors of both signs over five, some of them tied and tiny."""
    rng = np.random.default_rng(seed)
    factors = 10 ** rng.uniform(-4, 1, (depth, count)) * rng.choice([-1, 1], (depth, count))
    factors[:, : count // 8] = 1e-8 ** (1 / depth) * np.sign(factors[:, : count // 8])
    return FactorizedModes(10 ** rng.uniform(-6, 3, count), factors)


def assert_same(found, expected, rtol=CLOSE):
    assert found.outcomes.tolist() == expected.outcomes.tolist()
    assert found.crossings.tolist() == expected.crossings.tolist()
    for name in ("arrivals", "extinctions", "ended", "states"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol, err_msg=name)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "damped:0.1", "ngd"])
def test_a_path_obeys_the_mode_equations(name, depth, regime):
    assert [sp.simplify(one) for one in factorized_residuals(rule(name), depth, regime)] == [0] * (depth + 1)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
@pytest.mark.parametrize("name", ["gd", "egd"])
def test_a_propagator_solves_its_path(name, regime):
    path = factorized_path(rule(name), 2, regime)
    closed = sp.lambdify((CLOCK, BEGIN, TARGET, *path.logs), propagator(path), "mpmath")
    slopes = sp.lambdify((CLOCK, TARGET, *path.logs), sp.Tuple(*path.rates, path.slowness), "mpmath")
    with mpmath.workdps(40):
        logs = mpmath.mpf(-0.75), mpmath.mpf(1.25)
        product = mpmath.exp(sum(logs))
        target = product * {"growing": 3, "shrinking": mpmath.mpf(1) / 3, "negative": 2}[regime.name]
        begin = -mpmath.log({"growing": 2, "shrinking": product - target, "negative": product}[regime.name])
        found = closed(begin + mpmath.mpf(0.6), begin, target, *logs)
        for place in range(3):
            slope = mpmath.diff(lambda z, at=place: closed(z, begin, target, *logs)[at], begin + mpmath.mpf(0.6))
            expected = slopes(begin + mpmath.mpf(0.6), target, *found[:2])[place]
            assert abs(slope - expected) < 1e-15  # of a numerical derivative with 40 digits
            assert abs(closed(begin, begin, target, *logs)[place] - (*logs, 0)[place]) < 1e-35


def test_the_descent_below_zero_is_the_chains_integral_in_other_words():
    chain = factorized_chain.derive(rule("gd")).laws["lift_below"]
    size, residual = sp.symbols("b r", positive=True)
    at = {factorized_mode.IMBALANCE: sp.Rational(7, 5), TARGET: sp.Rational(2, 3), size: sp.Rational(1, 9)}
    stated = 4 * factorized_mode.IMBALANCE**2 * lifted_below(size, residual).subs(residual, TARGET + size)
    derived = (chain / (TARGET - factorized_mode.AMPLITUDE)).subs(factorized_mode.AMPLITUDE, -size)
    assert sp.simplify((stated - derived).subs(at)) == 0


@pytest.mark.parametrize("engine", INTEGRATORS)
@pytest.mark.parametrize("name", ["gd", "egd"])
def test_integrators_agree_with_the_propagators(name, engine):
    modes = spread(160, 2)
    found, exact = ensemble(modes, name, engine=engine), ensemble(modes, name)
    assert exact.engine == "exact"
    assert not exact.steps.any()
    assert exact.crossings.sum() > 40
    assert (exact.outcomes == "saddle").sum() > 5
    assert_same(found, exact)


@pytest.mark.skipif(importlib.util.find_spec("heyoka") is None, reason="heyoka (extra `fast`) is missing")
def test_heyoka_and_scipy_agree_where_there_is_no_closed_form():
    modes = spread(80, 2, seed=1)
    assert_same(ensemble(modes, "power:0.5", engine="heyoka"), ensemble(modes, "power:0.5", engine="scipy"))
    modes, how = RegressionModes(np.geomspace(1e-3, 30, 20), 0.1), Rule("own", sp.sqrt(SIGMA) + SIGMA)
    assert_same(ensemble(modes, how, engine="heyoka"), ensemble(modes, how, engine="scipy"))


@pytest.mark.parametrize("engine", INTEGRATORS)
def test_a_law_that_saturates_is_followed_from_far_beyond_its_limit(engine):
    rates = np.geomspace(1, 1000, 100)
    modes, how = RegressionModes(rates, 2.0), Rule("own", sp.tanh(SIGMA))
    found = ensemble(modes, how, engine=engine)
    assert ensemble(modes, how).engine == "scipy"
    # log sinh(λe)/λ falls at unit speed
    log_sinh = [rates * e + np.log1p(-np.exp(-2 * rates * e)) for e in (2.0, 2e-3)]
    np.testing.assert_allclose(found.arrivals, (log_sinh[0] - log_sinh[1]) / rates, rtol=1e-12)


def test_a_speed_that_grows_as_the_gradient_falls_ends_all_factors_together():
    found = ensemble(FactorizedModes([1.0], [[0.5], [-0.2]]), "ngd", engine="scipy")
    # both factors shrink by the same share; d|a|/dt = −2/(1 + |a|), and |a| starts at 0.1
    assert found.outcomes.tolist() == ["saddle"]
    assert found.ended[0] == pytest.approx((0.1 + 0.1**2 / 2) / 2, rel=1e-12)


@pytest.mark.parametrize("engine", INTEGRATORS)
@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "power:-0.5", "ngd"])
def test_regressions_follow_their_closed_forms(name, engine):
    rates, errors = np.geomspace(1e-6, 1e3, 30)[:, None], np.array([1.0, -2.0, 1e-8])
    modes, laws = RegressionModes(rates, errors), regression_chain.derive(rule(name))
    found, exact = ensemble(modes, name, engine=engine), ensemble(modes, name)
    assert exact.engine == "exact"
    assert_same(found, exact)
    arrival = laws.function("arrival", (regression.RATE, regression.ERROR0, regression.THRESHOLD))
    wanted = np.broadcast_to(arrival(modes.rates, np.abs(modes.errors), 1e-3), 90)
    np.testing.assert_allclose(exact.arrivals, wanted, rtol=1e-13)


@pytest.mark.parametrize("engine", ["exact", *INTEGRATORS])
@pytest.mark.parametrize("name", ["egd", "power:0.1", "ngd"])
def test_no_extinction_of_a_regression_is_missed(name, engine):
    rng = np.random.default_rng(3)
    rates, errors = 10 ** rng.uniform(-6, 3, 400), 10 ** rng.uniform(-8, 2, 400)
    found = ensemble(RegressionModes(rates, -errors), name, engine=engine)
    wanted = regression_chain.derive(rule(name)).function("extinction", (regression.RATE, regression.ERROR0))(
        rates, errors
    )
    np.testing.assert_allclose(found.extinctions, wanted, rtol=CLOSE)  # 1e-9 is what is asked for
    assert set(found.outcomes) == {"extinct"}
    assert not found.states.any()


@pytest.mark.parametrize(("engine", "depth"), [pytest.param(*HEYOKA.values, 2, marks=HEYOKA.marks), ("scipy", 3)])
def test_no_extinction_of_a_factorised_mode_is_missed(depth, engine):
    rng = np.random.default_rng(4)
    targets, starts = 10 ** rng.uniform(-6, 3, 400), 10 ** rng.uniform(-8, 3, 400)
    found = ensemble(FactorizedModes.balanced(targets, starts, depth), "egd", engine=engine)
    law = factorized_chain.derive(rule("egd"), "flow", depth).function("extinction", (TARGET, factorized_mode.START))
    np.testing.assert_allclose(found.extinctions, law(targets, starts), rtol=CLOSE)
    np.testing.assert_allclose(found.states, np.tile(targets ** (1 / depth), (depth, 1)).T, rtol=CLOSE)


@pytest.mark.parametrize("engine", ["exact", *INTEGRATORS])
def test_a_factor_crosses_zero_and_both_grow(engine):
    found = ensemble(FactorizedModes([1.0], [[0.5], [-0.2]]), "egd", engine=engine, times=[0.1, 0.2, 0.5])
    # w₂ is zero at 0.2 while w₁ is 0.3; then (0.3 + t) t = 1
    grown = (np.sqrt(0.09 + 4) - 0.3) / 2
    assert found.crossings.tolist() == [1]
    assert found.extinctions[0] == pytest.approx(0.2 + grown, rel=1e-12)
    np.testing.assert_allclose(found.states, [[0.3 + grown, grown]], rtol=1e-12)
    np.testing.assert_allclose(found.values[0], [[0.4, -0.1], [0.3, 0.0], [0.6, 0.3]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ["exact", *INTEGRATORS])
def test_a_tiny_target_is_resolved_after_the_crossing(engine):
    w, s = (2.40155696e-04, -2.39023634), 1.7336771047415513e-06
    found = ensemble(FactorizedModes([s], [[w[0]], [w[1]]]), "gd", engine=engine).arrivals[0]
    # da/dt = (s − a) √(c² + 4a²), integrated by substitution
    first, second, s = mpmath.mpf(w[0]), mpmath.mpf(w[1]), mpmath.mpf(s)
    start, c = first * second, second**2 - first**2
    place = [mpmath.asinh((c**2 + 4 * s * a) / (2 * c * (s - a))) for a in (start, s + (start - s) / 1000)]
    assert found == pytest.approx(float((place[1] - place[0]) / mpmath.sqrt(c**2 + 4 * s**2)), rel=CLOSE)


@pytest.mark.parametrize("engine", ["exact", *INTEGRATORS])
def test_two_factors_that_vanish_together_rest_at_the_saddle(engine):
    modes = FactorizedModes([1.0, 2.0], [[0.3, -0.7], [-0.3, 0.7]])
    found = ensemble(modes, "egd", engine=engine, times=[0.1, 5.0])
    assert found.outcomes.tolist() == ["saddle", "saddle"]
    np.testing.assert_allclose(found.ended, [0.3, 0.7], rtol=1e-12)
    np.testing.assert_allclose(found.values[0], [[0.2, -0.2], [0, 0]], atol=1e-12)
    assert not found.states.any()
    assert np.isnan(found.arrivals).all()
    assert np.isinf(ensemble(modes, "gd", engine=engine).ended).all()  # in the limit only


@pytest.mark.parametrize("engine", INTEGRATORS)
def test_one_zero_factor_leaves_and_two_rest(engine):
    found = ensemble(FactorizedModes(np.ones(3), [[0.0, 0, 2], [-0.1, 0, 0.5]]), "egd", engine=engine)
    assert found.outcomes.tolist() == ["extinct", "at rest", "at rest"]
    assert found.extinctions[0] == pytest.approx((np.sqrt(0.01 + 4) - 0.1) / 2, rel=1e-12)
    np.testing.assert_allclose(found.states[1:], [[0, 0], [2, 0.5]])
    np.testing.assert_array_equal(found.arrivals[1:], [np.nan, 0])


@pytest.mark.parametrize("engine", INTEGRATORS)
def test_unbalanced_factors_keep_the_conserved_quantity(engine):
    modes = spread(60, 2, seed=5)
    found = ensemble(modes, "power:0.5", engine=engine)
    there = np.flatnonzero(found.outcomes == "extinct")
    before, after = modes.factors[:, there], found.states.T[:, there]
    assert (found.crossings[there] == (before * after < 0).sum(axis=0)).all()
    assert found.crossings.sum() > 10
    powers = np.abs(before) ** 1.5, np.abs(after) ** 1.5  # all of them move alike, down to the crossing and up again
    assert (np.ptp(powers[1] - powers[0], axis=0) < CLOSE * np.maximum(*powers).max(axis=0)).all()


@pytest.mark.parametrize("engine", ["exact", *INTEGRATORS])
def test_values_on_a_grid(engine):
    targets, start = np.array([0.01, 1.0, 10.0]), 1e-3
    times = np.array([0.0, 1e-3, 0.3, 2.0, 100.0, 1e4])
    found = ensemble(FactorizedModes.balanced(targets, start), "gd", engine=engine, times=times)
    product = found.values.prod(axis=2)
    grown = start * np.exp(np.minimum(2 * targets[:, None] * times, 700))
    np.testing.assert_allclose(product, targets[:, None] * grown / (targets[:, None] - start + grown), rtol=1e-11)
    without = ensemble(FactorizedModes.balanced(targets, start), "gd", engine=engine)
    assert_same(without, found)
    error = ensemble(RegressionModes([2.0, 2.0], [1.0, -3.0]), "egd", engine=engine, times=times).values[..., 0]
    np.testing.assert_allclose(error[0], np.maximum(1 - times, 0), atol=1e-13)
    np.testing.assert_allclose(error[1], -np.maximum(3 - times, 0), atol=1e-13)
    last = ensemble(RegressionModes([2.0], [1.0]), "egd", engine=engine, times=[1 - 5e-9]).values
    assert last[0, 0, 0] == pytest.approx(5e-9, rel=1e-6)  # 1 − 5e-9 is rounded to 1e-16


@pytest.mark.parametrize("engine", INTEGRATORS)
def test_a_bad_member_is_reported_and_the_others_finish(engine):
    targets = np.array([1.0, 0.0, -1.0, np.nan, 1.0, 1.0, 1.0, 2.0])
    factors = np.full((2, 8), 0.1)
    factors[0, 4], factors[1, 5], factors[:, 6] = np.nan, np.inf, 1e200
    found = ensemble(FactorizedModes(targets, factors), "egd", engine=engine, times=[0.5])
    assert found.failed.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.outcomes.tolist() == [
        "extinct",
        "failed: the target is not positive",
        "failed: the target is not positive",
        "failed: the target is not finite",
        "failed: the start is not finite",
        "failed: the start is not finite",
        "failed: the product of the factors overflows",
        "extinct",
    ]
    alone = ensemble(FactorizedModes(targets[[0, 7]], factors[:, [0, 7]]), "egd", engine=engine)
    np.testing.assert_allclose(found.extinctions[[0, 7]], alone.extinctions, rtol=1e-12)
    assert np.isnan(found.states[1:7]).all()
    assert np.isnan(found.values[1:7]).all()
    resting = ensemble(RegressionModes([0.0, 1, 1, -1], [1.0, 0, 1, 1]), "egd", engine=engine)
    assert resting.outcomes.tolist() == ["at rest", "at rest", "extinct", "failed: the curvature is negative"]


@pytest.mark.parametrize("engine", INTEGRATORS)
def test_a_member_that_is_stuck_is_reported_and_its_neighbours_finish(engine, monkeypatch):
    monkeypatch.setattr(engines, "MOST_STEPS", 20)
    monkeypatch.setattr(engines, "MOST_EVALUATIONS", 500)
    targets = np.full(20, 2e-3)
    targets[7] = 1e6  # twenty factors of ten to go, the others have a factor of two
    found = ensemble(FactorizedModes.balanced(targets, 1e-3), "gd", engine=engine, threshold=0.5)
    assert found.failed.tolist() == [7]
    assert found.outcomes[7] == "failed: the solver gave up"
    assert np.isfinite(np.delete(found.arrivals, 7)).all()


@pytest.mark.parametrize("engine", ["exact", HEYOKA])
def test_chunks_change_nothing(engine):
    modes = spread(60, 2, seed=6)
    whole, calls = ensemble(modes, "egd", engine=engine), []
    parts = ensemble(modes, "egd", engine=engine, chunk=7, progress=lambda done, total: calls.append((done, total)))
    assert_same(parts, whole, rtol=0)
    assert calls == [(min(7 * k, 60), 60) for k in range(1, 10)]


def test_chunks_of_scipy_differ_by_the_tolerance():
    modes = spread(60, 2, seed=6)
    assert_same(ensemble(modes, "egd", engine="scipy", chunk=50), ensemble(modes, "egd", engine="scipy"))


def test_several_rules():
    found = ensembles(RegressionModes([1.0, 0.1], 1.0), ["gd", "egd"])
    assert list(found) == ["gd", "egd"]
    np.testing.assert_allclose(found["gd"].arrivals, np.log(1e3) * np.array([1, 10]))
    np.testing.assert_allclose(found["egd"].extinctions, 1.0)


def test_without_heyoka_scipy_takes_over(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    modes = FactorizedModes.balanced(1.0, 0.1, depth=3)
    assert ensemble(modes, "egd").engine == "scipy"
    with pytest.raises(ArgumentError, match="`engine` must be installed"):
        ensemble(modes, "egd", engine="heyoka")


def test_newton_has_a_propagator_and_a_sum_of_powers_has_none():
    assert propagator(regression_path(rule("newton"))) is not None
    assert propagator(factorized_path(rule("power:0.5"), 2, NEGATIVE)) is None
    assert propagator(factorized_path(rule("egd"), 3, NEGATIVE)) is None


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"tolerance": 1e-17}, "`tolerance` must lie between"),
        ({"times": [1.0, 0.5]}, "`times` must ascend"),
        ({"times": [-1.0, 0.5]}, "`times` must be finite and not negative"),
        ({"times": [[1.0]]}, "`times` must have the shape"),
        ({"threshold": 0.0}, "`threshold` must lie in"),
        ({"chunk": 0}, "`chunk` must be a whole number"),
        ({"engine": "hyoka"}, "did you mean heyoka"),
        ({"how": "frobenius"}, "`how` must give each singular value a speed of its own"),
        ({"how": "damped:0.1", "engine": "exact"}, "`engine` must be heyoka or scipy"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, match):
    with pytest.raises(ArgumentError, match=match) as caught:
        ensemble(FactorizedModes([1.0], [[0.1], [0.2]]), **{"how": "gd", **options})
    assert "\n" not in str(caught.value)


def test_bad_shapes_are_refused():
    with pytest.raises(ArgumentError, match="`factors` must have the shape"):
        FactorizedModes([1.0, 2.0], [[0.1], [0.2]])
    with pytest.raises(ArgumentError, match="`targets` must have the shape"):
        FactorizedModes(1.0, [[0.1], [0.2]])
    with pytest.raises(ArgumentError, match="`errors` must broadcast"):
        RegressionModes([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match="`depth` must be a whole number"):
        FactorizedModes.balanced(1.0, 0.1, depth=1)
    with pytest.raises(ArgumentTypeError, match="`rates` must be an array of numbers"):
        RegressionModes(["a"], 1.0)
