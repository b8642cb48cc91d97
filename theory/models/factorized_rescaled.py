"""Rules that scale all singular values of a layer's gradient alike: gradient descent's path with another clock."""

from __future__ import annotations

import sympy as sp

from theory.clock import END, PATH, pace
from theory.derivation import Step
from theory.models.factorized_logistic import logistic, rate_residual
from theory.models.factorized_mode import (
    DECAY,
    FACTOR,
    START,
    TARGET,
    TIME,
    balanced_gradient,
    factors,
    layer_gradients,
)
from theory.rules import NORM, SIGMA, Rule

LEFT = sp.Symbol("E", positive=True)


def rescaled(rule: Rule, depth: int) -> tuple[list[Step], dict[str, sp.Expr]]:
    """The chain after the opening, and its laws: the clock in σ = ν, and for two layers gradient descent's path."""
    slow = pace(rule)
    laws = {"clock": slow, "gradient": balanced_gradient(depth)}
    steps = [_modes(rule, slow), _balanced(depth, slow)]
    if depth == 2:
        path: dict[str, sp.Expr] = {}
        logistic(path)
        laws |= {"path_solution": path["solution"], "path_arrival": path["arrival"], "path_gradient": _path_gradient()}
        steps += _timed(path, slow)
    return steps, laws


def _path_gradient() -> sp.Expr:
    """g/E of two layers on the path, where E = exp(−2(s − λ)τ) is left, without the cancellation in s − λ − a."""
    pull = TARGET - DECAY
    share = pull / START - 1
    whole = 1 + share * LEFT
    return -sp.sqrt(pull / whole) * pull * share / whole


def _modes(rule: Rule, slow: sp.Expr) -> Step:
    gradient, norm = sp.Symbol("g_l", real=True), sp.Symbol("nu_l", positive=True)
    assert rule.law is not None
    speed = rule.law.subs({SIGMA: gradient, NORM: norm})
    return Step(
        "mode equations",
        sp.Eq(sp.Derivative(sp.Function("w_l")(TIME), TIME), -speed, evaluate=False),
        "The rule scales all singular values |g_l| of a layer's gradient alike, by its norm ν_l = ‖G_l‖.",
        lambda: speed - gradient / slow.subs(SIGMA, norm),
        origin="definition",
    )


def _balanced(depth: int, slow: sp.Expr) -> Step:
    gradient, norm = balanced_gradient(depth), sp.Symbol("nu", positive=True)
    names = factors(depth)
    return Step(
        "balanced mode",
        sp.Eq(sp.Derivative(sp.Function("t")(PATH), PATH), slow.subs(SIGMA, norm), evaluate=False),
        "From factors of equal size in every mode all layers have the same gradients, and the same norm ν, ν² = Σ gᵢ²: "
        "the path is gradient descent's, run through with this clock.",
        lambda: [g.subs(dict.fromkeys(names, FACTOR)) - gradient for g in layer_gradients(depth, DECAY)],
    )


def _timed(path: dict[str, sp.Expr], slow: sp.Expr) -> list[Step]:
    """Two layers: gradient descent's amplitudes are logistic, and the clock is integrated along them."""
    amplitude, along = sp.Function("a"), path["solution"].subs(TIME, PATH)
    clock = slow.subs(SIGMA, sp.Function("nu")(PATH))
    time, last = sp.Integral(clock, (PATH, 0, END)), sp.Symbol("tau_i", positive=True)
    return [
        Step(
            "solution",
            sp.Eq(amplitude(PATH), along, evaluate=False),
            "Gradient descent's amplitude of each mode, at the time τ on its path.",
            lambda: [
                rate_residual(along, PATH),
                sp.simplify(
                    (balanced_gradient(2).subs(FACTOR, sp.sqrt(along)) - _path_gradient() * LEFT).subs(
                        LEFT, sp.exp(-2 * (TARGET - DECAY) * PATH)
                    )
                ),
            ],
        ),
        Step(
            "clock",
            sp.Eq(sp.Function("t")(END), time, evaluate=False),
            "Integrate the clock along the path; as T → ∞ this is the time at which the whole gradient vanishes, "
            "finite where h(σ) is larger than σ near 0.",
            lambda: time.diff(END) - clock.subs(PATH, END),
        ),
        Step(
            "arrival",
            sp.Eq(sp.Function("t")(last), time.subs(END, path["arrival"]), evaluate=False),
            "Modes arrive in gradient descent's order, at the times at which its arrivals τᵢ are passed.",
            lambda: (time.subs(END, last) - sp.Integral(clock, (PATH, 0, last))).doit(),
        ),
    ]
