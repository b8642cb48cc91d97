"""Finite steps: order of approach, largest stable step and cycles, derived and measured."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from simulations.descent import descend
from simulations.discretisation import contractions, discretise, fitted_order, measured_largest_step
from simulations.flow import flow
from simulations.steps import errors
from theory.checks import ArgumentError
from theory.cycles import SPREAD, cycle, polar_cycle, rescaled_cycle
from theory.derivation import Step
from theory.discretisation import approach, largest_stable_step, stability
from theory.models.folded import Folded
from theory.models.regression import ETA, FAST, RATE, SLOW, Regression
from theory.residues import residue
from theory.rule_ids import rule
from theory.rules import SIGMA, Rule

SOFT = Rule("soft", SIGMA / (1 + SIGMA))
LINEAR = ["gd", "newton", "momentum:0", "momentum:0.9", "grokfast", "grokfast:0.5:4", "damped:0.3", "column-norm", SOFT]
BOUNDED = ["egd", "ngd", "power:0.5", "power:-1", "frobenius", "newton-schulz:3", "truncated:1", "random-basis"]
ALIGNED = Regression.from_spectrum([1, 0.4, 0.15], start=[1.03, 0.77, 0.52], seed=1)


def random_model(seed: int, shape: tuple[int, int]) -> Regression:
    """A regression in general position, with decay."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((shape[1], shape[1] + 2))
    return Regression(root @ root.T / 5, rng.standard_normal(shape), weight_decay=float(rng.uniform(0, 0.3)))


def last_two(model: Regression, name: str | Rule, step: float, error: np.ndarray, count: int) -> np.ndarray:
    """The errors after the last two of so many steps (2, c, d)."""
    chunks = list(errors(model.curvature, rule(name), step, error, count))
    return np.concatenate(chunks)[-2:]


# What SymPy confirms


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "newton", "power:0.5", "power:1.7", "damped:0.3"])
def test_the_leading_error_solves_its_equation(name):
    assert approach(rule(name)).holds


@pytest.mark.parametrize("how", LINEAR)
def test_the_largest_step_is_where_a_root_reaches_minus_one(how):
    assert stability(rule(how)).holds


@pytest.mark.parametrize("name", ["power:0.3", "power:0.5", "egd", "power:1.5", "ngd", "damped:0.3"])
def test_cycles_hold(name):
    assert cycle(rule(name)).holds


def test_cycles_of_matrices_and_of_one_row_hold():
    assert polar_cycle().holds
    assert rescaled_cycle().holds


def test_a_residual_notices_a_wrong_law():
    """The checks are not empty: the same step with another right-hand side fails."""
    for found, name in ((rescaled_cycle(), "multiplier"), (stability(rule("grokfast")), "polynomial")):
        (step,) = (step for step in found.steps if step.name == name)
        residual = step.residual
        assert not Step("wrong", step.equation, "", lambda r=residual: sp.sympify(r()) + SLOW).holds


@pytest.mark.parametrize("how", ["egd", "frobenius", "truncated:1", "newton-schulz"])
def test_rules_without_a_limit_have_no_derivation_of_one(how):
    with pytest.raises(ArgumentError, match="must become linear near the minimum"):
        stability(rule(how))


# Order of approach


@pytest.mark.parametrize("name", ["gd", "newton", "power:0.5", "power:-1", "damped:0.1"])
def test_steps_leave_the_flow_as_derived_from_an_aligned_start(name):
    found = discretise(ALIGNED, name, (0.02, 0.01, 0.005), time=0.5, count=100)
    ratios = found.distances / found.leading
    # the next order is smaller by η: extrapolating it away leaves the square
    assert abs(2 * ratios[2] - ratios[1] - 1) < 2e-4
    assert found.order == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3)])
@pytest.mark.parametrize("seed", range(2))
def test_egd_lies_on_its_flow_where_the_gradient_has_full_column_rank(shape, seed):
    model = random_model(seed, shape)
    first = flow(model, "egd", np.zeros(shape)).restarts[0]
    found = discretise(model, "egd", (first / 20, first / 41, first / 83), np.zeros(shape), count=100)
    assert found.order == np.inf and (found.leading == 0).all()
    assert found.distances.max() < 1e-12


