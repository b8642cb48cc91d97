"""Noisy labels: the expected risk of stopped fits, derived and drawn, and which rule is right for which signal."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from simulations.noisy_fit import measured_risk
from theory import early_stopping, weak_signals
from theory.checks import ArgumentError
from theory.early_stopping import GIVEN, NOISE, RATE, TIME, stopping
from theory.noisy_fit import NoisyRegression, break_even, power_law
from theory.rule_ids import rule
from theory.simplicity import NoisyTarget
from theory.weak_signals import gain_share, weak_signal

RULES = "gd", "egd", "ngd"
RATES = 1 / np.arange(1, 6.0) ** 2
CHAINS = [stopping(rule(name)) for name in RULES] + [weak_signal()]


@pytest.mark.parametrize(("chain", "step"), [(chain.rule, step) for chain in CHAINS for step in chain.steps])
def test_sympy_confirms_each_step(chain, step):
    assert step.holds, (chain, step.name)


@pytest.mark.parametrize("name", RULES)
def test_a_wrong_length_or_moment_is_not_confirmed(name, monkeypatch):
    length = early_stopping._length
    monkeypatch.setattr(early_stopping, "_length", lambda how: length(how) / 2)
    assert not stopping.__wrapped__(rule(name)).holds
    monkeypatch.setattr(early_stopping, "_length", length)
    composed = early_stopping._composed
    monkeypatch.setattr(early_stopping, "_composed", lambda cross, square: composed(cross, 2 * square))
    assert stopping.__wrapped__(rule(name)).holds == (name == "ngd")  # whose two parts are checked one by one
    monkeypatch.setattr(early_stopping, "density", lambda *x: 2)
    assert not stopping.__wrapped__(rule(name)).holds or name == "gd"


def test_a_wrong_moment_of_the_short_time_is_not_confirmed(monkeypatch):
    moment = weak_signals.moment
    monkeypatch.setattr(weak_signals, "moment", lambda order: order * moment(order))
    assert not weak_signal.__wrapped__().holds


@pytest.mark.parametrize("name", ["gd", "egd"])
def test_a_given_target_by_quadrature(name):
    law = stopping(rule(name)).function("given", (GIVEN, NOISE, RATE, TIME))
    for target, noise, rate, time in ((0.8, 0.4, 0.3, 1.1), (-2.0, 0.1, 2.0, 0.7), (0.0, 3.0, 0.5, 4.0)):

        def moved(x, rate=rate, time=time):
            return x * -np.expm1(-rate * time) if name == "gd" else np.clip(x, -time, time)

        found, _ = quad(
            lambda x, m=target, s=noise**0.5, moved=moved: (moved(x) - m) ** 2 * norm.pdf(x, m, s),
            *(target - 12 * noise**0.5, target + 12 * noise**0.5),
            points=(-time, time),
            epsabs=1e-11,
        )
        assert float(law(target, noise, rate, time)) == pytest.approx(found, abs=1e-9)  # of the quadrature


@pytest.mark.parametrize(("name", "outputs"), [*itertools.product(RULES, (1, 2, 7, 40))])
def test_the_risk_of_directions_apart_is_that_of_draws(name, outputs):
    """Up to 4,000 draws at four times: the largest of 48 deviations in all is below 4 of their own."""
    case = NoisyRegression(RATES, power_law(RATES, 0.5), 0.2, outputs)
    scale = {"gd": 5.0, "egd": 0.7 * outputs**0.5, "ngd": 0.05 * outputs}[name]
    found = measured_risk(case, name, scale * np.array([0.1, 0.5, 1.0, 3.0]), draws=8000 // (1 + outputs), seed=outputs)
    assert np.abs((found.risk - case.risk(name, found.times)) / found.deviation).max() < 4
    assert (found.deviation < 0.03 * found.risk).all()


def test_one_gradient_for_all_directions_comes_near_as_outputs_grow():
    """Gaussian labels of many outputs have nearly orthogonal columns; gradient descent has no need of that."""
    far = []
    for outputs in (4, 64):
        case = NoisyRegression([1.0, 0.25, 0.1], 1.0, 0.2, outputs)
        stop, draws = case.best_stop("egd"), 1600 // outputs
        both = [measured_risk(case, "egd", [stop.time], draws=draws, seed=3, apart=apart) for apart in (True, False)]
        far.append(float(both[1].risk[0] / both[0].risk[0] - 1))  # the same draws
    assert far[0] > 0.05 and abs(far[1]) < 0.02, far
    pair = [measured_risk(case, "gd", [0.3, 3.0], draws=4, seed=3, apart=apart) for apart in (True, False)]
    np.testing.assert_allclose(pair[0].risk, pair[1].risk, rtol=5e-3)  # steps of 0.003


def test_the_end_points_of_the_risk():
    case = NoisyRegression(RATES, 2.0, 0.1, 3, RATES)
    for name in RULES:
        start, end = case.risk(name, [0.0, 1e6])
        assert start == pytest.approx(case.unfitted) and end == pytest.approx(case.fitted)
        assert case.best_linear < case.best_stop(name).risk <= case.fitted


def test_gradient_descent_stops_one_direction_at_the_best_estimate_and_egd_does_not():
    case = NoisyRegression([0.3], 1.0, 0.5)
    assert case.best_stop("gd").risk == pytest.approx(case.best_linear, rel=1e-12)
    assert case.best_stop("gd").time == pytest.approx(np.log1p(1 / case.fit_noise[0]) / 0.3, rel=1e-6)
    stop = case.best_stop("egd")
    ratio = stop.time / np.sqrt(1 + case.fit_noise[0])
    # T Q(T)/φ(T) is the share of signal; a minimum is known to the square root of rounding
    assert ratio * norm.sf(ratio) / norm.pdf(ratio) == pytest.approx(1 / (1 + case.fit_noise[0]), rel=1e-6)
    assert stop.risk > 1.03 * case.best_linear


def test_the_window_is_where_the_risk_is_near_its_best():
    case = NoisyRegression(RATES, 1.0, 0.05)
    for name in ("gd", "egd"):
        stop = case.best_stop(name)
        np.testing.assert_allclose(case.risk(name, [stop.earliest, stop.latest]), 1.1 * stop.risk, rtol=1e-9)
        assert stop.earliest < stop.time < stop.latest and stop.window > 1
    assert NoisyRegression(RATES, 1.0, 1e-6).best_stop("egd").latest == np.inf
    assert NoisyRegression(RATES, 1.0, 1e6).best_stop("egd").earliest == 0.0
    assert NoisyRegression(RATES, 1.0, 1e6).best_stop("egd").window == np.inf


@pytest.mark.parametrize(("outputs", "name"), [(1, "gd"), (1, "egd"), (8, "egd"), (8, "ngd")])
def test_the_gain_of_weak_signals_is_the_limit_of_large_noise(outputs, name):
    """The share of the best gain tends to the law, with an error that falls as the signal's share of the fit does."""
    signal, wrong = power_law(RATES, 0.25), []
    for noise in (100.0, 1000.0):
        case = NoisyRegression(RATES, signal, noise, outputs)
        gained = (case.unfitted - case.best_stop(name).risk) / (case.unfitted - case.best_linear)
        wrong.append(abs(gained / gain_share(rule(name), RATES, signal, 1.0, outputs) - 1))
    assert wrong[1] < 2e-3
    assert wrong[0] / wrong[1] == pytest.approx(10, rel=0.15)  # of first order in 1/noise


