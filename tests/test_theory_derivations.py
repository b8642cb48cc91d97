"""Derivations: SymPy confirms every chain, does not confirm a corrupted one, and renders it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from simulations.population import tail_moments
from theory import clock, contractions
from theory.checks import ArgumentError
from theory.derivation import Derivation, Step
from theory.models import (
    factorized_chain,
    factorized_descent,
    factorized_newton,
    factorized_rescaled,
    folded,
    folded_chain,
    folded_descent,
    folded_opening,
    regression,
    regression_chain,
    regression_descent,
    regression_opening,
    single_row,
)
from theory.models.folded import MARGIN, Folded
from theory.models.regression import Regression
from theory.rule_ids import rule
from theory.rules import SIGMA, Rule

FAMILY = ["gd", "egd", "ngd", "power:0.5", "power:1.5", "newton"]
RULES = [*FAMILY, "power:0.3", "power:1.7", "damped:0.1"]
FLOWS = [(folded_chain, name, "flow") for name in [*RULES, "frobenius", "newton-schulz"]]
FLOWS += [(regression_chain, name, "flow") for name in [*RULES, "frobenius"]]
FLOWS += [(factorized_chain, name, "flow") for name in [*FAMILY, "damped:0.1", "frobenius"]]
DESCENTS = [(folded_chain, name, "descent") for name in [*FAMILY, "power:0.3", "power:1.7", "frobenius", "truncated:1"]]
DESCENTS += [(regression_chain, name, "descent") for name in [*RULES, "power:-1"]]
DESCENTS += [(factorized_chain, name, "descent") for name in [*FAMILY, "damped:0.1"]]
CHAINS = pytest.mark.parametrize(("model", "name", "view"), FLOWS + DESCENTS)


@CHAINS
def test_chain_is_confirmed(model, name, view):
    chain = model.derive(rule(name), view)
    assert [step.name for step in chain.steps if not step.holds] == []
    assert chain.holds is True
    document = json.loads(json.dumps(chain.document()))
    assert (document["rule"], document["view"], document["holds"]) == (name, view, True)
    assert [step["holds"] for step in document["steps"]] == [True] * len(chain.steps)
    assert all(step["equation"] and step["sympy"] and step["reason"] for step in document["steps"])
    text = chain.text()
    assert text.count(", checked]") == len(chain.steps) and "NOT CONFIRMED" not in text


@CHAINS
def test_latex_is_plain_ascii(model, name, view):
    chain = model.derive(rule(name), view)
    latex = chain.latex()
    assert latex.startswith("\\documentclass") and latex.endswith("\\end{document}\n")
    assert latex.count("\\item[") == len(chain.steps) and latex.count("\\[ ") == len(chain.steps)
    assert {c for c in latex if not c.isascii()} == set()


@CHAINS
def test_text_has_no_code_in_it(model, name, view):
    text = model.derive(rule(name), view).text()
    assert not any(word in text for word in ("sqrt(", "Min(", "Max("))


@CHAINS
def test_chain_reaches_from_the_loss_to_the_plateau(model, name, view):
    names = [step.name for step in model.derive(rule(name), view).steps]
    path = ["loss", "gradient", "directions", "mode equations"]
    path += [_last(model, name, view)]
    places = [names.index(wanted) for wanted in path]
    assert places == sorted(places)


def _last(model: Any, name: str, view: str) -> str:
    """How far the chain goes: to the plateau, or to the arrivals, or to the equation for the time."""
    if model is factorized_chain:
        untimed = view == "flow" and name not in ("gd", "egd", "newton")
        return "balanced mode" if untimed else "arrival"
    return "arrival" if model is regression_chain and name in ("damped:0.1", "frobenius") else "plateau"


@pytest.mark.parametrize(
    ("model", "name", "view"),
    [
        (folded_chain, "damped:0.1", "descent"),
        (folded_chain, "egd:refresh=2", "descent"),
        (folded_chain, "power:-1", "descent"),
        (folded_chain, "momentum:0.9", "flow"),
        (folded_chain, "grokfast", "descent"),
        (regression_chain, "frobenius", "descent"),
        (regression_chain, "truncated:1", "flow"),
        (regression_chain, "random-basis", "flow"),
        (factorized_chain, "frobenius", "descent"),
        (factorized_chain, "momentum:0.5", "descent"),
        *((model, name, "sideways") for model in (folded_chain, regression_chain) for name in ("gd", "newton", "egd")),
    ],
)
def test_no_such_derivation(model, name, view):
    with pytest.raises(ArgumentError, match=r"^Argument `\w+` must .*\.$"):
        model.derive(rule(name), view)


def test_models_derive():
    assert Folded().derive(rule("gd")).model == "folded"
    assert Regression.from_spectrum([1, 0.1]).derive(rule("egd"), "descent").view == "descent"


@pytest.mark.parametrize("model", [folded_chain, regression_chain])
@pytest.mark.parametrize("view", ["flow", "descent"])
def test_a_law_of_ones_own_is_not_taken_for_a_named_rule(model, view):
    """A user's ``module:gd`` is called gd, but obeys its own law."""
    assert model.derive(Rule("gd", 1 / SIGMA), view).laws == model.derive(rule("ngd"), view).laws


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "power:0.5", "power:0.3", "power:1.7", "newton"])
def test_the_spectrum_decides_the_ratio_of_arrivals(name):
    """κ^(1−α), and 1 for Newton's rule."""
    [step] = [step for step in regression_chain.derive(rule(name)).steps if step.name == "ratio"]
    exponent = 0 if name == "newton" else 1 - rule(name).power
    assert step.equation.rhs == regression.KAPPA**exponent