@pytest.mark.parametrize("name", ["egd", "power:0.5"])
def test_egd_with_fewer_outputs_than_inputs_is_of_order_one(name):
    found = discretise(random_model(3, (2, 3)), name, (0.004, 0.002, 0.001), np.zeros((2, 3)), count=100)
    assert found.order == pytest.approx(1, abs=0.02)
    assert np.isnan(found.leading).all()


def test_fitted_order_is_the_exponent():
    steps = np.array([0.1, 0.05, 0.01])
    assert fitted_order(steps, 3 * steps**2, 1.0) == pytest.approx(2, rel=1e-12)
    assert fitted_order(steps, np.zeros(3), 1.0) == np.inf


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ArgumentError, match="`sizes` must hold at least two step sizes, but holds 1"):
        discretise(ALIGNED, "egd", (0.1, 0.1))
    with pytest.raises(ArgumentError, match="`sizes` must be positive"):
        discretise(ALIGNED, "egd", (0.1, -0.1))
    with pytest.raises(ArgumentError, match=r"`sizes` must be at most the time 0\.17"):
        discretise(ALIGNED, "egd", (0.2, 0.1))
    with pytest.raises(ArgumentError, match="before an extinction"):
        discretise(ALIGNED, "egd", (0.02, 0.01), time=0.6)


# Largest stable step


@pytest.mark.parametrize("how", LINEAR)
def test_the_largest_step_is_the_measured_one(how):
    # the first is one where steps far above the limit end in cycles that happen to shrink for a while
    model = ALIGNED if how in ("damped:0.3", "column-norm") else random_model(1, (2, 3))
    # the bisection's grid is 1e-10 wide; slow transients blur Grokfast's and the curved law's last digits
    assert measured_largest_step(model, how) == pytest.approx(largest_stable_step(model, rule(how)), rel=1e-6)


@pytest.mark.parametrize("name", BOUNDED)
def test_where_none_is_derived_none_is_measured(name):
    model = random_model(2, (2 if name in ("truncated:1", "newton-schulz:3") else 1, 3))
    assert largest_stable_step(model, rule(name)) is None
    assert measured_largest_step(model, name) is None


def test_known_limits():
    model = Regression.from_spectrum([4.0, 0.5])
    expected = {"gd": 0.5, "newton": 2, "momentum:0.5": 0.75, "damped:0.1": 0.05, "column-norm": 0.005}
    for name, limit in expected.items():
        assert largest_stable_step(model, rule(name)) == pytest.approx(limit, rel=1e-14)
    # 2 · 1.98/(1.98 + 2 · 0.02)/4
    assert largest_stable_step(model, rule("grokfast")) == pytest.approx(3.96 / 2.02 / 4, rel=1e-14)


def test_damped_steps_converge_from_afar_below_the_limit_and_cycle_above():
    model = random_model(4, (3, 3))
    limit = largest_stable_step(model, rule("damped:0.5"))
    below = descend(model, "damped:0.5", 0.95 * limit, np.full((3, 3), 30.0))
    assert below.stop_reason == "every direction has arrived"
    above = descend(model, "damped:0.5", 1.5 * limit, max_steps=20_000)
    assert above.stop_reason.startswith("settled into a cycle of two steps")
    assert "is not below the largest stable step" in above.stop_reason


# What steps end in


def test_residues_of_aligned_starts_are_the_measured_cycles():
    rng = np.random.default_rng(5)
    for name in ("egd", "power:0.3", "power:0.5", "power:0.8", "damped:0.05"):
        for seed in range(2):
            spectrum, amplitudes = rng.uniform(0.2, 2, 3), rng.uniform(0.2, 2, 3)
            model = Regression.from_spectrum(spectrum, start=amplitudes, seed=seed)
            step = float(rng.uniform(0.1, 0.4))
            if name == "damped:0.05":
                step += 2 * 0.05 / spectrum.min()  # above the limit of every direction
            seen = model.directions(model.start())
            ends = last_two(model, name, step, model.start() - model.minimiser, 1500)
            measured = np.sqrt(((ends @ seen.basis) ** 2).sum(axis=-2)).max(axis=0)
            # The cycle of power:0.8 draws near by 0.6 a step; rounding of EGD's 1500 steps adds up to 1e-13.
            np.testing.assert_allclose(measured, residue(model, rule(name), seen, step).amplitudes, rtol=1e-10)


