"""The chain of a factorised model: from the loss to the order in which its modes arrive."""

from __future__ import annotations

import functools

import sympy as sp

from theory.checks import ArgumentError, known
from theory.derivation import VIEWS, Derivation, Step
from theory.models.factorized_descent import recursion
from theory.models.factorized_logistic import logistic
from theory.models.factorized_mode import (
    DECAY,
    END,
    ETA,
    FACTOR,
    FAST,
    SLOW,
    START,
    TARGET,
    TIME,
    balanced_gradient,
    factors,
    layer_gradients,
)
from theory.models.factorized_newton import newton
from theory.models.factorized_opening import opening, turn, turned
from theory.models.factorized_rescaled import rescaled
from theory.models.factorized_sharpness import sharpness_step
from theory.models.factorized_unbalanced import conserved, settling_pull, settling_residual, unbalanced
from theory.rules import SIGMA, Rule


@functools.cache
def derive(rule: Rule, view: str = "flow", depth: int = 2) -> Derivation:
    """The chain from the loss to the arrivals of a factorised model's modes.

    Parameters
    ----------
    rule
        An elementwise spectral rule; as a flow, one that scales all singular values alike; or ``newton``, which stands
        for Newton's rule layer by layer.
    view
        ``flow`` or ``descent``.
    depth
        Number of layers.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    known("view", view, VIEWS)
    if rule.kind == "newton":
        return Derivation("factorized", rule.name, view, [*opening(depth), *newton(depth, view)])
    if rule.isotropic and not rule.elementwise and view == "flow":
        steps, laws = rescaled(rule, depth)
        return Derivation("factorized", rule.name, view, [*opening(depth), *steps], laws)
    if rule.kind != "spectral" or not rule.elementwise:
        raise ArgumentError("rule", f"have a derivation for a factorised model as a {view}", f"is {rule.name}")
    if view == "descent" and rule.power != 1:
        steps, laws = recursion(rule, depth)
    else:
        steps, laws = _flow(rule, depth) if view == "flow" else _descent(depth)
        kept = [conserved(rule, depth)] if rule.power is not None else []
        steps = [_modes(rule, depth), *kept, *steps]
    if rule.power == 0:
        steps = [*steps, sharpness_step(depth)]
    return Derivation("factorized", rule.name, view, [*opening(depth), *steps], laws)


def _modes(rule: Rule, depth: int) -> Step:
    """The rule on the gradient of each layer, for a mode that grows towards its target from positive factors."""
    assert rule.law is not None
    names = factors(depth)
    gradient = sp.Symbol("g_l", real=True)
    speed = rule.law.subs(SIGMA, sp.Abs(gradient)) * sp.sign(gradient)
    return Step(
        "mode equations",
        sp.Eq(sp.Derivative(sp.Function("w_l")(TIME), TIME), -speed, evaluate=False),
        "The rule gives each singular value |g_l| of a layer's gradient the speed h(|g_l|); its sign is kept until "
        "g_l vanishes: with the residual (extinction), with another layer's factor (crossing), or with two (saddle).",
        lambda: _mode_residual(rule, names),
        origin="definition",
    )


def _mode_residual(rule: Rule, names: tuple[sp.Symbol, ...]) -> list[sp.Expr]:
    """The rule put on a layer's gradient R diag(−g) Rᵀ, with two modes below their targets."""
    assert rule.law is not None
    after, before = turn(1), turn(0)
    pulls = sp.symbols("p1 p2", positive=True)
    update = after * sp.diag(*[rule.law.subs(SIGMA, p) for p in pulls]) * before.T
    along = after.T * update * before
    speeds = sp.diag(*[rule.law.subs(SIGMA, pull) for pull in pulls])
    return [turned(entry, 2) for entry in along - speeds]


def _flow(rule: Rule, depth: int) -> tuple[list[Step], dict[str, sp.Expr]]:
    assert rule.law is not None
    gradient = balanced_gradient(depth)
    settling = settling_pull(depth)
    steps = [
        Step(
            "balanced mode",
            sp.Eq(sp.Symbol("g"), gradient, evaluate=False),
            "From factors of equal size w, a = w^L, every layer has the same gradient and they stay equal.",
            lambda: [
                *(g.subs(dict.fromkeys(factors(depth), FACTOR)) - gradient for g in layer_gradients(depth, DECAY)),
                settling_residual(settling, gradient),
            ],
        )
    ]
    slowness = 1 / rule.law.subs(SIGMA, sp.Symbol("g", positive=True))
    laws = {"gradient": gradient, "settling": settling, "slowness": slowness}
    if rule.power is not None:
        steps.append(unbalanced(rule, depth, laws))
    if rule.power == 1:
        steps += _equal_speeds(depth, laws)
    if rule.power == 0 and depth == 2:
        steps += logistic(laws)
    return steps, laws


def _equal_speeds(depth: int, laws: dict[str, sp.Expr]) -> list[Step]:
    """EGD: every factor moves at unit speed."""
    solution = (START ** sp.Rational(1, depth) + TIME) ** depth
    growth, whole = (end ** sp.Rational(1, depth) - START ** sp.Rational(1, depth) for end in (END, TARGET))
    arrival, extinction = sp.Abs(growth), sp.Abs(whole)
    laws |= {"solution": solution, "arrival": arrival, "extinction": extinction}
    late = extinction.subs(START, 0)
    return [
        Step(
            "solution",
            sp.Eq(sp.Function("a")(TIME), solution, evaluate=False),
            "Balanced, below the target: a^(1/L) grows at unit speed.",
            lambda: sp.diff(solution ** sp.Rational(1, depth), TIME) - 1,
            origin="ansatz",
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time to the amplitude a₁ = s + q(a₀ − s) of the common threshold q, from either side.",
            lambda: sp.powdenest(solution.subs(TIME, growth), force=True) - END,
        ),
        Step(
            "extinction",
            sp.Eq(sp.Symbol("t_i^0"), extinction, evaluate=False),
            "The residual vanishes in finite time; the mode rests there.",
            lambda: sp.powdenest(solution.subs(TIME, whole), force=True) - TARGET,
        ),
        Step(
            "order of learning",
            sp.Eq(
                sp.Symbol("t_1^0") / sp.Symbol("t_n^0"),
                late.subs(TARGET, FAST) / late.subs(TARGET, SLOW),
                evaluate=False,
            ),
            "From vanishing starts small modes arrive first: the ratio of the extinctions is κ^(1/L).",
            lambda: sp.simplify(
                (late.subs(TARGET, FAST) / late.subs(TARGET, SLOW)) ** depth - FAST / SLOW,
            ),
        ),
    ]


def _descent(depth: int) -> tuple[list[Step], dict[str, sp.Expr]]:
    """EGD in steps: every factor grows by η a step, exactly."""
    root = sp.Rational(1, depth)
    growth = END**root - START**root
    arrival = sp.Abs(growth) / ETA
    count = sp.Symbol("k", nonnegative=True)
    solution = (START**root + count * ETA) ** depth
    return [
        Step(
            "solution",
            sp.Eq(sp.Function("a")(count), solution, evaluate=False),
            "Balanced, below the target: each step adds η to every factor.",
            lambda: sp.simplify(solution.subs(count, count + 1) ** root - solution**root - ETA),
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("k_i"), sp.ceiling(arrival), evaluate=False),
            "The first step at or past the amplitude a₁ of the common threshold, if it lands within it.",
            lambda: sp.powdenest(solution.subs(count, growth / ETA), force=True) - END,
        ),
    ], {"arrival": arrival, "solution": solution.subs(count, TIME)}
