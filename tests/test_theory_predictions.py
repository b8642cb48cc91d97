"""Arrivals and extinctions of regression against closed forms and loops written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from simulations.flow import flow as run_flow
from theory import plateaus
from theory.checks import ArgumentError
from theory.discretisation import largest_stable_step
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.prediction import Prediction
from theory.predictions import predict
from theory.rule_ids import rule

SOME = settings(derandomize=True, deadline=None, max_examples=60)
CLOSE = 1e-9  # rotation by random bases and the eigenvalue routine cost some digits


def logarithmic(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(math.log(low), math.log(high)).map(math.exp)


@st.composite
def aligned(draw: st.DrawFn) -> tuple[list[float], list[float], int | None]:
    """Eigenvalues in descending order, well apart; signed error amplitudes; seed of the bases."""
    size = draw(st.integers(1, 4))
    gaps = draw(st.lists(st.floats(1.05, 6), min_size=size, max_size=size))
    top = draw(logarithmic(0.1, 10))
    values = [top / math.prod(gaps[:i]) for i in range(size)]
    amplitudes = [draw(st.sampled_from([-1, 1])) * draw(logarithmic(0.1, 10)) for _ in range(size)]
    return values, amplitudes, draw(st.none() | st.integers(0, 9))


QUANTILE = logarithmic(1e-5, 0.5)


def flow(found: Prediction, arrivals: list[float], extinctions: list[float] | None) -> None:
    assert found.arrivals == pytest.approx(arrivals, rel=CLOSE)
    if extinctions is None:
        assert found.extinctions == (None,) * len(arrivals)
    else:
        assert found.extinctions == pytest.approx(extinctions, rel=CLOSE)
    if len(arrivals) == 1:
        assert plateaus.ARRIVAL_SPREAD not in found.plateaus  # nothing to tell apart
        return
    value, kind = found.plateaus[plateaus.ARRIVAL_SPREAD]
    assert kind == "exact"
    assert value == pytest.approx(max(arrivals) - min(arrivals), rel=1e-6, abs=CLOSE * max(arrivals))


@SOME
@given(
    aligned(),
    QUANTILE,
    st.sampled_from(["gd", "egd", "ngd", "newton", "power:0.1", "power:0.5", "power:0.8", "power:1.7", "power:2.4"]),
    st.just(0.0) | logarithmic(1e-3, 10),
)
def test_flow_from_an_aligned_start(system, q, name, decay):
    values, amplitudes, seed = system
    model = Regression.from_spectrum(values, seed=seed, weight_decay=decay)
    found = predict(model, rule(name), "flow", model.start(amplitudes), threshold=q)
    modes = [(value + decay, abs(e)) for value, e in zip(values, amplitudes, strict=True)]
    alpha = {"egd": 1.0, "ngd": 2.0}.get(name) or (float(name[6:]) if name.startswith("power") else 0.0)
    if alpha:
        lengths = [e**alpha * r ** (alpha - 1) / alpha for r, e in modes]
        flow(found, [t * (1 - q**alpha) for t in lengths], lengths)
    else:
        flow(found, [math.log(1 / q) / (1 if name == "newton" else r) for r, _ in modes], None)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3, 0.5, 1.0, 1.7])
def test_extinction_of_a_single_direction(alpha):
    """A single output goes by the clock, whose tail e^(−αλτ) is long for a small α."""
    model = Regression.from_spectrum([2.0])
    found = predict(model, rule(f"power:{alpha}"), "flow", model.start(3.0))
    assert found.extinctions == pytest.approx([3**alpha * 2 ** (alpha - 1) / alpha], rel=CLOSE)


@SOME
@given(aligned(), QUANTILE, logarithmic(1e-2, 10))
def test_damped_flow(system, q, delta):
    """∫ de/h(λe) for h = σ/√(σ² + δ²) has the primitive √(σ² + δ²) − δ arsinh(δ/σ), divided by λ."""
    values, amplitudes, seed = system
    assume(len(values) > 1)  # a single output goes by the clock, tested below
    model = Regression.from_spectrum(values, seed=seed)
    found = predict(model, rule(f"damped:{delta!r}"), "flow", model.start(amplitudes), threshold=q)
    delta = float(f"{delta!r}")

    def primitive(s: float) -> float:
        return math.hypot(s, delta) - delta * math.asinh(delta / s)

    arrivals = [
        (primitive(r * abs(e)) - primitive(q * r * abs(e))) / r for r, e in zip(values, amplitudes, strict=True)
    ]
    # The difference of primitives loses digits where σ ≪ δ.
    assert found.arrivals == pytest.approx(arrivals, rel=1e-7)
    assert found.extinctions == (None,) * len(values)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 1.7, 2.0])
def test_ratio_of_arrivals(alpha):
    kappa = 250.0
    model = Regression.from_spectrum([3.0, 3.0 / kappa], seed=4)
    fast, slow = predict(model, rule(f"power:{alpha}"), "flow", model.start(0.7)).arrivals
    assert slow / fast == pytest.approx(kappa ** (1 - alpha), rel=1e-9)


@SOME
@given(aligned(), logarithmic(1e-3, 3), QUANTILE, st.sampled_from(["gd", "ngd", "newton", "power:0.4"]))
def test_decay_shifts_the_spectrum(system, decay, q, name):
    values, amplitudes, seed = system
    shrunk = Regression.from_spectrum(values, seed=seed, weight_decay=decay)
    shifted = Regression.from_spectrum([value + decay for value in values], seed=seed)
    for view in ("flow", "descent"):
        step = 0.3 / (values[0] + decay)
        left, right = (
            predict(m, rule(name), view, m.start(amplitudes), step=step, threshold=q) for m in (shrunk, shifted)
        )
        if view == "flow" or name in ("gd", "newton"):
            assert left.arrivals == pytest.approx(right.arrivals, rel=CLOSE)
            assert None not in left.arrivals
        else:
            assert left.arrivals == right.arrivals == (None,) * len(values)


def test_decay_moves_the_minimiser_and_lets_a_null_direction_learn():
    model = Regression.from_spectrum([2.0, 0.0], start=[3.0, 5.0], weight_decay=0.5)
    np.testing.assert_allclose(model.minimiser, [[-3.0 * 2 / 2.5, 0], [0, 0]], atol=1e-12)
    assert predict(model, rule("gd"), "flow", model.start()).arrivals == pytest.approx(
        [math.log(1000) / 2.5, math.log(1000) / 0.5], rel=CLOSE
    )


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "power:0.4", "newton", "damped:0.1", "frobenius"])
def test_a_null_direction_never_learns(name):
    model = Regression.from_spectrum([2.0, 0.5, 0.0], seed=1)
    found = predict(model, rule(name), "flow", model.start(0.8))
    assert list(model.directions(model.start(0.8)).learns) == [True, True, False]
    assert found.arrivals[2] is None and found.extinctions[2] is None
    assert all(a is not None and a > 0 for a in found.arrivals[:2])
    assert found.plateaus[plateaus.ARRIVAL_SPREAD][0] == pytest.approx(abs(found.arrivals[1] - found.arrivals[0]))
    if name in ("gd", "newton", "egd"):
        found = predict(model, rule(name), "descent", model.start(0.8), step=0.05)
        assert found.arrivals[2] is None and None not in found.arrivals[:2]


@pytest.mark.parametrize("start", [[1.0, 3.0], [[1.0, 3.0]], (1, 3)])
def test_a_start_may_be_a_list_of_numbers(start):
    assert predict(Folded(), "gd", "flow", start) == predict(Folded(), "gd", "flow", np.array([[1.0, 3.0]]))


@pytest.mark.parametrize(
    ("start", "words"), [([1, 2, 3], r"have the shape \(1, 2\), but has \(1, 3\)"), ([1, np.nan], "be finite")]
)
def test_a_start_that_does_not_fit_is_refused(start, words):
    with pytest.raises(ArgumentError, match=f"`start` must {words}"):
        predict(Folded(), "gd", "flow", start)


def test_a_start_at_the_minimum_has_arrived():
    model = Regression.from_spectrum([2.0, 0.5])
    found = predict(model, rule("egd"), "flow", model.start([0.0, 1.0]))
    assert found.arrivals == pytest.approx([0.0, 0.999]) and found.extinctions == (None, pytest.approx(1.0))


@SOME
@given(st.integers(0, 10**6), st.sampled_from(["gd", "newton", "egd", "ngd", "power:0.5", "damped:0.3"]))
def test_a_start_that_is_not_aligned(seed, name):
    rng = np.random.default_rng(seed)
    values = np.array([2.0, 0.7, 0.2])
    model = Regression.from_spectrum(values, seed=seed)
    start = model.minimiser + rng.standard_normal((3, 3))
    assert not model.directions(start).aligned
    found = predict(model, rule(name), "flow", start, threshold=1e-2)
    steps = predict(model, rule(name), "descent", start, threshold=1e-2, step=0.3)
    if name in ("gd", "newton"):
        rates = values if name == "gd" else np.ones(3)
        assert found.arrivals == pytest.approx(math.log(100) / rates, rel=CLOSE)
        assert steps.arrivals == tuple(math.ceil(math.log(1e-2) / math.log(1 - 0.3 * r)) for r in rates)
    else:
        for prediction in (found, steps):
            assert (prediction.arrivals, prediction.extinctions, prediction.plateaus) == ((None,) * 3, (None,) * 3, {})


def linear_arrival(rate: float, q: float, step: float) -> int:
    left, k = 1.0, 0
    while abs(left) > q:
        assume(abs(abs(left) - q) > 1e-6 * q)
        left, k = left - step * rate * left, k + 1
    assume(abs(abs(left) - q) > 1e-6 * q)
    return k


@SOME
@given(aligned(), QUANTILE, st.floats(0.01, 0.97), st.sampled_from(["gd", "newton"]))
def test_linear_steps(system, q, fraction, name):
    values, amplitudes, seed = system
    model = Regression.from_spectrum(values, seed=seed)
    limit = 2.0 if name == "newton" else 2 / values[0]
    step = fraction * limit
    rates = values if name == "gd" else [1.0] * len(values)
    assume(step * min(rates) > 1e-3 and all(abs(step * r - 1) > 1e-9 for r in rates))
    found = predict(model, rule(name), "descent", model.start(amplitudes), step=step, threshold=q)
    arrivals = [linear_arrival(r, q, step) for r in rates]
    assert found.arrivals == tuple(arrivals)
    apart = {} if len(arrivals) == 1 else {plateaus.ARRIVAL_SPREAD: (max(arrivals) - min(arrivals), "exact")}
    assert found.plateaus == apart
    assert found.largest_stable_step == pytest.approx(limit, rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["gd", "newton"])
def test_a_step_that_removes_an_error_arrives_at_step_one(name):
    model = Regression.from_spectrum([1.0, 0.5])
    found = predict(model, rule(name), "descent", model.start(), step=1.0)
    assert found.arrivals == ((1, 10) if name == "gd" else (1, 1))


def equal_arrival(e: float, q: float, step: float) -> float:
    """First k with |e| ≤ q e₀ under e ← e − η sign e; infinite once it has gone to and fro."""
    start, k = e, 0
    while k < start / step + 4:
        assume(abs(abs(e) - q * start) > 1e-9 * start)
        if abs(e) <= q * start:
            return k
        e, k = e - math.copysign(step, e), k + 1
    return math.inf


@SOME
@given(aligned(), QUANTILE | st.floats(0.05, 0.5), logarithmic(0.02, 3))
def test_equal_steps(system, q, step):
    values, amplitudes, seed = system
    model = Regression.from_spectrum(values, seed=seed)
    found = predict(model, rule("egd"), "descent", model.start(amplitudes), step=step, threshold=q)
    arrivals = [equal_arrival(abs(e), q, step) for e in amplitudes]
    assert found.arrivals == tuple(arrivals)
    if math.inf in arrivals or len(arrivals) == 1:
        assert found.plateaus == {}
    else:
        assert found.plateaus[plateaus.ARRIVAL_SPREAD] == (max(arrivals) - min(arrivals), "exact")


@pytest.mark.parametrize("count", [1, 2, 7, 30, 1000])
def test_equal_steps_that_divide_the_error_arrive(count):
    model = Regression.from_spectrum([2.0, 0.1])
    start = model.start([0.75, 0.75 * 2])
    found = predict(model, rule("egd"), "descent", start, step=0.75 / count, threshold=1e-4)
    assert found.arrivals == (count, 2 * count)
    jumps = predict(model, rule("egd"), "descent", start, step=0.75 / (count + 0.5), threshold=1e-4)
    assert jumps.arrivals == (math.inf, 2 * count + 1)  # (count + ½)·2 steps divide twice the error


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5, 6, 7])
def test_equal_steps_that_end_on_the_threshold_arrive(digits):
    """Of size 10⁻ⁿ to q = 0.1, which rounding puts now inside and now outside."""
    model = Regression.from_spectrum([1e9, 1e-9])
    found = predict(model, rule("egd"), "descent", model.start(), step=10.0**-digits, threshold=0.1)
    assert found.arrivals == pytest.approx((9 * 10 ** (digits - 1),) * 2, abs=1)  # of both, by the same rounding
    assert found.plateaus[plateaus.ARRIVAL_SPREAD] == (0, "exact")


@pytest.mark.parametrize(("name", "limit"), [("gd", 0.5), ("power:0", 0.5), ("newton", 2.0)])
def test_steps_at_the_limit(name, limit):
    model = Regression.from_spectrum([4.0, 0.5], seed=2)
    limit = 2 / model.eigen[0][0] if limit == 0.5 else limit
    for step in (limit, 1.5 * limit, 100.0):
        found = predict(model, rule(name), "descent", model.start(), step=step)
        assert (found.arrivals, found.extinctions, found.plateaus) == ((None, None), (None, None), {})
        assert found.largest_stable_step == pytest.approx(limit)
    if name != "power:0":
        assert None not in predict(model, rule(name), "descent", model.start(), step=0.999 * limit).arrivals


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
def test_limit_with_momentum(beta):
    """Heavy ball on the fastest direction: the companion matrix has spectral radius 1 at the limit."""
    model = Regression.from_spectrum([4.0, 0.5])
    limit = largest_stable_step(model, rule(f"momentum:{beta}"))

    def radius(step: float) -> float:  # (e, v) → (e − η(βv + λe), βv + λe)
        return max(abs(np.linalg.eigvals([[1 - step * 4, -step * beta], [4, beta]])))

    assert radius(0.999 * limit) < 1 < radius(1.001 * limit)


def test_bounded_rules_have_no_limit():
    model = Regression.from_spectrum([4.0, 0.5])
    assert [largest_stable_step(model, rule(name)) for name in ("egd", "ngd", "frobenius", "power:0.5")] == [None] * 4


def by_integration(model: LinearModel, start: np.ndarray, power: float, q: float) -> list[float]:
    """Arrivals under Ẇ = −‖G‖^(−power) G, by stepping an adaptive solver to each threshold."""
    values, basis = np.linalg.eigh(model.curvature)
    basis = basis[:, ::-1]
    shape = start.shape

    def speed(t: float, w: np.ndarray) -> np.ndarray:
        g = model.gradient(w.reshape(shape))
        return -(g / np.linalg.norm(g) ** power).ravel()

    def size(w: np.ndarray, i: int) -> float:
        return float(np.linalg.norm((w.reshape(shape) - model.minimiser) @ basis[:, i]))

    def event(i: int):
        def left(t: float, w: np.ndarray) -> float:
            return size(w, i) - q * size(start.ravel(), i)

        return left

    events = [event(i) for i in range(len(values))]
    events[int(np.argmin(values[::-1]))].terminal = True
    run = solve_ivp(speed, (0, 1e4), start.ravel(), method="DOP853", rtol=1e-11, atol=1e-13, events=events)
    return [times[0] for times in run.t_events]


@pytest.mark.parametrize(("name", "power"), [("egd", 1.0), ("power:0.5", 0.5), ("frobenius", 1.0), ("gd", 0.0)])
def test_a_single_output_goes_by_the_clock(name, power):
    model = Regression(np.array([[2.0, 0.3], [0.3, 0.4]]), np.array([[1.0, -2.0]]), weight_decay=0.1)
    start = np.array([[3.0, 1.0]])
    found = predict(model, rule(name), "flow", start, threshold=0.05)
    assert found.arrivals == pytest.approx(by_integration(model, start, power, 0.05), rel=1e-8)  # solver: 1e-11


def test_frobenius_with_several_outputs_goes_by_the_clock():
    model = Regression.from_spectrum([2.0, 0.9, 0.3], seed=5)
    start = model.minimiser + np.random.default_rng(1).standard_normal((3, 3))
    found = predict(model, rule("frobenius"), "flow", start, threshold=0.05)
    assert found.arrivals == pytest.approx(by_integration(model, start, 1.0, 0.05), rel=1e-8)
    gains = (start - model.minimiser) @ model.curvature @ np.linalg.eigh(model.curvature)[1][:, ::-1]
    sizes = np.linalg.norm(gains, axis=0)
    values = np.array([2.0, 0.9, 0.3])
    total = quad(lambda x: float(np.linalg.norm(sizes * np.exp(-values * x))), 0, np.inf, epsrel=1e-12)[0]
    assert found.extinctions == pytest.approx([total] * 3, rel=1e-8)


def test_repeated_eigenvalues_are_seen_from_the_start():
    """Equal eigenvalues leave the basis free; the start chooses it, so that EGD's directions keep apart."""
    model = Regression.from_spectrum([1.0, 1.0, 0.5], seed=3)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]
    basis = np.linalg.eigh(model.covariance)[1][:, ::-1]
    mixed = np.hstack([basis[:, :2] @ turn, basis[:, 2:]])
    left = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    start = model.minimiser + (left * [4.0, 1.5, 0.6]) @ mixed.T
    seen = model.directions(start)
    assert seen.aligned
    found = predict(model, rule("egd"), "flow", start)
    assert found.extinctions == pytest.approx([4.0, 1.5, 0.6], rel=CLOSE)