X = sp.Symbol("x", positive=True)


@pytest.mark.parametrize("wrong", [1, X, [0, X], sp.Matrix([[0, 0], [0, sp.Rational(1, 10**9)]]), sp.sqrt(X**2) + X])
def test_a_wrong_step_is_not_confirmed(wrong):
    right = Step("right", sp.Eq(X, X, evaluate=False), "true", lambda: [0, sp.sin(X) ** 2 + sp.cos(X) ** 2 - 1])
    assert right.holds is True
    chain = Derivation("m", "r", "flow", [right, Step("wrong", sp.Eq(X, 0), "false", lambda: wrong)])
    assert chain.holds is False
    assert chain.text().count("NOT CONFIRMED") == 1
    document = chain.document()
    assert document["holds"] is False and [step["holds"] for step in document["steps"]] == [True, False]


CHAIN_MODULES = (folded_chain, regression_chain, factorized_chain)


@contextlib.contextmanager
def changed(module: Any, name: str, change: Callable[..., Any]) -> Iterator[None]:
    """`module.name` with its result passed through `change`, and no derivation cached around it."""

    def forget() -> None:
        for place in (*CHAIN_MODULES, module):
            for found in list(vars(place).values()):
                if getattr(found, "__module__", None) == place.__name__:
                    getattr(found, "cache_clear", lambda: None)()

    original = getattr(module, name)
    forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, lambda *args, **kwargs: change(original(*args, **kwargs)))
        yield
    forget()


def twice(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: 2 * value for key, value in found.items()}
    if isinstance(found, tuple):
        return (2 * found[0], *found[1:])
    return 2 * found


def only(key: Any, factor: int = 2) -> Callable[[dict[Any, Any]], dict[Any, Any]]:
    return lambda found: {**found, key: factor * found[key]}


def amplitude_doubled(found: Derivation) -> Derivation:
    return dataclasses.replace(found, laws=only("amplitude")(found.laws))


