"""What a finite step does to a rule: how far it is from its flow, and above which step it no longer converges.

In X = E Λ^½, with Λ = Σ + λI, a step of any spectral rule is X ← X − η ∇ψ(X), ψ(X) = φ(XΛ^½), φ(G) the sum over
the singular values of ∫₀^σ h. Where h does not decrease, ψ is convex. Where h′ is largest at zero and finite, λ₁ h′(0)
is its Lipschitz constant, and every start converges below the step 2/(λ₁ h′(0)); where h(0⁺) > 0 this is the
subgradient method with constant steps, which ends near the minimum but not in it (`theory.residues`).
"""

from __future__ import annotations

import functools
from fractions import Fraction

import mpmath
import sympy as sp

from theory.checks import ArgumentError
from theory.derivation import Derivation, Step
from theory.models.factorized import Factorized
from theory.models.linear import LinearModel
from theory.models.regression import ERROR, ERROR0, ETA, RATE, TIME
from theory.rules import SIGMA, Rule

LEFT = sp.Symbol("z")  # what is left of an error after one step


@functools.cache
def approach(rule: Rule) -> Derivation:
    """How far steps are from the flow at the same time, to leading order in η, from an aligned start.

    Laws: ``leading_error``, the limit of (eₖ − e(kη))/η in `ERROR` = e(t), `ERROR0` and `RATE`. It vanishes for EGD,
    whose steps lie on the flow until the first of them jumps over zero; elsewhere the order is one.

    Raises
    ------
    ArgumentError
        If the rule has no speed of its own along each direction.
    """
    speed = speed_along(rule)
    slope = speed.diff(ERROR)
    leading = speed * sp.log(speed / speed.subs(ERROR, ERROR0)) / 2
    steps = [
        Step(
            "step",
            sp.Eq(sp.Function("e")(sp.Symbol("k") + 1), ERROR - ETA * speed, evaluate=False),
            "Aligned: the error of each direction goes down by η times its speed v(e) = h(λe).",
            lambda: speed - (ERROR if rule.law is None else rule.law.subs(SIGMA, RATE * ERROR)),
            origin="definition",
        ),
        Step(
            "local error",
            sp.Eq(sp.Symbol("delta"), -(ETA**2) * speed * slope / 2, evaluate=False),
            "One step from a point of the flow against the flow, to second order: ė = −v, so ë = v v′.",
            lambda: (ERROR - ETA * speed) - _taylor(-speed) + ETA**2 * speed * slope / 2,
        ),
        Step(
            "leading error",
            sp.Eq(sp.Symbol("c"), leading, evaluate=False),
            "Local errors add up along the flow, ċ = −v′c − v v′/2 with c(0) = 0: stated as v log(v/v₀)/2, and put in.",
            lambda: [leading.diff(ERROR) * -speed + slope * leading + speed * slope / 2, leading.subs(ERROR, ERROR0)],
            origin="ansatz",
        ),
    ]
    return Derivation("regression", rule.name, "descent", steps, {"leading_error": leading})


def _taylor(pace: sp.Expr) -> sp.Expr:
    """The flow ė = pace(e) after a time η, to second order."""
    e = sp.Function("e")(TIME)
    first = pace.subs(ERROR, e)
    second = first.diff(TIME).subs(e.diff(TIME), first)
    return (e + ETA * first + ETA**2 * second / 2).subs(e, ERROR)


def speed_along(rule: Rule) -> sp.Expr:
    """Speed of a direction with error e > 0.

    Raises
    ------
    ArgumentError
        If the rule has no speed for each singular value alone.
    """
    if rule.kind == "newton":
        return ERROR
    if not rule.elementwise or rule.law is None:
        raise ArgumentError("rule", "have a speed for each singular value alone", f"is {rule.name}")
    return sp.powdenest(rule.law.subs(SIGMA, RATE * ERROR), force=True)


def slope_at_zero(rule: Rule) -> sp.Expr | None:
    """h′(0) where it is finite and positive: the rule is gradient descent at this rate near the minimum."""
    if rule.kind == "column_norm":
        return 1 / sp.nsimplify(rule.options["floor"])
    if rule.power == 0:
        return sp.Integer(1)
    if not rule.elementwise or rule.vanishing_power != 0 or rule.refresh > 1:
        return None
    law = sp.lambdify(SIGMA, rule.law, "mpmath")
    with mpmath.workdps(900):  # as close to zero as no double precision number is
        slope = law(mpmath.mpf(10) ** -400) * mpmath.mpf(10) ** 400
        near = Fraction(int(slope * 10**60), 10**60).limit_denominator(10**20)
        rational = abs(slope - mpmath.mpf(near.numerator) / near.denominator) < mpmath.mpf(10) ** -50
    return sp.Rational(near.numerator, near.denominator) if rational else sp.Float(slope)