def diagonal(rates: list[float], outputs: int) -> Regression:
    return Regression(np.diag(rates), np.zeros((outputs, len(rates))))


@pytest.mark.parametrize(
    ("rates", "start"),
    [
        ([1 + 1e-9, 1.0], [[1.0, 0.6], [0.0, 0.8]]),
        ([1.0, 0.1], [[1.0, 1e-10], [0.0, 1e-10]]),
        ([1.0, 1e-10, 5e-11], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.6], [0.0, 0.0, 0.8]]),
    ],
)
def test_what_is_not_orthogonal_is_not_aligned_however_close_or_small(rates, start):
    """The commutator is as small as the gap, the error and the eigenvalues are; the angle is not."""
    found = predict(diagonal(rates, len(start)), "egd", "flow", np.array(start))
    assert set(found.arrivals) == {None}


@pytest.mark.parametrize("outputs", [1, 3])
def test_small_eigenvalues_on_the_axes_are_told_apart(outputs):
    rates, start = [1.0, 1e-13, 1e-14], np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0], [1.0, 1.0, 0.0]])[:outputs]
    model = diagonal(rates, outputs)
    np.testing.assert_array_equal(np.abs(model.directions(start).basis), np.eye(3))
    arrivals = math.log(1e3) / np.array(rates)
    assert run_flow(model, "gd", start).arrivals == pytest.approx(arrivals, rel=CLOSE)