def test_a_whole_number_of_steps_ends_at_rest():
    model = Regression.from_spectrum([1, 0.5], start=[1.0, 0.75])
    ends = last_two(model, "egd", 0.25, model.start() - model.minimiser, 20)
    assert not ends.any()
    assert residue(model, rule("egd"), model.directions(model.start()), 0.25).amplitudes == (None, None)


@pytest.mark.parametrize("name", ["power:1.3", "power:1.7", "ngd"])
def test_above_one_nothing_settles(name):
    run = np.concatenate(list(errors(np.eye(1), rule(name), 0.3, np.array([[1.234]]), 20_000)))[:, 0, 0]
    tail = run[-5000:]
    for period in range(1, 40):
        assert np.abs(tail[period:] - tail[:-period]).max() > 1e-4  # a far excursion of ngd goes by slow steps
    assert float(cycle(rule(name)).laws["multiplier"]) == pytest.approx(2 * float(rule(name).power) - 1)


def test_inverse_steps_preserve_length():
    """In units of √(η/λ) they are x − 1/x: an interval has two preimages, of the same length together."""
    eta, rate = 0.3, 0.7
    unit = np.sqrt(eta / rate)
    for low, high in ((-0.5, 0.2), (1.0, 4.0)):
        ends = np.array([[(y + sign * np.sqrt(y * y + 4)) / 2 for y in (low, high)] for sign in (1, -1)]) * unit
        assert np.diff(ends).sum() == pytest.approx(unit * (high - low), rel=1e-14)
        for point in ends.ravel():
            (after,) = next(errors(np.array([[rate]]), rule("ngd"), eta, np.array([[point]]), 1)).ravel()
            assert min(abs(after / unit - low), abs(after / unit - high)) < 1e-13


def bound(model: Regression, step: float) -> float:
    values = model.eigen[0]
    return float(polar_cycle().function("largest_error", (ETA, FAST, SLOW))(step, values[0], values[-1]))


@pytest.mark.parametrize("seed", range(12))
def test_egd_ends_in_a_cycle_within_its_bounds(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 5))
    model, step = random_model(seed, (d + seed % 2, d)), float(rng.uniform(0.02, 0.1))
    ends = last_two(model, "egd", step, -model.minimiser, 3000)
    again = last_two(model, "egd", step, ends[-1], 2)
    np.testing.assert_allclose(again[-1], ends[-1], atol=1e-11)
    assert np.linalg.norm(ends, 2, axis=(-2, -1)).max() <= bound(model, step)
    values, basis = model.eigen
    root = (basis * np.sqrt(values)) @ basis.T
    for kind in (2, "fro", "nuc"):
        assert np.linalg.norm(ends[0] @ root, kind) <= step * np.linalg.norm(root, kind) * (1 + 1e-12)


def test_the_bound_on_cycles_is_reached():
    """K = x xᵀ, moved a little inside, with x half way between the fastest and the slowest direction."""
    values, step, inside = np.array([3.0, 0.8, 0.02]), 0.1, 1e-5
    model = Regression(np.diag(values), np.zeros((3, 3)))
    x = np.array([1, 0, 1]) / np.sqrt(2)
    k = inside * np.eye(3) + (1 - 2 * inside) * np.outer(x, x)
    error = step * np.diag(np.sqrt(values)) @ k @ np.diag(1 / np.sqrt(values))
    ends = last_two(model, "egd", step, error, 100)
    # rounding of the polar factor is magnified by the smallest singular value, 1e-5 of the largest and less
    np.testing.assert_allclose(ends[1], error, atol=1e-9)
    assert np.linalg.norm(error, 2) == pytest.approx(bound(model, step), rel=1e-4)
    assert bound(model, step) == pytest.approx(step * (np.sqrt(150) + 1 / np.sqrt(150)) / 2)


def test_with_fewer_outputs_only_as_many_directions_go_on():
    for seed in range(3):
        model = random_model(seed, (2, 4))
        ends = last_two(model, "egd", 0.05, -model.minimiser, 6000)
        left = np.linalg.norm(ends @ model.eigen[1], axis=-2).max(axis=0)
        assert (left[:2] > 1e-3).all() and (left[2:] < 1e-12).all()


