"""Plateau lengths and arrivals of the folded model against brute force that shares nothing with the theory."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from theory import plateaus
from theory.checks import ArgumentError
from theory.models import folded, folded_chain
from theory.models.folded import Folded
from theory.plateaus import Contraction, Edge, longest_interval, longest_run
from theory.prediction import Prediction
from theory.predictions import predict
from theory.rule_ids import rule

MANY = settings(derandomize=True, deadline=None, max_examples=300)
SOME = settings(derandomize=True, deadline=None, max_examples=200)
TIE = 1e-9  # relative distance from a boundary within which rounding may decide


def logarithmic(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(math.log(low), math.log(high)).map(math.exp)


def signed(low: float, high: float) -> st.SearchStrategy[float]:
    return st.tuples(st.sampled_from([-1, 1]), logarithmic(low, high)).map(math.prod)


@st.composite
def products(draw: st.DrawFn) -> tuple[float, float]:
    """ηλ of the slow and the fast error: anywhere in (0, 2), exactly 1, nearly equal or opposite, tiny, near 2."""
    one = st.floats(0.01, 1.99) | st.just(1.0) | logarithmic(2e-4, 0.1) | logarithmic(2e-3, 0.1).map(lambda x: 2 - x)
    slow = draw(one)
    near = logarithmic(1e-12, 1e-2).map(lambda x: slow * (1 + x)).filter(lambda p: 1e-4 < p < 1.9999)
    return slow, draw(one | near | st.sampled_from([slow, 2 - slow]))


def longest(flags: np.ndarray) -> int:
    """Length of the longest run of True, by a plain loop."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


# A step that removes both errors; a plateau that begins late; fast, slow and both errors that alternate.
@example(1.0, 0.0, -1e-3, (1.0, 1.0))
@example(3.0, -30.0, -0.5, (0.01, 0.9))
@example(5.0, -8.0, -0.1, (0.02, 1.7))
@example(5.0, 8.0, -0.1, (1.98, 1.9))
@example(-5.0, 8.0, -0.1, (1.98, 0.01))
@MANY
@given(
    signed(1e-2, 1e3) | st.just(0.0),
    signed(1e-2, 1e3) | st.just(0.0),
    logarithmic(1e-2, 1e2).map(lambda x: -x),
    products(),
)
def test_longest_run(slow, fast, constant, rates):
    check_run(slow, fast, constant, rates)


@MANY
@given(logarithmic(1e-2, 1e3), signed(1e-2, 1e3), logarithmic(1e-8, 0.3), products())
def test_longest_run_near_the_peak(slow, fast, depth, rates):
    """A constant just below the highest step: a run of a few steps, or of one, anywhere."""
    steps = np.arange(4000)
    b, a = (x * (1 - p) ** steps for x, p in zip((slow, fast), rates, strict=True))
    highest = (b + a)[(b > 0) & (steps > 1)].max(initial=0.0)
    assume(highest > 1e-6)
    check_run(slow, fast, -highest * (1 - depth), rates)


def check_run(slow: float, fast: float, constant: float, rates: tuple[float, float]) -> None:
    factors = [1 - p for p in rates]
    weakest = max(map(abs, factors))
    size = 2 * (abs(slow) + abs(fast)) - constant
    steps = np.arange(2 if weakest == 0 else 4 + int(math.log(-constant / size) / math.log(weakest)))
    b, a = (slow * factors[0] ** steps, fast * factors[1] ** steps)
    f = b + a + constant
    assume(not (np.abs(f) < TIE * (np.abs(b) + np.abs(a) - constant)).any())
    # A slow part that underflows loses the sign that decides.
    assume(slow == 0 or rates[0] == 1 or not ((np.abs(b) < 1e-280) & (f >= 0)).any())
    edge = Edge(slow, fast, constant, *(Contraction.of_step(p) for p in rates))
    assert longest_run(edge) == longest((b >= 0) & (f >= 0))


@MANY
@given(logarithmic(2e-4, 1.99) | st.just(1.0), st.integers(0, 400))
def test_contraction_of_a_step(product, k):
    # k steps multiply the relative rounding of 1 − ηλ by k.
    assert Contraction.of_step(product)(k) == pytest.approx((1 - product) ** k, rel=1e-9, abs=1e-300)


