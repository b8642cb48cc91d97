"""Factorised models: chains, arrivals and extinctions against modes integrated here, sharpness against a Hessian."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from simulations.layered_flow import layered_flow
from theory.checks import ArgumentError
from theory.discretisation import largest_stable_step
from theory.models import factorized_chain as chain
from theory.models.factorized import Factorized
from theory.plateaus import ARRIVAL_SPREAD
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import NORM, SIGMA, Rule

LAWS = {
    "gd": lambda g: g,
    "egd": lambda g: g**0,
    "ngd": lambda g: 1 / g,
    "power:0.5": lambda g: g**0.5,
    "power:1.5": lambda g: g**-0.5,
    "damped:0.1": lambda g: g / (g**2 + 0.01) ** 0.5,
}
CLOSE = 2e-9  # the worst of some thousand random modes with s from 1e-6 to 1e3 and L to 8 is 1e-9


def single(sizes, s, decay=0.0):
    """A model of one mode, and the start with these factors."""
    model = Factorized.from_spectrum([s], depth=len(sizes), weight_decay=decay)
    return model, model.aligned_start(np.reshape(sizes, (-1, 1)))


def gradients(w, s, decay):
    return np.array([math.prod(np.delete(w, place)) * (math.prod(w) - s) + decay * w[place] for place in range(len(w))])


def integrated(name, sizes, s, q):
    """The arrival, from the modes' equations in the time in which the factors move by their own length."""
    first = math.prod(sizes) - s

    def rates(_, state):
        g = gradients(state[1:], s, 0.0)
        speeds = -LAWS[name](np.abs(g)) * np.sign(g)
        pace = np.linalg.norm(state[1:]) / np.linalg.norm(speeds)
        return np.concatenate([[pace], pace * speeds])

    def arrived(_, state):
        return (math.prod(state[1:]) - s) / first - q

    arrived.terminal = True
    begin = np.concatenate([[0.0], sizes])
    run = solve_ivp(
        rates, (0, 1e4), begin, "DOP853", rtol=1e-12, atol=1e-300, first_step=1e-7, max_step=0.1, events=arrived
    )
    return run.y_events[0][0][0]


def integrated_over_residual(name, sizes, s, q, decay, end):
    """The same over the logarithm of the residual, which is 0 to log q: nothing stalls where the speed has no bound."""

    def rates(_, state):
        g = gradients(state[1:], s, decay)
        speeds, product = -LAWS[name](np.abs(g)) * np.sign(g), math.prod(state[1:])
        pace = (product - end) / (product * (speeds / state[1:]).sum())
        return pace * np.concatenate([[1.0], speeds])

    begin = np.concatenate([[0.0], sizes])
    return solve_ivp(rates, (0, math.log(q)), begin, "DOP853", rtol=3e-14, atol=1e-300, first_step=1e-7).y[0, -1]


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "power:0.5", "power:1.5", "power:3", "damped:0.1"])
def test_every_step_of_a_flow_holds(name, depth):
    assert [step.name for step in chain.derive(rule(name), "flow", depth).steps if not step.holds] == []


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_every_step_of_a_descent_holds(depth):
    assert [step.name for step in chain.derive(rule("egd"), "descent", depth).steps if not step.holds] == []


@pytest.mark.parametrize(
    ("name", "s", "expected"),
    [
        ("gd", 3, [1.334339, 1.825079]),
        ("gd", 0.3, [9.500739, 14.408138]),
        ("egd", 3, [1.193122, 1.656572, 1.700428]),
        ("egd", 0.3, [0.355676, 0.502231, 0.516100]),
    ],
)
def test_the_order_of_learning_reverses(name, s, expected):
    """Two layers from 1e-3: under gradient descent the large mode is first, under EGD the small one."""
    model, start = single([1e-3**0.5] * 2, s)
    runs = [predict(model, rule(name), "flow", start, threshold=(1 - part) * s / (s - 1e-3)) for part in (0.5, 0.95)]
    found = [run.arrivals[0] for run in runs] + [run.extinctions[0] for run in runs[:1] if name == "egd"]
    assert found == pytest.approx(expected, abs=5e-7)  # all digits that are printed