# Steps of one length


@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_large_slow_errors_contract_at_a_rate_without_the_step_size(decay):
    values = np.array([1.0, 0.05, 0.02]) + decay
    expected = 1 - 2 * values[1:] / values[0]
    for step in (0.01, 0.1, 0.5):
        slow = np.array([1.0, 2.0])
        slow *= 0.9 * (step * values[0] / 2) / np.linalg.norm(values[1:] * slow)  # a little below λ₁η/2
        error = np.array([[0.3 * step, *slow]])
        left, spread = contractions(np.diag(values), step, error, 80, last=40)
        # the slow part still shrinks while the fast direction follows it: b² contracts by 8 % a step
        np.testing.assert_allclose(left[1:], expected, rtol=2e-3)
        assert spread < 0.2


def test_small_slow_errors_contract_by_the_cycle_that_they_meet():
    values, step = np.array([1.0, 0.05, 0.02]), 0.1
    law = rescaled_cycle().function("two_steps_left", (FAST, SLOW, SPREAD))
    for fast in (0.052, 0.06, 0.08, 0.09):
        left, spread = contractions(np.diag(values), step, np.array([[fast, 1e-9, 1e-9]]), 200, last=100)
        assert spread == pytest.approx(abs(fast / 0.05 - 1), rel=1e-9)
        np.testing.assert_allclose(left[1:] ** 2, law(values[0], values[1:], spread), rtol=1e-9)
        assert (left[1:] < 1 - 2 * values[1:]).all()


def test_a_cycle_of_one_length_attracts_by_its_multiplier():
    """With the slow part held, a deviation of the fast gradient shrinks as derived."""
    s, b = 0.05, 0.03
    law = rescaled_cycle()
    multiplier = float(law.laws["multiplier"].subs({ETA: 2 * s, FAST: 1, sp.Symbol("b", nonnegative=True): b}))
    rest = float(law.laws["fast_gradient"].subs({ETA: 2 * s, FAST: 1, sp.Symbol("b", nonnegative=True): b}))
    g = rest + 1e-6
    after = abs(g - 2 * s * g / np.hypot(g, b))
    assert (rest - after) / 1e-6 == pytest.approx(multiplier, abs=1e-4)


def test_above_the_threshold_the_slow_part_goes_first():
    """Where the slow gradient is above λ₁η/2 the fast direction is brought to rest, and the slow one goes η a step."""
    step, values = 0.1, np.array([1.0, 0.05])
    run = np.concatenate(list(errors(np.diag(values), rule("egd"), step, np.array([[0.3, 5.0]]), 20)))[:, 0]
    assert 0.05 * run[-1, 1] > 0.05
    assert abs(run[-1, 0]) < 1e-6
    share = run[9, 0] / (0.05 * run[19, 1])  # of the gradient, that the fast direction has at most by then
    np.testing.assert_allclose(run[9, 1] - run[19, 1], 10 * step, rtol=share**2)


def test_the_folded_model_is_such_a_case():
    model = Folded(epsilon=0.01)
    found = discretise(model, "egd", (0.1, 0.05), model.start((1, 3)), count=3000)
    assert found.settled.all()
    assert found.residues[0].largest == 0.1 and found.norms[0] <= 0.1
    assert found.residues[0].amplitudes == (None, 0.0)
    assert found.amplitudes[:, 1].max() < 1e-7


def test_every_number_is_reported_per_step_size():
    assert not discretise(ALIGNED, "power:1.5", (0.004, 0.002), count=100).settled.any()
    found = discretise(ALIGNED, "momentum:0.5", (0.01, 0.04), count=500)
    assert found.time is None and found.order is None and found.distances.size == 0
    np.testing.assert_array_equal(found.steps, [0.04, 0.01])
    assert found.amplitudes.shape == (2, 3) and found.norms.shape == found.settled.shape == (2,)
    assert found.largest_step[0] == pytest.approx(found.largest_step[1], rel=1e-6)
    assert float(stability(rule("gd")).laws["largest_step"].subs(RATE, 2)) == 1