def test_each_rule_has_a_signal_of_its_own():
    for power, outputs in ((0, 1), (0.5, 1), (1, 1), (1, 5), (2, 5)):
        how = rule(f"power:{power}")
        best = max(np.linspace(0, 1.5, 61), key=lambda b, how=how, c=outputs: gain_share(how, RATES, RATES**-b, 1.0, c))
        assert best == pytest.approx(power / 2)
    assert gain_share(rule("egd"), RATES, RATES**-0.5, 1.0, 1) == pytest.approx(2 / np.pi)
    assert gain_share(rule("ngd"), RATES, RATES**-1.0, 1.0, 5) == pytest.approx(3 / 5)


def test_egd_loses_on_an_even_signal_and_wins_on_one_in_slow_directions():
    for noise in (0.5, 2.0, 10.0, np.inf):
        edge = break_even(RATES, noise)
        assert 0 < edge < 3
        for exponent, better in ((0.0, "gd"), (edge - 0.05, "gd"), (edge + 0.05, "egd")):
            if np.isfinite(noise):
                case = NoisyRegression(RATES, power_law(RATES, exponent), noise)
                risks = {name: case.best_stop(name).risk for name in ("gd", "egd")}
                assert min(risks, key=risks.get) == better
    assert break_even(RATES, 1000.0) == pytest.approx(break_even(RATES, np.inf), abs=1e-3)
    assert break_even(RATES, 1e-4) is None  # little noise: whatever the signal, gradient descent loses nothing