SHAPES = {
    "balanced": lambda rng, depth, s: np.full(depth, (s * 10 ** rng.uniform(-12, -0.1)) ** (1 / depth)),
    "balanced above": lambda rng, depth, s: np.full(depth, s ** (1 / depth) * rng.uniform(1.05, 3)),
    "unequal": lambda rng, depth, s: s ** (1 / depth) * 10 ** rng.uniform(-4, -0.05, depth),
    "unequal above": lambda rng, depth, s: s ** (1 / depth) * rng.uniform(1, 4, depth),
}


# a damped law conserves nothing, so that unequal factors have no prediction
@pytest.mark.parametrize(
    ("shape", "name"), [(s, n) for s in SHAPES for n in LAWS if "unequal" not in s or n != "damped:0.1"]
)
def test_arrivals_are_those_of_the_modes(shape, name):
    rng = np.random.default_rng(len(shape) + len(name))
    for depth, q in itertools.product(
        (2, 3, 8), (0.9, 1e-3, 1e-5)
    ):  # at a smaller q the integration loses the residual's digits
        s = 10 ** rng.uniform(-6, 3)
        sizes = SHAPES[shape](rng, depth, s) * np.where(np.arange(depth) < 2, -1, 1)
        model, start = single(sizes, s)
        found = predict(model, rule(name), "flow", start, threshold=q).arrivals[0]
        assert found == pytest.approx(integrated(name, sizes, s, q), rel=CLOSE)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("depth", [2, 3, 8])
def test_arrivals_with_decay(depth, name):
    """Where decay holds a mode, α > 1 makes it speed up without bound: the residual is the clock."""
    for part, begin in itertools.product((1e-3, 0.1), (0.2, 0.9, 1.3)):
        sizes = np.full(depth, begin * 0.7 ** (1 / depth))
        model, start = single(sizes, 0.7, part * 0.7 ** (2 - 2 / depth))
        end = float(model.reached[0])
        found = predict(model, rule(name), "flow", start, threshold=1e-3).arrivals[0]
        if model.directions(start).learns[0]:
            expected = integrated_over_residual(name, sizes, 0.7, 1e-3, model.weight_decay, end)
            assert found == pytest.approx(expected, rel=1e-12)  # the worst is 2e-13: the residual has lost three digits
        else:
            assert found is None and begin == 0.2 and depth == 8


@pytest.mark.parametrize("sizes", [(-0.2, 0.7), (0.9, -0.4), (-1e-5, 1.0)])
def test_a_negative_product_of_two_layers_under_gradient_descent(sizes):
    model, start = single(sizes, 0.8)
    found = predict(model, rule("gd"), "flow", start).arrivals[0]
    assert found == pytest.approx(integrated("gd", np.array(sizes), 0.8, 1e-3), rel=CLOSE)


@pytest.mark.parametrize("q", [0.25, 1e-8])
@pytest.mark.parametrize("name", ["gd", "power:0.5", "egd"])
def test_unequal_factors_to_thirty_digits(name, q):
    """The modes integrated by a Taylor series of 30 digits up to the predicted arrival, where they have arrived."""
    sizes, s = (0.3, 0.8, 0.5), 0.9
    model, start = single(sizes, s)
    found = predict(model, rule(name), "flow", start, threshold=q).arrivals[0]
    with mpmath.workdps(30):

        def rates(_, w):
            pulls = [mpmath.fprod(w[:place] + w[place + 1 :]) * (s - mpmath.fprod(w)) for place in range(3)]
            return [LAWS[name](pull) for pull in pulls]

        there = mpmath.odefun(rates, 0, [mpmath.mpf(w) for w in sizes])(mpmath.mpf(found))
        left = (s - mpmath.fprod(there)) / (s - mpmath.fprod(map(mpmath.mpf, sizes)))
    assert float(left) == pytest.approx(
        q, rel=1e-11 if name == "gd" else 1e-14 / q + 1e-11
    )  # the digits of the time, by dr/dt