CORRUPTIONS = {
    "folded m1": (folded_opening, "moment_formulas", only(folded.M1), "gd", "flow"),
    "folded m2": (folded_opening, "moment_formulas", only(folded.M2), "gd", "flow"),
    "folded loss": (folded_opening, "loss", twice, "gd", "flow"),
    "folded loss, moment of x1": (folded_opening, "loss", lambda e: e.subs(folded.M2, 2 * folded.M2), "gd", "flow"),
    "folded loss, moment of x2": (
        folded_opening,
        "loss",
        lambda e: e.subs(folded.EPSILON, 2 * folded.EPSILON),
        "gd",
        "flow",
    ),
    "folded loss, decay": (folded_opening, "loss", lambda e: e.subs(folded.DECAY, 2 * folded.DECAY), "gd", "flow"),
    "folded loss, label": (folded_opening, "loss", lambda e: e.subs(folded.M1, 2 * folded.M1), "egd", "flow"),
    "folded gradient": (folded_opening, "gradient", twice, "gd", "flow"),
    "folded gradient, egd": (folded_opening, "gradient", twice, "egd", "flow"),
    "folded minimiser": (folded_opening, "minimiser", twice, "gd", "flow"),
    "folded minimiser, descent": (folded_opening, "minimiser", twice, "newton", "descent"),
    "folded rates": (folded_opening, "rates", twice, "gd", "flow"),
    "folded rates, descent": (folded_opening, "rates", twice, "gd", "descent"),
    "folded boundary": (folded_opening, "boundary", twice, "gd", "flow"),
    "folded boundary, turned": (
        folded_opening,
        "boundary",
        lambda e: e.subs(folded.THETA, 2 * folded.THETA),
        "egd",
        "flow",
    ),
    "folded coefficients": (folded_opening, "coefficients", only("constant"), "gd", "flow"),
    "folded coefficients, descent": (folded_opening, "coefficients", only("fast"), "gd", "descent"),
    "folded coefficients, clock": (folded_opening, "coefficients", only("slow"), "ngd", "flow"),
    "folded solution, rate": (contractions, "decay", lambda e: e.subs(folded.TIME, 2 * folded.TIME), "gd", "flow"),
    "folded solution": (contractions, "decay", twice, "gd", "flow"),
    "clock": (clock, "pace", twice, "egd", "flow"),
    "clock, natural": (clock, "pace", twice, "ngd", "flow"),
    "clock, power": (clock, "pace", lambda e: e * SIGMA, "power:0.3", "flow"),
    "folded solution, descent": (contractions, "contract", twice, "gd", "descent"),
    "folded solution, steps": (
        contractions,
        "contract",
        lambda e: e.subs(folded.STEP, 2 * folded.STEP),
        "gd",
        "descent",
    ),
    "regression loss": (regression_opening, "_explicit", lambda f: (*f[:4], 2 * f[4]), "gd", "flow"),
    "regression speed, gd": (regression_chain, "speed_along", twice, "gd", "flow"),
    "regression speed, egd": (regression_chain, "speed_along", twice, "egd", "flow"),
    "regression speed, power": (regression_chain, "speed_along", twice, "power:0.3", "flow"),
    "regression speed, damped": (regression_chain, "speed_along", twice, "damped:0.1", "flow"),
    "regression speed, newton": (regression_chain, "speed_along", twice, "newton", "flow"),
    "regression speed, descent": (regression_descent, "speed_along", twice, "egd", "descent"),
    "regression solution, gd": (regression_chain, "_solve", twice, "gd", "flow"),
    "regression solution, power": (regression_chain, "_solve", twice, "power:0.3", "flow"),
    "regression solution, ngd": (regression_chain, "_solve", twice, "ngd", "flow"),
    "regression arrival": (regression_chain, "_power_arrival", twice, "power:0.5", "flow"),
    "regression arrival, power 1.7": (regression_chain, "_power_arrival", twice, "power:1.7", "flow"),
    "regression speed, recursion": (regression_descent, "speed_along", twice, "power:0.5", "descent"),
    "regression cycle": (regression_descent, "cycle", amplitude_doubled, "ngd", "descent"),
    "folded descent, law": (single_row, "single_power", twice, "power:0.5", "descent"),
    "folded descent, boundary": (folded_descent, "boundary", twice, "egd", "descent"),
    "folded descent, minimiser": (
        folded_descent,
        "minimiser",
        lambda w: {k: 2 * v for k, v in w.items()},
        "ngd",
        "descent",
    ),
    "folded descent, rates": (folded_descent, "rates", twice, "power:1.5", "descent"),
    "factorized gradient, descent": (factorized_descent, "balanced_gradient", twice, "ngd", "descent"),
    "factorized curvature": (factorized_descent, "sharpness", twice, "power:0.5", "descent"),
    "factorized rescaled, clock": (factorized_rescaled, "pace", twice, "frobenius", "flow"),
    "factorized rescaled, gradient": (factorized_rescaled, "balanced_gradient", twice, "frobenius", "flow"),
    "factorized newton": (factorized_newton, "layer_gradients", lambda g: (g[0], g[0] + g[1]), "newton", "flow"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_one_wrong_constant_is_found(name):
    """Each of these chains is confirmed without the change: `test_chain_is_confirmed`."""
    place, function, change, rule_id, view = CORRUPTIONS[name]
    names = {"regression": regression_chain, "factorized": factorized_chain}
    model = next((chain for part, chain in names.items() if part in place.__name__), folded_chain)
    assert (model, rule_id, view) in FLOWS + DESCENTS
    with changed(place, function, change):
        assert model.derive(rule(rule_id), view).holds is False


def tail(margin: float) -> tuple[mpmath.mpf, mpmath.mpf]:
    """E|z| and E z² given |z| ≥ margin, by quadrature in 40 digits of the density divided by its value there."""
    with mpmath.workdps(40):
        cuts = [mpmath.mpf(k) / (margin + 1) for k in (0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)]

        def moment(n: int) -> mpmath.mpf:
            return mpmath.quad(lambda y: (margin + y) ** n * mpmath.exp(-y * (margin + y / 2)), cuts)

        return moment(1) / moment(0), moment(2) / moment(0)


@pytest.mark.parametrize("margin", [0, 0.5, 1, 3, 6, 20])
def test_moments_of_the_folded_model(margin):
    m1, m2 = map(float, tail(margin))
    covariance, cross = Folded(margin=margin, epsilon=0.3).moments()
    np.testing.assert_allclose(covariance, [[m2, 0], [0, 0.3]], rtol=1e-12)
    np.testing.assert_allclose(cross, [[m1, 0]], rtol=1e-12)
    assert tail_moments(margin) == pytest.approx((m1, m2), rel=1e-12)
    formulas = folded.moment_formulas()
    for key, value in ((folded.M1, m1), (folded.M2, m2)):
        assert float(formulas[key].subs(MARGIN, sp.Rational(margin)).evalf(30)) == pytest.approx(value, rel=1e-14)


def test_population_shares_the_law_of_the_model():
    """Decay enters both coordinates, in the theory's gradient and in the simulation's numbers alike."""
    from simulations.population import population

    model = Folded(epsilon=0.2, margin=0.7, weight_decay=0.3)
    numbers = population(model)
    weights = np.array([[0.4, -1.3]])
    m1, m2 = map(float, tail(0.7))
    wanted = [[(m2 + 0.3) * 0.4 - m1, 0.5 * -1.3]]
    np.testing.assert_allclose(model.gradient(weights), wanted, rtol=1e-12)
    np.testing.assert_allclose(numbers.gradient(weights), wanted, rtol=1e-12)
    symbols = (folded.W1, folded.W2, folded.M1, folded.M2, folded.EPSILON, folded.DECAY)
    derived = [
        float(g.subs(dict(zip(symbols, (0.4, -1.3, m1, m2, 0.2, 0.3), strict=True)))) for g in folded_opening.gradient()
    ]
    np.testing.assert_allclose([derived], wanted, rtol=1e-12)


def test_a_compiled_logarithm_keeps_the_digits_of_a_small_argument():
    symbols = (folded.EPSILON, folded.THETA, folded.MARGIN, folded.DECAY, folded.U1, folded.U2, folded.ETA)
    values = (1e-8, 0.8, 1.0, 0.0, 1.0, 3.0, 0.1)
    chain = folded_chain.derive(rule("gd"), "descent")
    exact = chain.laws["leading"].subs(
        {s: sp.Float(v, 40) for s, v in zip(symbols, values, strict=True)}, simultaneous=True
    )
    # 1 − ηε rounds away all but seven digits; log1p leaves a few units in the last place
    assert chain.function("leading", symbols)(*values) == pytest.approx(float(exact.evalf(30)), rel=1e-14)