def test_repeated_eigenvalues_have_no_more_directions_with_an_error_than_the_start_has_rows():
    found = diagonal([1.0, 1.0, 0.5], 2).directions(np.outer([0.3, -1.1], [0.7, 0.2, 0.9]))
    assert found.amplitudes[1] == 0.0


def test_amplitudes_follow_the_order_of_the_spectrum():
    """`from_spectrum` takes values in any order: each amplitude stays with its eigenvalue."""
    model = Regression.from_spectrum([0.1, 3.0], start=[5.0, 7.0])
    np.testing.assert_allclose(model.directions(np.zeros((2, 2))).amplitudes, [7.0, 5.0])
    np.testing.assert_allclose(model.directions(model.start()).amplitudes, [7.0, 5.0])


@pytest.mark.parametrize(
    ("spectrum", "start", "name"),
    [([1.0, -1.0], 1.0, "spectrum"), ([0.0, 0.0], 1.0, "spectrum"), ([1.0, 0.5], [1, 2, 3], "start")],
)
def test_refusals(spectrum, start, name):
    with pytest.raises(ArgumentError, match=f"^Argument `{name}` must .*\\.$"):
        Regression.from_spectrum(spectrum, start=start)


def test_a_start_follows_the_order_in_which_the_spectrum_was_given():
    model = Regression.from_spectrum([0.1, 3.0], start=[5, 7], seed=1)
    for start in (model.start(), model.start([5, 7])):
        seen = model.directions(start)
        assert list(seen.values) == pytest.approx([3, 0.1])
        assert list(seen.amplitudes) == pytest.approx([7, 5])


def test_a_rule_is_taken_by_its_id_and_a_view_and_its_step_are_asked_for():
    model = Folded()
    start = model.start((1, 3))
    assert predict(model, "egd", "flow", start) == predict(model, rule("egd"), "flow", start)
    with pytest.raises(ArgumentError, match="`view`"):
        predict(model, "egd", "sideways", start)
    with pytest.raises(ArgumentError, match="`step`"):
        predict(model, "gd", "descent", start)