@pytest.mark.parametrize("target", [1e-50, 1e-12, 1e-7, 0.02])
def test_a_target_far_below_the_start_is_arrived_at_in_its_own_time(target):
    model, q = Factorized.from_spectrum([1.0, target]), 1e-3
    found = predict(model, rule("gd"), "flow", model.start(0.01), threshold=q).arrivals[-1]
    with mpmath.workdps(80):
        first, last = mpmath.mpf(0.01), mpmath.mpf(target)  # da/dt = 2a(s − a), by partial fractions
        end = last + q * (first - last)
        exact = (mpmath.log(end / first) - mpmath.log((end - last) / (first - last))) / (2 * last)
    assert found == pytest.approx(float(exact), rel=1e-12)  # the start is rounded as a product of factors


@pytest.mark.parametrize("name", ["egd", "ngd", "power:0.5", "power:1.5"])
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_extinctions_follow_the_last_arrival(name, decay):
    """Near the end |e| = r obeys dr/dt = −c r^(1−α), so that r^α/(αc) is left at r; c from the modes at q = 1e-8."""
    sizes = np.array([0.5, 0.5, 0.5]) if decay else np.array([0.3, 0.8, 0.6])
    model, start = single(sizes, 0.9, decay)
    runs = [predict(model, rule(name), "flow", start, threshold=q) for q in (1e-6, 2e-6)]
    alpha = float(rule(name).power)
    left = [run.extinctions[0] - run.arrivals[0] for run in runs]
    assert runs[0].extinctions[0] == pytest.approx(runs[1].extinctions[0], rel=1e-12)
    # the power law holds up to the next order, 1e-6, and the difference of times keeps their digits, 1e-16/1e-6^α
    assert left[1] / left[0] == pytest.approx(2**alpha, rel=1e-5 if alpha <= 1 else 0.1)


def frobenius_modes(s, decay, starts, times):
    """Amplitudes (times, n) of two balanced layers, dw/dt = −g/‖g‖ with the gradients of all modes."""

    def rates(_, w):
        g = w * (w**2 - s) + decay * w
        return -g / np.linalg.norm(g)

    return solve_ivp(rates, (0, times[-1]), np.sqrt(starts), "DOP853", rtol=1e-12, atol=1e-14, t_eval=times).y.T ** 2


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_rescaled_flow_runs_on_the_clock_of_all_modes(decay):
    s, starts = np.array([3.0, 1.2, 0.3]), np.array([1e-4, 2.5, 1e-3])
    model = Factorized.from_spectrum(s, start=starts, weight_decay=decay)
    found = predict(model, rule("frobenius"), "flow", model.start(), threshold=1e-2)
    order = np.argsort(found.arrivals)
    amplitudes = frobenius_modes(s, decay, starts, np.array(found.arrivals)[order])
    parts = (amplitudes - model.reached) / (starts - model.reached)
    np.testing.assert_allclose(
        np.diag(parts[:, order]), 1e-2, rtol=1e-8
    )  # the solver's 1e-12, less the residual's digits
    assert len(set(found.extinctions)) == 1
    left = 1e-3 * found.extinctions[0]  # in which the last factor alone moves, at unit speed
    end = frobenius_modes(s, decay, starts, [found.extinctions[0] - left])[0]
    assert (np.sqrt(model.reached) - np.sqrt(end))[2] == pytest.approx(left, rel=1e-9)


def test_one_mode_is_rescaled_as_egd_moves_it():
    model = Factorized.from_spectrum([0.7], start=1e-3, weight_decay=0.05)
    runs = [predict(model, rule(name), "flow", model.start()) for name in ("frobenius", "egd")]
    np.testing.assert_allclose(runs[0].arrivals, runs[1].arrivals, rtol=1e-13)
    np.testing.assert_allclose(runs[0].extinctions, runs[1].extinctions, rtol=1e-12)  # its tail is cut at 1e-20