@example(5.0, -8.0, -0.1, (1.0, 1.0))
@example(1e3, -5e2, -1e-2, (0.01, 5e2))
@MANY
@given(
    signed(1e-2, 1e3),
    signed(1e-2, 1e3) | st.just(0.0),
    logarithmic(1e-2, 1e2).map(lambda x: -x),
    st.tuples(logarithmic(1e-3, 1e3), logarithmic(1e-3, 1e3)),
)
def test_longest_interval(slow, fast, constant, rates):
    def f(x: float | np.ndarray) -> float | np.ndarray:
        return slow * np.exp(-rates[0] * x) + fast * np.exp(-rates[1] * x) + constant

    end = math.log(2 * (abs(slow) + abs(fast)) / -constant + 2) / min(rates)
    grid = np.concatenate([[0.0], np.geomspace(1e-8 / max(rates), end, 4000)])
    values = f(grid)
    scale = abs(slow) + abs(fast) - constant
    assume(not (np.abs(values) < 1e-7 * scale * np.exp(-min(rates) * grid)).any())
    assume(values.max() > 1e-5 * scale or values.max() < -1e-5 * scale)
    edge = Edge(slow, fast, constant, *(Contraction(-r) for r in rates))
    found = longest_interval(edge)
    inside = np.flatnonzero((values >= 0) & (slow >= 0))
    if not len(inside):
        assert found is None
        return
    first, last = inside[0], inside[-1]
    assert (np.diff(inside) == 1).all()
    start = 0.0 if first == 0 else brentq(f, grid[first - 1], grid[first], xtol=1e-300, rtol=1e-14)
    stop = brentq(f, grid[last], grid[last + 1], xtol=1e-300, rtol=1e-14)
    # A root is as sharp as the slope there allows: compare the values of f, not the places.
    assert found is not None
    assert (found[0] == 0) == (first == 0)
    for got, wanted in zip(found, (start, stop), strict=True):
        assert got == pytest.approx(wanted, rel=1e-9) or abs(f(got)) < 1e-12 * scale


class Loop:
    """The folded model written out by hand: gradient, classification, steps."""

    def __init__(self, epsilon: float, theta: float, margin: float, decay: float) -> None:
        m1 = math.sqrt(2 / math.pi) * math.exp(-(margin**2) / 2) / math.erfc(margin / math.sqrt(2))
        self.rates = (1 + margin * m1 + decay, epsilon + decay)
        self.m1, self.star = m1, m1 / self.rates[0]
        self.root = math.sqrt(epsilon)
        self.width = math.atan2(self.root * math.sin(theta), math.cos(theta))

    def update(self, name: str, w: tuple[float, float]) -> tuple[float, float]:
        g = (self.rates[0] * w[0] - self.m1, self.rates[1] * w[1])
        return g if name == "gd" else (g[0] / self.rates[0], g[1] / self.rates[1])

    def wrong(self, w: tuple[float, float]) -> bool:
        """Whether the whole test set is misclassified: whitened, w lies beyond v, at an angle in [ψ, π]."""
        return math.atan2(self.root * w[1], w[0]) >= self.width

    def tied(self, w: tuple[float, float]) -> bool:
        angle = math.atan2(self.root * w[1], w[0])
        return abs(angle - self.width) < TIE or math.pi - abs(angle) < TIE

    def run(self, name: str, u: tuple[float, float], step: float, threshold: float) -> tuple[int, list[int]]:
        """Longest run at 100 % error, and the arrivals."""
        size = (abs(u[0] - self.star), abs(u[1]))
        arrivals: list[int | None] = [None, None]
        w, k, best, run = u, 0, 0, 0
        while (
            None in arrivals
            or abs(w[1]) * math.cos(self.width) > 1e-3 * self.star * self.width * self.root
            or abs(w[0] - self.star) > 1e-3 * self.star
        ):
            assume(not self.tied(w))
            run = run + 1 if self.wrong(w) else 0
            best = max(best, run)
            for i, e in enumerate((abs(w[0] - self.star), abs(w[1]))):
                if arrivals[i] is None:
                    assume(abs(e - threshold * size[i]) > 1e-6 * threshold * size[i])
                    if e <= threshold * size[i]:
                        arrivals[i] = k
            g = self.update(name, w)
            w, k = (w[0] - step * g[0], w[1] - step * g[1]), k + 1
        return best, arrivals


