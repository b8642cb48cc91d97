"""The chain of a regression from an aligned start: from the loss to the time between its arrivals."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, known
from theory.clock import PATH, RATE2, clock
from theory.derivation import VIEWS, Derivation, Step
from theory.discretisation import speed_along
from theory.models.regression import ERROR, ERROR0, FAST, KAPPA, RATE, SLOW, THRESHOLD, TIME
from theory.models.regression_descent import descent
from theory.models.regression_opening import mode_residual, opening
from theory.rules import Rule


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of a regression from an aligned start.

    Parameters
    ----------
    rule
        An elementwise spectral rule, ``newton``, or ``frobenius`` (as a flow).
    view
        ``flow`` or ``descent``.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    known("view", view, VIEWS)
    if rule.kind == "newton" or (rule.kind == "spectral" and rule.elementwise):
        steps, laws = _flow(rule) if view == "flow" else descent(rule)
        return Derivation("regression", rule.name, view, [*opening(), *steps], laws)
    if rule.isotropic and view == "flow":
        steps, laws = _by_clock(rule)
        return Derivation("regression", rule.name, view, [*opening(), *steps], laws)
    raise ArgumentError("rule", f"have a derivation as a {view}", f"is {rule.name}")


def _by_clock(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """A rule that scales all singular values alike: gradient descent's path with another clock."""
    found = clock(rule)
    arrival = -sp.log(THRESHOLD) / RATE2
    step = Step(
        "arrival",
        sp.Eq(sp.Symbol("tau_i"), arrival.subs(RATE2, RATE), evaluate=False),
        "The time τ along the path at which |eᵢ| = q|e₀|, which the clock turns into flow time; written for two "
        "directions, more add terms to the norm.",
        lambda: found.left[1].subs(PATH, arrival) - THRESHOLD,
    )
    return [*found.steps, step], {"clock": found.speed}


def _solve(rule: Rule, speed: sp.Expr) -> tuple[sp.Expr | None, str]:
    """e(t) from e₀ > 0: by dsolve where it finds the solution, as an ansatz for the power family."""
    e = sp.Function("e")
    if rule.kind == "newton" or rule.power == 0 or rule.power == 1:
        equation = sp.Eq(e(TIME).diff(TIME), -speed.subs(ERROR, e(TIME)))
        return sp.dsolve(equation, e(TIME), ics={e(0): ERROR0}).rhs, "derived"
    if rule.power is None:
        return None, "ansatz"
    alpha = rule.power
    return (ERROR0**alpha - alpha * RATE ** (1 - alpha) * TIME) ** (1 / alpha), "ansatz"


def _flow(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    speed = speed_along(rule)
    e = sp.Function("e")(TIME)
    mode = Step(
        "mode equations",
        sp.Eq(e.diff(TIME), -speed.subs(ERROR, e), evaluate=False),
        "The rule gives each singular value σ = λᵢ|eᵢ| the speed h(σ) and leaves uᵢ and vᵢ; written for eᵢ > 0, "
        "the sign of eᵢ is kept until it vanishes. Newton's rule multiplies by (Σ + λI)⁻¹ instead.",
        lambda: mode_residual(rule, speed),
        origin="definition",
    )
    solution, origin = _solve(rule, speed)
    laws: dict[str, sp.Expr] = {"slowness": 1 / speed}
    if solution is None:
        arrival: sp.Expr = sp.Integral(1 / speed, (ERROR, THRESHOLD * ERROR0, ERROR0))
        integral = Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "Separate the variables: the time from e₀ to q e₀.",
            lambda: sp.diff(arrival, THRESHOLD) + ERROR0 / speed.subs(ERROR, THRESHOLD * ERROR0),
        )
        return [mode, integral], laws
    arrival = sp.solve(sp.Eq(solution, THRESHOLD * ERROR0), TIME)[0] if origin == "derived" else _power_arrival(rule)
    arrival = sp.simplify(arrival)
    steps = [
        mode,
        Step(
            "solution",
            sp.Eq(e, solution, evaluate=False),
            "Found by dsolve." if origin == "derived" else "Separated by hand, stated, and put into the mode equation.",
            lambda: [
                _flow_residual(solution, speed),
                sp.powdenest(solution.subs(TIME, 0), force=True) - ERROR0,
            ],
            origin=origin,
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time at which |eᵢ| = q|e₀|, for every rule the same threshold q.",
            lambda: _arrival_residual(solution, arrival),
        ),
    ]
    laws["arrival"] = arrival
    if rule.power is not None and rule.power > 0:
        extinction = sp.limit(arrival, THRESHOLD, 0, "+")
        laws["extinction"] = extinction
        steps.append(
            Step(
                "extinction",
                sp.Eq(sp.Symbol("t_i^0"), extinction, evaluate=False),
                "q → 0: this direction reaches zero in finite time and rests there.",
                lambda: _arrival_residual(solution, extinction, at=0),
            )
        )
    return [*steps, *_plateau(arrival)], laws


def _flow_residual(solution: sp.Expr, speed: sp.Expr) -> sp.Expr:
    """ė + h(λe), put in terms of b = e^(its power) > 0, that is before the extinction."""
    base = sp.Symbol("b", positive=True)
    residual = solution.diff(TIME) + speed.subs(ERROR, solution)
    powers = [p.base for p in solution.atoms(sp.Pow) if p.base.has(TIME) and p.base.is_Add]
    if powers:
        residual = residual.subs(TIME, sp.solve(sp.Eq(powers[0], base), TIME)[0])
        residual = sp.simplify(residual)
    return sp.powsimp(sp.powdenest(sp.expand_power_base(residual, force=True), force=True), force=True)


def _power_arrival(rule: Rule) -> sp.Expr:
    """|e|^α is linear in t: solve for the time at which it is (q e₀)^α."""
    alpha = sp.sympify(rule.power)
    line = ERROR0**alpha - alpha * RATE ** (1 - alpha) * TIME
    return sp.solve(sp.Eq(line, (THRESHOLD * ERROR0) ** alpha), TIME)[0]


def _arrival_residual(solution: sp.Expr, arrival: sp.Expr, at: Any = THRESHOLD) -> sp.Expr:
    reached = sp.simplify(solution.subs(TIME, arrival))
    return sp.powdenest(reached, force=True) - at * ERROR0


def _plateau(arrival: sp.Expr) -> list[Step]:
    length = sp.simplify(arrival.subs(RATE, SLOW) - arrival.subs(RATE, FAST))
    ratio = sp.powdenest(
        sp.simplify((arrival.subs(RATE, SLOW) / arrival.subs(RATE, FAST)).subs(FAST, KAPPA * SLOW)),
        force=True,
    )
    return [
        Step(
            "plateau",
            sp.Eq(sp.Symbol("T"), length, evaluate=False),
            "From the arrival of the fastest direction to that of the slowest, both from the same e₀.",
            lambda: length - arrival.subs(RATE, SLOW) + arrival.subs(RATE, FAST),
        ),
        Step(
            "ratio",
            sp.Eq(sp.Symbol("t_d") / sp.Symbol("t_1"), sp.simplify(ratio), evaluate=False),
            "The ratio of the two arrivals, for the condition number κ = λ₁/λ_d.",
            lambda: sp.simplify(ratio * arrival.subs(RATE, KAPPA * SLOW) - arrival.subs(RATE, SLOW)),
        ),
    ]