@functools.cache
def stability(rule: Rule) -> Derivation:
    """The largest stable step of a rule that is linear near the minimum, along one direction of curvature λ.

    Laws: ``largest_step`` in `RATE`.

    Raises
    ------
    ArgumentError
        If the rule does not become linear near the minimum.
    """
    matrix, reason = _companion(rule)
    polynomial = (LEFT * sp.eye(len(matrix.tolist())) - matrix).det(method="berkowitz")
    edge = polynomial.subs(LEFT, -1)
    limit = sp.factor(sp.solve(edge, ETA)[0])
    steps = [
        Step(
            "step",
            matrix,
            reason,
            lambda: _companion_residual(rule, matrix),
            origin="definition",
        ),
        Step(
            "polynomial",
            sp.Eq(sp.Symbol("p"), sp.expand(polynomial), evaluate=False),
            "What is left after one step are the eigenvalues of this matrix: the roots z of det(z − M).",
            lambda: polynomial - matrix.charpoly(LEFT).as_expr(),
        ),
        Step(
            "largest step",
            sp.Le(ETA, limit, evaluate=False),
            "They lie inside the unit circle when p(1) > 0, p(−1) > 0 and |p(0)| < 1 (of degree one, the first two). "
            "p(1) is positive at any step, and the last holds wherever p(−1) > 0 does: the first root to leave does so "
            "at −1.",
            lambda: [edge.subs(ETA, limit), *_weaker(polynomial, limit)],
        ),
    ]
    return Derivation("regression", rule.name, "descent", steps, {"largest_step": limit})


def _companion(rule: Rule) -> tuple[sp.Matrix, str]:
    """One step along one direction as a matrix on (e) or (e, state)."""
    if rule.kind == "momentum":
        beta = sp.nsimplify(rule.options["beta"])
        return sp.Matrix([[1 - ETA * RATE, -ETA * beta], [RATE, beta]]), "v ← βv + λe, then e ← e − ηv."
    if rule.kind == "grokfast":
        memory, gain = (sp.nsimplify(rule.options[name]) for name in ("memory", "gain"))
        rate = RATE * (1 + gain * (1 - memory))
        matrix = sp.Matrix([[1 - ETA * rate, -ETA * gain * memory], [(1 - memory) * RATE, memory]])
        return matrix, "a ← μa + (1 − μ)λe, then e ← e − η(λe + γa) with memory μ and gain γ."
    slope = 1 / RATE if rule.kind == "newton" else slope_at_zero(rule)
    if slope is None:
        raise ArgumentError("rule", "become linear near the minimum", f"is {rule.name}")
    return sp.Matrix([[1 - ETA * RATE * slope]]), "Near the minimum h(σ) = h′(0)σ; for Newton's rule the speed is e."


def _companion_residual(rule: Rule, matrix: sp.Matrix) -> list[sp.Expr]:
    """The matrix against the recursion, written out."""
    e, state = sp.symbols("e s")
    if rule.kind == "momentum":
        after = sp.nsimplify(rule.options["beta"]) * state + RATE * e
        return list(matrix * sp.Matrix([e, state]) - sp.Matrix([e - ETA * after, after]))
    if rule.kind == "grokfast":
        memory, gain = (sp.nsimplify(rule.options[name]) for name in ("memory", "gain"))
        after = memory * state + (1 - memory) * RATE * e
        return list(matrix * sp.Matrix([e, state]) - sp.Matrix([e - ETA * (RATE * e + gain * after), after]))
    if rule.law is None or not rule.elementwise:
        return [matrix[0] * e - (e - ETA * e * (1 if rule.kind == "newton" else RATE * slope_at_zero(rule)))]
    return [sp.limit((ERROR - ETA * rule.law.subs(SIGMA, RATE * ERROR)) / ERROR, ERROR, 0, "+") - matrix[0]]


def _weaker(polynomial: sp.Expr, limit: sp.Expr) -> list[sp.Expr]:
    """Zero for each condition that is positive on (0, limit): p(1), and 1 ± p(0), which are linear in η."""
    products = [sp.expand(polynomial.subs(LEFT, 1))]
    if sp.degree(polynomial, LEFT) == 2:
        products += [sp.expand(1 + sign * polynomial.subs(LEFT, 0)) for sign in (1, -1)]
    ends = [(p.subs(ETA, limit / 10**6), p.subs(ETA, limit)) for p in products]
    good = [sp.simplify(low) > 0 and sp.simplify(high) >= 0 for low, high in ends]
    return [sp.Integer(0) if holds else sp.Integer(1) for holds in good]


def largest_stable_step(model: LinearModel | Factorized, rule: Rule) -> float | None:
    """The step above which the minimum repels; None where there is no such limit, or it is not known.

    For a factorised model λ₁ is the sharpness of the balanced minimum, and the limit holds near it.

    2/λ₁ for gradient descent, 2 for Newton's rule, 2(1 + β)/λ₁ with momentum β, 2(1 + μ)/((1 + μ + γ(1 − μ))λ₁) for
    Grokfast with memory μ and gain γ, 2δ/λ₁ for a damped rule, 2 · floor/λ₁ for column-norm, and 2/(λ₁ h′(0)) for a
    law of one's own that is elementwise and has a slope at zero. Below it every start converges where h′ is largest
    at zero, as it is for all of the rules named. A rule whose step does not shrink with the gradient has no limit:
    its error stays bounded at any step, but does not settle at the minimum either.
    """
    linear = rule.kind in ("newton", "momentum", "grokfast") or slope_at_zero(rule) is not None
    if not linear:
        return None
    if model.sharpness == 0 or (rule.kind == "newton" and isinstance(model, Factorized)):
        return None
    return float(stability(rule).function("largest_step", (RATE,))(model.sharpness))