@pytest.mark.parametrize("power", ["1/10", "1/2"])
def test_a_slow_clock_ends_where_the_gradient_does_and_not_its_rounding(power):
    """A rule of one's own, h = σ/ν^α: of one mode the time is ∫ dw / (w (s − w²))^(1−α)."""
    alpha = sp.Rational(power)
    model = Factorized.from_spectrum([0.7], start=1e-3)
    found = predict(model, Rule("own", law=SIGMA / NORM**alpha), "flow", model.start())
    end, part = mpmath.sqrt(0.7), mpmath.mpf(alpha.p) / alpha.q
    way = end - mpmath.sqrt(1e-3)

    def slowness(y):  # for each unit of y = x^α, in which the end x = √s − w = 0 is not singular
        x = y ** (1 / part)
        return ((end - x) * (2 * end - x)) ** (part - 1) / part

    exact = mpmath.quad(slowness, [0, (way / 2) ** part, way**part])
    assert found.extinctions[0] == pytest.approx(float(exact), rel=1e-10)  # 1e-12 of the part that is integrated


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        (Factorized.from_spectrum([3.0, 0.3], depth=3), [[0.1, 0.1]] * 3),  # no closed path
        (Factorized.from_spectrum([3.0, 0.3]), [[0.1, 0.1], [0.1, -0.1]]),  # a mode that does not learn
        (Factorized.from_spectrum([3.0, 0.3]), [[0.1, 0.1], [0.1, 0.2]]),  # factors that differ: two norms
    ],
)
def test_where_layers_have_no_common_clock_nothing_is_predicted(model, sizes):
    found = predict(model, rule("frobenius"), "flow", model.aligned_start(sizes))
    assert set(found.arrivals) == {None} and set(found.extinctions) == {None}


def test_a_mode_that_is_zero_leaves_the_clock_alone():
    model = Factorized.from_spectrum([3.0, 0.3])
    found = predict(model, rule("frobenius"), "flow", model.aligned_start([[0.1, 0.0]] * 2))
    assert found.arrivals[1] is None
    assert found.extinctions[0] == pytest.approx(3**0.5 - 0.1, rel=1e-12)


def test_the_polar_flow_ends_where_equal_steps_fill_the_product():
    sizes, s = np.array([0.02, 0.4, 0.7]), 1.3
    model, start = single(sizes, s)
    end = predict(model, rule("egd"), "flow", start).extinctions[0]
    assert np.prod(sizes + end) == pytest.approx(s, rel=1e-14)


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "power:1.5", "ngd"])
def test_power_laws_conserve_what_the_chain_says(name):
    alpha = float(rule(name).power)
    sizes = np.array([0.2, 0.5, 0.9])

    def rates(_, w):
        return LAWS[name](-gradients(w, 1.5, 0.0))

    run = solve_ivp(rates, (0, 0.3), sizes, method="DOP853", rtol=1e-12, atol=1e-14)
    kept = np.log(run.y) if alpha == 2 else run.y ** (2 - alpha)
    for low, high in itertools.combinations(kept, 2):
        np.testing.assert_allclose(low - high, low[0] - high[0], rtol=0, atol=1e-11)  # the solver's tolerance
    assert np.ptp(run.y[0]) > 0.1


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_sharpness_is_the_largest_eigenvalue_of_the_hessian(depth, decay):
    model = Factorized.from_spectrum([1.4, 0.6], depth=depth, weight_decay=decay, seed=1)
    at = model.start(model.reached)
    shapes, flat = model.shapes, np.concatenate([layer.ravel() for layer in at])
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def gradient(x):
        layers = tuple(part.reshape(shape) for part, shape in zip(np.split(x, ends), shapes, strict=True))
        return np.concatenate([found.ravel() for found in model.gradients(layers)])

    hessian = np.array([gradient(flat + 1e-100j * unit).imag for unit in np.eye(len(flat))]) * 1e100
    assert np.abs(gradient(flat)).max() < 1e-14
    assert model.sharpness == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("name", ["gd", "momentum:0.5", "damped:0.1"])
def test_the_largest_stable_step_parts_descents_that_settle(name, depth):
    from simulations.layered_descent import layered_descend

    model = Factorized.from_spectrum([1.2, 0.7], depth=depth)
    limit = largest_stable_step(model, rule(name))
    near = model.start(model.reached * 1.0001)
    runs = [layered_descend(model, name, part * limit, near, max_steps=400, threshold=1e-6) for part in (0.98, 1.02)]
    errors = [run.amplitudes[-1, 0] / run.amplitudes[0, 0] for run in runs]
    assert errors[0] < 1e-2 < 10 < errors[1]


