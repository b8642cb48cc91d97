"""The wedge: moments, errors and plateaus against quadrature, samples and runs; what small ε leaves; refusals."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.stats import beta

from simulations.classifier_samples import sample_wedge
from simulations.comparison import compare
from simulations.descent import descend
from simulations.flow import flow
from simulations.population import population
from simulations.sector import classification_error, sector_moments
from theory import contractions, folded_plateau, geometry, wedge_plateau
from theory.checks import ArgumentError
from theory.clock import RATE1, RATE2
from theory.curves import predict_curve
from theory.derivation import compiled, precise
from theory.discretisation import largest_stable_step
from theory.models import folded_chain, wedge, wedge_chain
from theory.models.folded import Folded
from theory.models.wedge import Wedge
from theory.plateaus import LEADING_ORDER, LONGEST_RUN, TWO_ORDERS, Contraction, Edge
from theory.predictions import predict
from theory.rule_ids import rule

SAMPLES = 1_000_000
CHAINS = [("gd", "flow"), ("gd", "descent"), ("newton", "flow"), ("newton", "descent")]
CHAINS += [(name, "descent") for name in ("egd", "ngd", "power:0.5", "power:1.7", "frobenius")]
CHAINS += [(name, "flow") for name in ("egd", "ngd", "power:0.5", "frobenius", "damped:0.1")]
ANGLES = [1e-3, 0.3, math.pi / 4, 1.5, math.pi / 2, 2.0, 3.0, math.pi - 1e-3]


def length(model: Any, name: str, view: str, start: Any, step: float | None = None) -> float:
    value, kind = predict(model, rule(name), view, model.start(start), step=step).plateaus[LONGEST_RUN]
    assert kind == "exact"
    return value


# --- the chain ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "view"), CHAINS)
def test_chain_is_confirmed(name, view):
    chain = Wedge().derive(rule(name), view)
    assert [step.name for step in chain.steps if not step.holds] == []
    names = [step.name for step in chain.steps]
    path = ["sector", "moments", "loss", "gradient", "minimiser", "directions", "mode equations", "error", "plateau"]
    assert [name for name in names if name in path] == path
    assert ("existence" in names) == (view == "flow")
    assert ("two orders" in names) == (name == "gd")
    assert {c for c in chain.latex() if not c.isascii()} == set()
    document = json.loads(json.dumps(chain.document()))
    assert (document["model"], document["holds"]) == ("wedge", True)


@pytest.mark.parametrize(("name", "view"), [("damped:0.1", "descent"), ("momentum:0.9", "flow"), ("gd", "sideways")])
def test_no_such_derivation(name, view):
    with pytest.raises(ArgumentError, match=r"^Argument `\w+` must .*\.$"):
        wedge_chain.derive(rule(name), view)


@contextlib.contextmanager
def changed(module: Any, name: str, change: Callable[..., Any]) -> Iterator[None]:
    """`module.name` with its result passed through `change`, and no cached derivation that uses it."""

    def forget() -> None:
        for place in (module, wedge, wedge_chain, folded_chain):
            for found in [value for key, value in vars(place).items() if key != "moment_formulas"]:
                getattr(found, "cache_clear", lambda: None)()

    original = getattr(module, name)
    forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, lambda *args, **kwargs: change(original(*args, **kwargs)))
        yield
    forget()


def only(key: Any) -> Callable[[dict[Any, Any]], dict[Any, Any]]:
    return lambda found: {**found, key: 2 * found[key]}


def twice(found: Any) -> Any:
    return (2 * found[0], *found[1:]) if isinstance(found, tuple) else 2 * found


CORRUPTIONS = {
    **{f"moment {s}": (wedge, "moment_formulas", only(s), "moments") for s in (wedge.S12, wedge.C2)},
    "loss": (wedge, "loss", lambda e: e.subs(wedge.S12, 2 * wedge.S12), "loss"),
    "loss, decay": (wedge, "loss", lambda e: e.subs(wedge.DECAY, 2 * wedge.DECAY), "loss"),
    "gradient": (wedge, "gradient", twice, "gradient"),
    "minimiser": (wedge, "minimiser", only(geometry.W2), "minimiser"),
    "rates": (wedge, "rates", twice, "directions"),
    "axis": (wedge, "axis", twice, "directions"),
    "solution": (contractions, "decay", twice, "solution"),
    "edge": (wedge_chain, "coefficients", only("slow_rear"), "plateau"),
    "other edge": (wedge_chain, "coefficients", only("constant_front"), "plateau"),
    "width": (geometry, "width", twice, "sector"),
    "error": (wedge_chain, "error_law", lambda e: e.subs(sp.pi, 3), "error"),
    "bisector": (wedge_plateau, "bisector", twice, "bisector"),
    "limit": (wedge_plateau, "limit_values", twice, "limit"),
    "own speed": (wedge_plateau, "outward_pull", lambda p: (p[0], 2 * p[1]), "existence"),
    "small moments": (wedge_plateau, "small_moments", lambda m: (m[0], 2 * m[1]), "small epsilon"),
    "condition": (wedge_plateau, "small_condition", twice, "condition number"),
    "first order": (wedge_plateau, "crossing", twice, "two orders"),
    "second order": (wedge_plateau, "crossing", lambda o: (o[0], 2 * o[1]), "two orders"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_one_wrong_constant_is_found(name):
    """The chain is confirmed without the change: `test_chain_is_confirmed`."""
    place, function, change, wrong = CORRUPTIONS[name]
    with changed(place, function, change):
        steps = {step.name: step for step in wedge_chain.derive(rule("gd")).steps}
        assert not steps[wrong].holds


# --- moments --------------------------------------------------------------------------------------------------------


@functools.cache
def by_quadrature(epsilon: float, theta: float) -> list[float]:
    """Σ₁₁, Σ₁₂, Σ₂₂, c₁, c₂ from the density of z₁ > 0 and the law of z₂ below −κ√ε z₁, in 30 digits."""
    with mpmath.workdps(30):
        kappa = mpmath.cot(theta) / mpmath.sqrt(epsilon)
        # The mean of g, g² over g < −κt: by parts from the density and the distribution function.
        inner = {
            0: lambda t: mpmath.ncdf(-kappa * t),
            1: lambda t: -mpmath.npdf(kappa * t),
            2: lambda t: mpmath.ncdf(-kappa * t) + kappa * t * mpmath.npdf(kappa * t),
        }
        scale = 1 / mpmath.sqrt(1 + kappa**2)
        cuts = [0, scale, 3 * scale, 8 * scale, 20 * scale, 1, 3, 8, 20]

        def mean(i: int, j: int) -> mpmath.mpf:
            return mpmath.quad(lambda t: t**i * mpmath.npdf(t) * inner[j](t), sorted(map(mpmath.mpf, cuts)))

        mass, root = mean(0, 0), mpmath.sqrt(epsilon)
        parts = [mean(2, 0), root * mean(1, 1), epsilon * mean(0, 2), mean(1, 0), root * mean(0, 1)]
        return [float(part / mass) for part in parts]


@pytest.mark.parametrize(("epsilon", "theta"), [(0.01, math.pi / 4), (1e-6, 0.3), (0.9, 2.0), (0.3, 3.0), (1e-4, 1.57)])
def test_moments_by_quadrature(epsilon, theta):
    wanted = by_quadrature(epsilon, theta)
    covariance, cross = Wedge(epsilon, theta).moments()
    np.testing.assert_allclose([*covariance[0], covariance[1, 1], *cross[0]], wanted, rtol=1e-13)
    covariance, cross = sector_moments(epsilon, theta)
    np.testing.assert_allclose([*covariance[0], covariance[1, 1], *cross[0]], wanted, rtol=1e-13)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3, 0.3, 0.9])
@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_the_formulas_and_the_quadrature_agree_on_the_model(epsilon, theta, decay):
    model = Wedge(epsilon, theta, decay)
    numbers = population(model)
    np.testing.assert_allclose(numbers.curvature, model.curvature, rtol=1e-13)
    np.testing.assert_allclose(numbers.cross, model.cross, rtol=1e-13)
    # Near θ = π the mean of cosines over all pairs is far below 1: 1e-16 of 1 is 2e-9 of it for 1e-3 and ε = 1e-8.
    np.testing.assert_allclose(numbers.minimiser[0, 0], model.minimiser[0, 0], rtol=1e-13)
    np.testing.assert_allclose(numbers.minimiser[0, 1], model.minimiser[0, 1], rtol=1e-8)
    values, basis = model.eigen
    turned = basis.T @ numbers.curvature @ basis
    np.testing.assert_allclose(np.diag(turned), values, rtol=1e-7)
    assert abs(turned[0, 1]) <= 1e-15 * values[0]
    assert values[0] > values[1] > 0
    assert model.gradient(model.minimiser) == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize(("epsilon", "theta"), [(0.01, math.pi / 4), (0.3, 2.5)])
def test_a_million_samples_have_the_moments(epsilon, theta):
    inputs, labels = sample_wedge(epsilon, theta, SAMPLES, 1)
    covariance, cross = Wedge(epsilon, theta).moments()
    x1, x2 = inputs.T
    for values, mean in zip(
        (x1 * x1, x1 * x2, x2 * x2, labels * x1, labels * x2),
        (*covariance[0], covariance[1, 1], *cross[0]),
        strict=True,
    ):
        error = values.std() / math.sqrt(SAMPLES)
        assert abs(values.mean() - mean) < 4 * error  # four standard errors: one in 16,000 by chance


def test_numbers_are_right_to_the_last_digit_however_much_cancels():
    """Σ₁₁ = 1 − sin 2ψ/2ψ is ψ²·2/3 up to a factor 1 + O(ψ²), of which 1 − 1 leaves nothing in floating point."""
    found = Wedge(1e-16, 1e-5).derived
    width = 1e-8 * math.tan(1e-5)
    assert found["s11"] == pytest.approx(2 * width**2 / 3, rel=1e-14, abs=0)
    x = sp.Symbol("x", positive=True)
    cut = sum((x**n / sp.factorial(n) for n in range(13)), sp.Integer(0))
    laws = {"zero": x - sp.exp(sp.log(x)), "small": sp.exp(x) - cut}
    wanted = {
        "zero": pytest.approx(0.0, abs=1e-300),
        "small": pytest.approx(1e-260 / math.factorial(13), rel=1e-15, abs=0),
    }
    assert precise(laws, (x,), (1e-20,)) == wanted  # 260 digits cancel


# --- the exact error ------------------------------------------------------------------------------------------------


def clopper_pearson(hits: np.ndarray, total: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact two-sided confidence interval of a proportion (key clopper1934)."""
    tail = (1 - level) / 2
    low = np.where(hits > 0, beta.ppf(tail, hits, total - hits + 1), 0.0)
    high = np.where(hits < total, beta.ppf(1 - tail, hits + 1, total - hits), 1.0)
    return low, high