@SOME
@given(
    name=st.sampled_from(["gd", "newton"]),
    epsilon=logarithmic(1e-3, 0.9),
    theta=st.floats(0.05, 1.5),
    margin=st.floats(0, 4),
    decay=st.just(0.0) | logarithmic(1e-3, 1),
    u=st.tuples(signed(1e-2, 100), signed(1e-2, 100)),
    fraction=logarithmic(3e-3, 0.95) | st.floats(0.3, 0.95),
    threshold=logarithmic(1e-6, 0.5),
)
def test_steps_of_the_folded_model(name, epsilon, theta, margin, decay, u, fraction, threshold):
    loop = Loop(epsilon, theta, margin, decay)
    assume(abs(u[0] - loop.star) > 1e-3)
    limit = 2 / loop.rates[0] if name == "gd" else 2.0
    step = fraction * limit
    if name == "gd":  # keep the loop short
        step = min(0.95 * limit, max(step, 2e-4 / loop.rates[1]))
    model = Folded(epsilon, theta, margin, decay)
    found = predict(model, rule(name), "descent", model.start(u), step=step, threshold=threshold)
    assert found.largest_stable_step == pytest.approx(limit, rel=1e-12)
    best, arrivals = loop.run(name, u, step, threshold)
    assert length(found) == best
    assert found.arrivals == tuple(arrivals)


def length(found: Prediction) -> float:
    value, kind = found.plateaus[plateaus.LONGEST_RUN]
    assert kind == "exact"
    return value


def test_the_default_plateau_of_the_command_line():
    """ε = 0.01, θ = π/4, margin 1, start (1, 3): 1603 steps of 0.1, by a loop written out here."""
    m1 = math.exp(-0.5) / math.sqrt(2 * math.pi) / (math.erfc(1 / math.sqrt(2)) / 2)
    w1, w2, count = 1.0, 3.0, 0
    while w2 >= w1:
        w1, w2, count = w1 - 0.1 * ((1 + m1) * w1 - m1), w2 - 0.1 * 0.01 * w2, count + 1
    model = Folded()
    assert length(predict(model, rule("gd"), "descent", model.start(), step=0.1)) == count == 1603


@pytest.mark.parametrize("name", ["gd", "newton"])
def test_a_step_that_removes_an_error_arrives_at_step_one(name):
    """ηλ = 1 to the last digit: the error is gone after one step, not before it."""
    model = Folded(epsilon=0.25, theta=0.7, margin=0.0)
    found = predict(model, rule(name), "descent", model.start((2.0, -3.0)), step=1.0)
    assert found.arrivals[0] == 1
    if name == "newton":
        assert found.arrivals[1] == 1


def test_zero_weights_misclassify_everything_for_one_step():
    """A zero vector classifies nothing correctly (as `simulations.population` has it); one step cures it."""
    for theta in np.linspace(0.1, 1.4, 14):
        for margin in (0.0, 0.7, 1.0, 3.0):
            model = Folded(theta=theta, margin=margin)
            found = predict(model, rule("gd"), "descent", model.start((0, 0)), step=0.05)
            assert length(found) == 1, (theta, margin)


@pytest.mark.parametrize(("name", "step"), [("gd", 0.8), ("gd", 1.0), ("newton", 2.0), ("newton", 7.0)])
def test_a_diverging_step_has_no_prediction(name, step):
    model = Folded()  # m₂ = 2.525…, so that gradient descent diverges above 0.792
    found = predict(model, rule(name), "descent", model.start(), step=step)
    assert (found.arrivals, found.extinctions, found.plateaus) == ((None, None), (None, None), {})


@pytest.mark.parametrize("name", ["egd", "ngd", "momentum:0.9"])
def test_no_closed_form_no_number(name):
    model = Folded()
    found = predict(model, rule(name), "descent", model.start(), step=0.1)
    assert (found.arrivals, found.plateaus) == ((None, None), {})