def test_a_direction_of_nothing_but_noise_costs_what_is_fitted_of_it():
    """Its least risk is at the start; a risk of c tau^2 E min(chi, T)^2 for EGD, and all of the noise in the end."""
    both = NoisyRegression([1, 0.1], [2.0, 0.0], 0.05)
    alone, nothing = NoisyRegression([1], 2.0, 0.05), both.fit_noise[1]
    times = np.array([0.1, 1.0, 10.0])
    assert both.risk("gd", times) - alone.risk("gd", times) == pytest.approx(nothing * (1 - np.exp(-0.1 * times)) ** 2)
    drawn = np.sqrt(nothing) * np.abs(np.random.default_rng(0).standard_normal(400_000))
    cut = [np.minimum(drawn, time) ** 2 for time in times]
    # four standard errors
    wide = [4 * values.std() / np.sqrt(len(values)) for values in cut]
    found = both.risk("egd", times) - alone.risk("egd", times)
    assert (np.abs(found - [values.mean() for values in cut]) <= wide).all()
    for name in ("gd", "egd"):
        assert both.best_linear < both.best_stop(name).risk < min(both.unfitted, both.fitted)


@pytest.mark.parametrize("name", ["gd", "egd", "ngd"])
@pytest.mark.parametrize("noise", [1e-30, 1e-17, 1e-9, 1e8, 1e20])
def test_a_stop_under_hardly_any_noise_and_under_nothing_else(name, noise):
    """Where rounding is larger than the risk it is never below that of the best estimate."""
    case = NoisyRegression([1, 0.3], 1.0, noise)
    found = case.best_stop(name)
    assert case.best_linear <= found.risk <= min(case.fitted, case.unfitted)
    assert found.earliest <= found.time <= found.latest and found.window >= 1


def test_without_signal_the_start_is_best():
    for name in ("gd", "egd"):
        found = NoisyTarget((1, 0.1), 0).best_stop(name)
        assert (found.time, found.earliest) == (0, 0) and found.risk == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: NoisyRegression([1, 0]), "`rates` must be positive"),
        (lambda: NoisyRegression([1, 2], [1, 2, 3]), "`signal` must hold 1 or 2 numbers"),
        (lambda: NoisyRegression([1], noise=0), "`noise` must be positive"),
        (lambda: NoisyRegression([1], outputs=0), "`outputs` must be a whole number"),
        (lambda: NoisyRegression([1], weights=0), "`weights` must hold a positive number"),
        (lambda: NoisyRegression([1, 2], [0, 0]), "`signal` must hold a positive number"),
        (lambda: NoisyRegression([1]).risk("egd", [1, np.inf]), "`times` must be zero or positive, and finite"),
        (lambda: NoisyRegression([1]).risk("gd", -1), "`times` must be zero or positive, and finite"),
        (lambda: NoisyRegression([1]).risk("power:0.5", 1), "`rule` must be gd, egd or ngd"),
        (lambda: NoisyRegression([1], outputs=61).best_stop("ngd"), "`outputs` must be at most 60"),
        (lambda: measured_risk(NoisyRegression([1]), "gd", [2, 1]), "`times` must ascend"),
        (lambda: measured_risk(NoisyRegression([1]), "gd", [1], draws=1), "`draws` must be a whole number"),
        (lambda: measured_risk(NoisyRegression([1]), "ngd", [1], apart=False), "`rule` must settle"),
        (lambda: measured_risk(NoisyRegression([1]), "newton", [1]), "`rule` must be a spectral rule"),
        (lambda: gain_share(rule("ngd"), RATES, RATES, 1.0, 2), "`rule` must be a power law"),
        (lambda: gain_share("newton", RATES, RATES, 1.0, 2), "`rule` must be a power law"),
        (lambda: gain_share("egd", [1, 0], 1, 1, 1), "`rates` must be positive"),
        (lambda: gain_share("egd", [1, 2], [0, 1], [1, 0], 1), "`signal` must be positive in a direction that counts"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()