LAW = (geometry.W1, geometry.W2, geometry.EPSILON, geometry.THETA)


@pytest.mark.parametrize(("epsilon", "theta"), [(0.3, 0.8), (0.05, math.pi / 2), (0.3, 2.0), (0.01, 3.0)])
def test_the_error_of_weights_in_every_direction(epsilon, theta):
    """Simultaneous 99 % intervals (Bonferroni) in 32 directions, evenly spread after whitening."""
    angles = np.linspace(-np.pi, np.pi, 33)[:-1] + 0.01
    inputs, labels = sample_wedge(epsilon, theta, SAMPLES // 5, 7)
    weights = np.stack([np.cos(angles), np.sin(angles) / math.sqrt(epsilon)], axis=-1)
    wrong = (np.sign(inputs @ weights.T) != labels[:, None]).sum(axis=0)
    low, high = clopper_pearson(wrong, len(labels), 1 - 0.01 / len(angles))
    law = compiled(geometry.error_law(), LAW)(*weights.T, epsilon, theta)
    for error in (law, classification_error(weights[:, None, :], epsilon, theta)):
        assert ((low <= error) & (error <= high)).all()
        assert error.min() < 0.01 and error.max() > 0.99
    np.testing.assert_allclose(law, classification_error(weights[:, None, :], epsilon, theta), atol=1e-14)


def test_the_error_at_the_edges_of_its_domain():
    law = compiled(geometry.error_law(), LAW)
    for (w1, w2), wanted in (((0.0, 0.0), 1.0), ((-1.0, 0.0), 1.0), ((-1.0, -0.0), 1.0), ((1.0, 0.0), 0.0)):
        assert law(w1, w2, 0.1, 2.5) == classification_error(np.array([[w1, w2]]), 0.1, 2.5) == wanted
    below = np.array([[-1.0, -1e-3]])
    assert law(*below[0], 0.1, 2.5) == pytest.approx(float(classification_error(below, 0.1, 2.5)), abs=1e-15)
    assert 0.999 < classification_error(below, 0.1, 2.5) < 1


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("decay", [0.0, 1e-3, 10.0])
def test_the_minimiser_makes_no_error(theta, decay):
    model = Wedge(0.2, theta, decay)
    assert classification_error(model.minimiser, 0.2, theta) == 0
    edge = model.minimiser[0] @ [-math.sin(theta), math.cos(theta)]
    assert model.minimiser[0, 1] < 0 and edge < 0


@pytest.mark.parametrize(("name", "view"), [("gd", "flow"), ("gd", "descent"), ("egd", "flow"), ("newton", "descent")])
def test_the_predicted_error_curve_is_the_measured_one(name, view):
    model = Wedge(0.05, 2.0, 0.01)
    start = model.start((-2, 0.7))
    run = flow(model, name, start) if view == "flow" else descend(model, name, 0.1, start)
    curve = predict_curve(model, rule(name), view, start, float(run.times[-1]), step=0.1)
    inside = curve.times <= run.times[-1]
    measured = np.interp(curve.times[inside], run.times, run.test_error)
    np.testing.assert_allclose(curve.test_error[inside], measured, atol=5e-3)  # linear interpolation, with a kink
    np.testing.assert_allclose(curve.amplitudes[0], run.amplitudes[0], rtol=1e-9)


# --- predicted against measured -------------------------------------------------------------------------------------


def random_models(seed: int, count: int) -> Iterator[tuple[Wedge, np.ndarray, np.random.Generator]]:
    """ε from 1e-8 to 0.9, θ over (0, π), decay or none; starts of both signs, every second one at 100 % error."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        theta = rng.uniform(0.01, math.pi - 0.01)
        decay = rng.choice([0.0, 10 ** rng.uniform(-6, 0)])
        if index % 2:
            start = rng.choice([-1, 1], 2) * 10 ** rng.uniform(-2, 2, 2)
        else:
            angle = rng.uniform(theta, math.pi)
            start = 10 ** rng.uniform(-1, 1) * np.array([math.cos(angle), math.sin(angle)])
        yield Wedge(10 ** rng.uniform(-8, math.log10(0.9)), theta, float(decay)), start, rng


def test_steps_of_random_models_are_predicted_exactly():
    lengths = []
    for model, start, rng in random_models(5, 300):
        name = str(rng.choice(["gd", "gd", "newton"]))
        limit = largest_stable_step(model, rule(name))
        step = limit * rng.choice([rng.uniform(0.01, 0.99), 10 ** rng.uniform(-3, 0) * 0.99, 0.99])
        found = predict(model, rule(name), "descent", model.start(start), step=step)
        run = descend(model, name, step, model.start(start), max_steps=300)
        case = (model.parameters(), start, name, step)
        assert found.plateaus[LONGEST_RUN][0] == run.plateaus[LONGEST_RUN], case
        assert found.arrivals == tuple(run.arrivals), case
        lengths.append(found.plateaus[LONGEST_RUN][0])
    assert 0.5 < np.mean(np.array(lengths) > 0) < 0.9 and max(lengths) > 500 and lengths.count(1) > 10


@pytest.mark.parametrize("epsilon", [1e-2, 1e-6, 1e-8])
def test_a_plateau_too_long_to_iterate_is_predicted_to_the_step(epsilon):
    model = Wedge(epsilon)
    run = descend(model, "gd", 1e-3, model.start(), max_steps=1000)
    assert length(model, "gd", "descent", None, 1e-3) == run.plateaus[LONGEST_RUN] > 8000


def test_a_plateau_by_a_plain_loop():
    """Default model, start (1, 3), step 0.1, with moments and error written out here: 86 steps."""
    s11, s12, s22, c1, c2 = by_quadrature(0.01, math.pi / 4)
    w1, w2, count = 1.0, 3.0, 0
    while w2 >= 0 and w2 >= w1:
        w1, w2, count = w1 - 0.1 * (s11 * w1 + s12 * w2 - c1), w2 - 0.1 * (s12 * w1 + s22 * w2 - c2), count + 1
    assert length(Wedge(), "gd", "descent", None, 0.1) == count == 86


def test_flows_of_random_models():
    rules = itertools.cycle(["gd", "egd", "newton", "power:0.5", "ngd"])
    for (model, start, _), name in zip(random_models(6, 20), rules, strict=False):
        found = predict(model, rule(name), "flow", model.start(start))
        run = flow(model, name, model.start(start))
        case = (model.parameters(), start, name)
        # The solver's tolerance of 1e-10 is one of the error, which is larger than the weights by up to this factor.
        scale = 1e-9 * max(1.0, np.abs(model.minimiser).max() / np.abs(start).max())
        assert run.plateaus[LONGEST_RUN] == pytest.approx(found.plateaus[LONGEST_RUN][0], rel=scale, abs=1e-13), case
        np.testing.assert_allclose(run.arrivals, found.arrivals, rtol=1e-7, err_msg=str(case))


@pytest.mark.parametrize(
    ("theta", "start"),
    [(math.pi / 4, (1, 1)), (0.5, (-1, 0)), (0.7, (0, 0)), (2.5, (-2, 0)), (3 * math.pi / 4, (-1, 1))],
)
def test_a_start_on_an_edge_is_left_at_once(theta, start):
    model = Wedge(0.01, theta)
    run = descend(model, "gd", 0.1, model.start(start))
    assert length(model, "gd", "descent", start, 0.1) == run.plateaus[LONGEST_RUN] == 1
    assert length(model, "gd", "flow", start) < 1e-14


def test_either_edge_can_end_the_plateau():
    """From u₁ > −u₂ tan θ/2 the plane of v comes first, otherwise the weights turn the other way round."""
    for start, beyond in (((1.0, 3.0), True), ((-3.0, 1.0), False)):
        model = Wedge(1e-4)
        end = length(model, "gd", "flow", start)
        values, basis = np.linalg.eigh(model.curvature)
        error = (np.array(start) - model.minimiser[0]) @ basis
        weights = model.minimiser[0] + (error * np.exp(-values * end)) @ basis.T
        assert (abs(weights[1] - weights[0]) < 1e-9) == beyond
        assert (abs(weights[1]) < 1e-9) == (not beyond)


def test_a_start_at_the_minimiser_has_arrived():
    model = Wedge()
    for view in ("flow", "descent"):
        found = predict(model, rule("gd"), view, model.minimiser, step=0.1)
        assert found.arrivals == (0.0, 0.0)
        assert found.plateaus == {LONGEST_RUN: (0.0, "exact")}


def test_early_values_of_a_boundary_function_are_not_rounded():
    """Parts of 1e12 that cancel to 1: near the start only what has changed is added up."""
    slow, fast = Contraction(-1e-12), Contraction(-3e-12)
    edge = Edge(1e12, -1e11, -9e11 + 1, slow, fast, 1.0, False)
    assert edge.value(0.5) == pytest.approx(1 - 0.5 + 0.15, rel=1e-11)  # to the second order in 1e-12


# --- when there is a plateau, and how long it is ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gd", "newton", "egd"])
def test_a_flow_has_a_plateau_where_its_start_misclassifies_everything_or_never(name):
    seen = []
    for model, start, _ in random_models(11, 80):
        whole = classification_error(model.start(start), model.epsilon, model.theta) == 1
        assert (length(model, name, "flow", start) > 0) == whole, (model.parameters(), start)
        if name == "gd" and not whole:  # nor does the path come back: 400 points of it
            curve = predict_curve(model, rule(name), "flow", model.start(start), 20 / model.eigen[0][1])
            assert curve.test_error.max() < 1
        seen.append(whole)
    assert 0.4 < np.mean(seen) < 0.9


def test_on_the_folded_model_a_plateau_may_begin_later():
    """As ε → 0: u₂ > min(u₁, w₁*) tan θ. The wedge has no such starts."""
    theta = 0.8
    for epsilon in (1e-4, 1e-6):
        model = Folded(epsilon, theta)
        star = model.minimiser[0, 0]
        for u1, share, there in (
            (5, 1.1, True),
            (5, 0.9, False),
            (0.1, 0.3, True),
            (-1, 1e-3, True),
            (0.1, 0.05, False),
        ):
            u2 = share * math.tan(theta) * star
            assert (length(model, "gd", "flow", (u1, u2)) > 0) == there == (u2 > min(u1, star) * math.tan(theta))
        assert length(model, "gd", "flow", (-1, -0.01)) == 0


def test_the_peak_of_the_folded_models_boundary_function():
    """B < 0: its place and height against a grid."""
    symbols = (folded_plateau.SLOW, folded_plateau.GAIN, folded_plateau.DEPTH, RATE1, RATE2)
    place, height = (
        float(part.subs(dict(zip(symbols, (2, 5, 1, 3, 0.1), strict=True)))) for part in folded_plateau.peak()
    )
    times = np.linspace(0, 10, 100_001)
    f = 2 * np.exp(-0.1 * times) - 5 * np.exp(-3 * times) - 1
    assert place == pytest.approx(times[f.argmax()], abs=1e-4)  # the grid's spacing
    assert height == pytest.approx(f.max(), abs=1e-8)  # of second order in it


def slope(epsilons: np.ndarray, differences: list[float]) -> float:
    """Order in ε of a difference, fitted to its last values."""
    return float(np.polyfit(np.log(epsilons[-4:]), np.log(np.abs(differences[-4:])), 1)[0])


SMALL = 10.0 ** -np.arange(3, 9)


@pytest.mark.parametrize(
    ("theta", "start"), [(math.pi / 4, (1, 3)), (1.2, (0.5, 2)), (0.4, (-3, 1)), (1.4, (-1, 0.3)), (0.05, (1, 3))]
)
def test_two_orders_of_the_plateau_for_small_epsilon(theta, start):
    """Of order 1/√ε, not 1/ε, and what two orders leave is of order √ε; both ends, by v and by w₂ = 0."""
    exact, rest = [], []
    for epsilon in SMALL:
        found = predict(Wedge(epsilon, theta), rule("gd"), "flow", np.array([start], float)).plateaus
        assert found[TWO_ORDERS][1] == "asymptotic"
        exact.append(found[LONGEST_RUN][0])
        rest.append(found[LONGEST_RUN][0] - found[TWO_ORDERS][0])
    assert slope(SMALL, exact) == pytest.approx(-0.5, abs=0.01)  # the next order is √ε ≤ 0.003 of the first
    assert slope(SMALL, rest) == pytest.approx(0.5, abs=0.01)


def test_two_orders_in_steps():
    for epsilon in (1e-6, 1e-8):
        model = Wedge(epsilon)
        found = predict(model, rule("gd"), "descent", model.start(), step=0.1).plateaus
        assert abs(found[LONGEST_RUN][0] - found[TWO_ORDERS][0]) <= 1  # one step, and 0.03/0.1 of a step at 1e-6


@pytest.mark.parametrize("model", [Wedge(0.01, 2.0), Wedge(0.01, 1.0, 0.1)])
def test_no_expansion_where_it_does_not_hold(model):
    assert TWO_ORDERS not in predict(model, rule("gd"), "flow", model.start((-1, 1))).plateaus


@pytest.mark.parametrize("theta", [0.3, 1.0, 1.4])
def test_the_condition_number_stays_bounded(theta):
    """A step of order 1/ε is stable: what is slow for small ε is the whole gradient, not a direction of it."""
    limit = float(wedge_plateau.small_condition().subs(wedge_plateau.SLOPE, math.tan(theta)))
    for epsilon in (1e-4, 1e-6, 1e-8):
        values = Wedge(epsilon, theta).eigen[0]
        assert values[0] / values[1] == pytest.approx(limit, rel=100 * epsilon)  # O(ε), tan² 1.4 = 34
    model = Wedge(1e-8, theta)
    assert length(model, "gd", "descent", (1, 40), 0.9 * largest_stable_step(model, rule("gd"))) <= 1


def test_beyond_a_right_angle_the_plateau_does_not_grow():
    lengths = [length(Wedge(epsilon, 2.0), "gd", "flow", (-3, 1)) for epsilon in SMALL]
    assert max(lengths) / min(lengths) < 1.1


def test_the_error_of_the_leading_order_on_the_folded_model():
    """(t* − t₀) over its law tends to 1; at ε = 0.05 it is 1e-12, where rounding begins."""
    law = compiled(
        folded_plateau.correction(),
        (folded_plateau.FAST, folded_plateau.RATIO, RATE1, RATE2, folded_plateau.DEPTH),
    )
    ratios = []
    for epsilon in (0.3, 0.2, 0.1):
        model = Folded(epsilon, 0.8, 0.5)
        star, rate = model.minimiser[0, 0], model.curvature[0, 0]
        found = predict(model, rule("gd"), "flow", model.start((-1, 2))).plateaus
        sine, tau = math.sin(0.8), 2 / (star * math.tan(0.8))
        wanted = law((star + 1) * sine, tau, rate, epsilon, star * sine)
        ratios.append((found[LONGEST_RUN][0] - found[LEADING_ORDER][0]) / wanted)
    assert np.abs(np.array(ratios) - 1) == pytest.approx([0.06, 0.008, 0.0], abs=1e-2)
    assert abs(ratios[2] - 1) < 1e-4 < abs(ratios[1] - 1) < abs(ratios[0] - 1)


def test_a_short_plateau_of_the_folded_model():
    """Below u₂ = w₁* tan θ the length tends to its limit with an error of order ε."""
    law = compiled(folded_plateau.short(), (folded_plateau.FAST, folded_plateau.DEPTH, folded_plateau.SLOW, RATE1))
    rest = []
    for epsilon in SMALL:
        model = Folded(epsilon, 0.8, 0.5)
        star, rate = model.minimiser[0, 0], model.curvature[0, 0]
        u2 = 0.5 * star * math.tan(0.8)
        limit = law((star + 1) * math.sin(0.8), star * math.sin(0.8), u2 * math.cos(0.8), rate)
        rest.append(length(model, "gd", "flow", (-1, u2)) - limit)
    assert slope(SMALL[:5], rest[:5]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["gd", "egd"])
def test_chains_of_the_folded_model_say_when_there_is_a_plateau(name):
    steps = {step.name: step for step in folded_chain.derive(rule(name)).steps}
    wanted = {"error", "existence"} | ({"error of the leading order", "short plateau"} if name == "gd" else set())
    assert wanted <= set(steps)
    assert all(steps[found].holds for found in wanted)


@pytest.mark.parametrize(
    ("function", "wrong"),
    [("peak", "existence"), ("correction", "error of the leading order"), ("short", "short plateau")],
)
def test_one_wrong_constant_of_the_folded_model_is_found(function, wrong):
    with changed(folded_plateau, function, twice):
        steps = {step.name: step for step in folded_chain.derive(rule("gd")).steps}
        assert not steps[wrong].holds


# --- in use ---------------------------------------------------------------------------------------------------------


def test_compare_puts_predicted_beside_measured():
    found = compare(Wedge(), ["gd", "egd", "newton"], start=(1, 3), step=0.1)
    document = found.document("0")
    assert document["model"] == "wedge"
    assert {key: document["parameters"][key] for key in ("epsilon", "theta", "weight_decay", "start")} == {
        "epsilon": 0.01,
        "theta": math.pi / 4,
        "weight_decay": 0.0,
        "start": [1.0, 3.0],
    }
    plateau = found.run("gd", "descent").plateaus()[0]
    assert (plateau["predicted"], plateau["measured"], plateau["kind"]) == (86, 86, "exact")
    named = {plateau["definition"]: plateau for plateau in found.run("gd", "descent").plateaus()}
    assert (named[TWO_ORDERS]["measured"], named[TWO_ORDERS]["kind"]) == (86, "asymptotic")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "Argument `epsilon` must lie in (0, 1), but is 0."),
        ((1,), "Argument `epsilon` must lie in (0, 1), but is 1."),
        ((1e-17,), "Argument `epsilon` must be at least 1e-16, but is 1e-17."),
        ((0.1, 1e-6), "Argument `theta` must be at least 1e-05, but is 1e-06."),
        ((0.1, 0), "Argument `theta` must lie in (0, π) radians, but is 0."),
        ((0.1, math.pi), "Argument `theta` must lie in (0, π) radians, but is 3.141592653589793."),
        ((0.1, math.nan), "Argument `theta` must be finite, but is nan."),
        ((0.1, 1, -1), "Argument `weight_decay` must be zero or positive, but is -1."),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ArgumentError) as caught:
        Wedge(*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("start", [(1,), (1, 2, 3)])
def test_a_start_has_two_numbers(start):
    with pytest.raises(ArgumentError, match="Argument `start` must hold 2 numbers, but holds "):
        Wedge().start(start)