OFF_CENTRE = [
    # ε, θ, margin, decay, start; the third and fourth plateau begin after time zero, the last does not exist
    (0.01, math.pi / 4, 1.0, 0.0, (1.0, 3.0)),
    (0.003, 1.1, 0.4, 0.0, (-2.0, 5.0)),
    (0.05, 0.6, 2.0, 0.0, (7.0, 3.0)),
    (0.2, 0.3, 0.0, 0.07, (9.0, 2.5)),
    (0.4, 1.3, 3.5, 0.5, (-6.0, 40.0)),
    (0.1, 0.8, 1.0, 0.0, (3.0, -4.0)),
]


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "power:0.5", "frobenius", "newton"])
@pytest.mark.parametrize("case", OFF_CENTRE)
def test_flow_of_the_folded_model(name, case):
    epsilon, theta, margin, decay, u = case
    loop = Loop(epsilon, theta, margin, decay)
    rates = (1.0, 1.0) if name == "newton" else loop.rates
    alpha = {"gd": 0.0, "newton": 0.0, "power:0.5": 0.5, "ngd": 2.0}.get(name, 1.0)

    def weights(tau: float) -> tuple[float, float]:
        return loop.star + (u[0] - loop.star) * math.exp(-rates[0] * tau), u[1] * math.exp(-rates[1] * tau)

    def clock(tau: float) -> float:
        """dt/dτ = σ/σ^(1−α) along the path of gradient descent."""
        errors = (u[0] - loop.star) * math.exp(-loop.rates[0] * tau), u[1] * math.exp(-loop.rates[1] * tau)
        return math.hypot(loop.rates[0] * errors[0], loop.rates[1] * errors[1]) ** alpha

    def time(start: float, end: float) -> float:
        cuts = np.unique([start, *(x for x in np.geomspace(1e-3, 1e5, 60) if start < x < end), end])
        return math.fsum(quad(clock, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in itertools.pairwise(cuts))

    def ahead(tau: float) -> float:
        w = weights(tau)
        return math.atan2(loop.root * w[1], w[0]) - loop.width

    grid = np.concatenate([[0.0], np.geomspace(1e-6, 60 / min(rates), 20_000)])
    flags = np.flatnonzero([ahead(x) >= 0 for x in grid])
    wanted = 0.0
    if len(flags):
        first, last = flags[0], flags[-1]
        start = brentq(ahead, grid[first - 1], grid[first], xtol=1e-15) if first else 0.0
        wanted = time(start, brentq(ahead, grid[last], grid[last + 1], xtol=1e-15))
    model = Folded(epsilon, theta, margin, decay)
    found = predict(model, rule(name), "flow", model.start(u), threshold=1e-2)
    assert length(found) == pytest.approx(wanted, rel=1e-9)  # the quadratures are asked for 1e-11
    assert (wanted == 0) == (u[1] < 0 or (name == "newton" and not loop.wrong(u)))
    for got, rate in zip(found.arrivals, rates, strict=True):
        assert got == pytest.approx(time(0.0, -math.log(1e-2) / rate), rel=1e-9)
    if alpha == 0:
        assert found.extinctions == (None, None)
    else:  # beyond 80 time constants nothing is left: e^(−40) even of the square root
        assert found.extinctions == pytest.approx([time(0.0, 80 / min(rates))] * 2, rel=1e-9)


def test_a_plateau_that_begins_later_is_among_the_cases():
    for epsilon, theta, margin, decay, u in OFF_CENTRE[2:4]:
        loop = Loop(epsilon, theta, margin, decay)
        assert not loop.wrong(u)


def test_leading_order():
    """With the fast direction at rest the end is log(u₂/(w₁* tan θ))/(λ₂)."""
    model = Folded(epsilon=1e-3, theta=1.0)
    m1, m2 = model.moments()[1][0, 0], model.moments()[0][0, 0]
    found = predict(model, rule("gd"), "flow", model.start((1.0, 30.0)))
    value, kind = found.plateaus[plateaus.LEADING_ORDER]
    assert kind == "asymptotic"
    assert value == pytest.approx(math.log(30 * m2 / (m1 * math.tan(1.0))) / 1e-3, rel=1e-12)
    assert value == pytest.approx(length(found), rel=1e-9)  # e^(−λ₁t) is nothing by then
    symbols = (folded.EPSILON, folded.THETA, folded.MARGIN, folded.DECAY, folded.U2)
    law = folded_chain.derive(rule("gd")).function("leading", symbols)
    assert float(law(1e-3, 1.0, 1.0, 0.0, 30.0)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("constant", [0.0, 1e-300, 2.0, math.inf, math.nan])
def test_a_boundary_that_never_ends_is_refused_at_once(constant):
    decay = Contraction(-1.0)
    with pytest.raises(ArgumentError, match="Argument `constant` must be negative, but is "):
        Edge(1.0, 1.0, constant, decay, decay)


@pytest.mark.parametrize("rate", [0.0, 0.5, math.nan])
def test_parts_of_a_boundary_that_do_not_decay_are_refused_at_once(rate):
    decay, stays = Contraction(-1.0), Contraction(rate)
    for name, parts in (("b", (stays, decay)), ("a", (decay, stays))):
        with pytest.raises(ArgumentError, match=f"^Argument `{name}` must decay, with a negative rate"):
            Edge(1.0, 1.0, -0.5, *parts)