def test_modes_that_cannot_learn():
    model = Factorized.from_spectrum([1.0, 1.0, 1.0], start=[0.1, -0.1, 0.0])
    np.testing.assert_array_equal(model.directions(model.start()).learns, [True, False, False])
    unequal = model.aligned_start([[0.5, -0.5, 0.0], [0.5, 0.2, 0.3]])
    np.testing.assert_array_equal(model.directions(unequal).learns, [True, True, True])


@pytest.mark.parametrize("start", [(3.0, 0.001), (2.0, 0.3), (3.0, 0.3)])
def test_a_direction_that_starts_at_its_end_is_not_waited_for(start):
    """Predicted and measured alike: of fewer than two that have a way to go none is the fastest or the slowest."""
    model = Factorized.from_spectrum([3.0, 0.3], start=start)
    found = predict(model, "gd", "flow", model.start())
    run = layered_flow(model, "gd")
    assert ARRIVAL_SPREAD not in found.plateaus
    assert run.plateaus[ARRIVAL_SPREAD] is None
    at_the_end = np.array(start) == model.values
    assert (np.array(found.arrivals)[at_the_end] == 0).all() and (run.arrivals[at_the_end] == 0).all()


def test_decay_that_wins():
    model = Factorized.from_spectrum([2.0, 0.5], weight_decay=0.6)
    np.testing.assert_allclose(model.reached, [1.4, 0.0], rtol=1e-15)
    deep = Factorized.from_spectrum([1.0], depth=3, weight_decay=0.2)
    low, high = np.array([0.9, 1.1]) * 0.21565  # the barrier of w(1 − w³) = 0.2
    assert not deep.directions(deep.start(low**3)).learns[0]
    assert deep.directions(deep.start(high**3)).learns[0]


@pytest.mark.parametrize("turn", [None, 3])
def test_factors_of_an_aligned_start_are_found(turn):
    model = Factorized.from_spectrum([2.0, 1.0, 1.0], depth=3, hidden=5, seed=turn)
    sizes = np.array([[0.3, 0.2, 0.0], [0.5, 0.5, 0.0], [-0.2, 0.1, 0.0]])
    np.testing.assert_allclose(model.sizes(model.aligned_start(sizes)), sizes, atol=1e-15)
    assert model.sizes(model.random_start(0.1)) is None


REFUSED = {
    "target": [
        lambda: Factorized.from_target(np.zeros((0, 3))),
        lambda: Factorized.from_target([[np.nan]]),
        lambda: Factorized.from_target(np.zeros((2, 2))),
        lambda: Factorized.from_target([1.0, 2.0]),
    ],
    "hidden": [lambda: Factorized.from_spectrum([1, 1], hidden=1), lambda: Factorized.from_spectrum([1], hidden=2.5)],
    "depth": [lambda: Factorized.from_spectrum([1], depth=1), lambda: Factorized.from_spectrum([1], depth=9)],
    "weight_decay": [lambda: Factorized.from_spectrum([1], weight_decay=-1)],
    "spectrum": [lambda: Factorized.from_spectrum([1, 0]), lambda: Factorized.from_spectrum([])],
    "start": [lambda: Factorized.from_spectrum([1, 2], start=[1, 2, 3])],
    "sizes": [lambda: single([[np.nan], [1.0]], 1.0), lambda: Factorized.from_spectrum([1]).aligned_start([[1.0]])],
    "scale": [lambda: Factorized.from_spectrum([1]).random_start(-1.0)],
    "rule": [lambda: chain.derive(rule("frobenius"), "descent"), lambda: chain.derive(rule("momentum:0.5"), "descent")],
    "view": [lambda: chain.derive(rule("gd"), "steps")],
}


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, cases in REFUSED.items() for n in range(len(cases))])
def test_bad_input_is_refused_in_one_line(name, number):
    with pytest.raises(ArgumentError, match=rf"^Argument `{name}` must [^\n]*, but [^\n]*\.$"):
        REFUSED[name][number]()


@pytest.mark.parametrize("name", ["gd", "egd", "frobenius"])
def test_a_mode_that_starts_within_rounding_of_its_end_has_arrived(name):
    model = Factorized.from_spectrum([1.0, 0.5], start=[1 - 1e-15, 1e-3])
    assert predict(model, rule(name), "flow", model.start()).arrivals[0] == 0.0
