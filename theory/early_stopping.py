"""What label noise costs a fit that is stopped early: the expected test risk of each direction, in flow time.

A fit to noisy labels goes to ŵ = w* + ξ, with ξ of variance τ² = σ²/(nλ) for each output, n samples and label noise of
variance σ². With w* of variance v its best estimate is vŵ/(v + τ²): a rule is as good as what it makes of ŵ on the way
comes near to that. From W = 0 a direction that is *apart* goes straight towards its own ŵ, of c outputs, by the rule's
speed of λ|e|. Directions are apart where the columns of the error are orthogonal: for one input always, for Gaussian
labels in the limit of many outputs, and under gradient descent in any case. With one output and several directions
under one gradient all rules run through one path (`theory.clock`): at its best place none loses to another.
"""

from __future__ import annotations

import functools

import sympy as sp

from theory.checks import ArgumentError
from theory.derivation import Derivation, Step
from theory.models.regression import RATE, TIME
from theory.models.regression_chain import derive as regression_chain
from theory.rules import Rule

SIGNAL = sp.Symbol("v", positive=True)  # variance of w* in each output
NOISE = sp.Symbol("tau2", positive=True)  # variance of ξ in each output
OUTPUTS = sp.Symbol("c", positive=True)
FIT = sp.Symbol("V", positive=True)  # v + τ², the variance of ŵ
RADIUS = sp.Symbol("r", positive=True)  # |ŵ|
GIVEN = sp.Symbol("m", real=True)  # w*, where it is given
REACH = sp.Symbol("T", positive=True)  # t in units of √V
SHIFT = sp.Symbol("x", positive=True)  # what natural gradient has taken off |e|², in units of 2V
PAST = sp.Symbol("y", positive=True)
ONE = sp.Integer(1)
BELOW, ABOVE = sp.Function("gammainc"), sp.Function("gammaincc")  # regularised incomplete gamma functions, SciPy's
TRICOMI = sp.Function("hyperu")


def moment(order: sp.Expr) -> sp.Expr:
    """E χ_c^q of the length of a standard Gaussian vector with c entries."""
    return 2 ** (order / 2) * sp.exp(sp.loggamma((OUTPUTS + order) / 2) - sp.loggamma(OUTPUTS / 2))


def plainly(expression: sp.Expr) -> sp.Expr:
    """The same with SymPy's own incomplete gamma functions, which it can differentiate."""
    found = expression.replace(BELOW, lambda a, x: sp.lowergamma(a, x) / sp.gamma(a))
    found = found.replace(ABOVE, lambda a, x: sp.uppergamma(a, x) / sp.gamma(a))
    return found.replace(sp.loggamma, lambda a: sp.log(sp.gamma(a)))


def density(radius: sp.Expr = RADIUS) -> sp.Expr:
    """Density of χ_c."""
    return 2 ** (1 - OUTPUTS / 2) / sp.gamma(OUTPUTS / 2) * radius ** (OUTPUTS - 1) * sp.exp(-(radius**2) / 2)


@functools.cache
def stopping(rule: Rule) -> Derivation:
    """The chain from the errors of a fit to the expected risk E‖w(t) − w*‖² of one direction that is apart.

    Laws: ``risk`` in `SIGNAL`, `NOISE`, `OUTPUTS`, `RATE` and `TIME`; for gd and egd ``given``, the risk of one output
    whose w* is `GIVEN`.

    Parameters
    ----------
    rule
        gd, egd or ngd.

    Raises
    ------
    ArgumentError
        For another rule.
    """
    if rule.power not in (0, 1, 2):
        raise ArgumentError("rule", "be gd, egd or ngd", f"is {rule.name}")
    steps, laws = {0: _scaled, 1: _clipped, 2: _rooted}[int(rule.power)](rule)
    return Derivation("regression", rule.name, "flow", [_estimate(), *steps], laws)


def _estimate() -> Step:
    """The risk by moments of ŵ and of what the rule has made of it."""
    share = SIGNAL / (SIGNAL + NOISE)
    w, x = sp.symbols("w xi", real=True)
    residual = w - share * (w + x)  # w* less its estimate, against ŵ: uncorrelated, hence independent
    covariance = sp.Poly(sp.expand(residual * (w + x)), w, x)
    size = sp.Poly(sp.expand(residual**2), w, x)

    def mean(square: sp.Poly) -> sp.Expr:
        return square.coeff_monomial(w**2) * SIGNAL + square.coeff_monomial(x**2) * NOISE

    return Step(
        "risk",
        sp.Eq(
            sp.Symbol("R"),
            OUTPUTS * SIGNAL - 2 * share * sp.Symbol("E[r m]") + sp.Symbol("E[m^2]"),
            evaluate=False,
        ),
        "The rule leads along ŵ, to a length m(r) of r = |ŵ|. Given ŵ the mean of w* is vŵ/(v + τ²), and what is left "
        "of it is independent of ŵ: E w*·w(t) = v/(v + τ²) E r m.",
        lambda: [sp.simplify(mean(covariance)), sp.simplify(mean(size) - SIGNAL * NOISE / (SIGNAL + NOISE))],
        origin="definition",
    )


def _composed(cross: sp.Expr, square: sp.Expr) -> sp.Expr:
    """The risk from E[r m]/V and E[m²]/V."""
    return OUTPUTS * SIGNAL + (-2 * SIGNAL * cross + FIT * square)


def _length(rule: Rule) -> sp.Expr:
    """How far the rule has gone from zero towards a fit of size r, from the solution of its mode equation."""
    chain = regression_chain(rule, "flow")
    (solution,) = (step.equation.rhs for step in chain.steps if step.name == "solution")
    (error,) = (symbol for symbol in solution.free_symbols if symbol.name == "e_0")
    return RADIUS - solution.subs(error, RADIUS)


def _scaled(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Gradient descent: every ŵ by the same factor."""
    left = sp.exp(-RATE * TIME)
    risk = OUTPUTS * (SIGNAL * left**2 + NOISE * (1 - left) ** 2)
    step = Step(
        "expected risk",
        sp.Eq(sp.Symbol("R"), risk, evaluate=False),
        "m = r(1 − e^(−λt)) and E r² = c(v + τ²): squared bias and variance.",
        lambda: [
            _length(rule) - RADIUS * (1 - left),
            sp.expand((_composed(OUTPUTS * (1 - left), OUTPUTS * (1 - left) ** 2) - risk).subs(FIT, SIGNAL + NOISE)),
        ],
    )
    best = sp.log(1 + SIGNAL / NOISE) / RATE
    stop = Step(
        "best time",
        sp.Eq(TIME, best, evaluate=False),
        "There 1 − e^(−λt) = v/(v + τ²): one direction alone is stopped at the best estimate that there is.",
        lambda: sp.simplify(risk.subs(TIME, best) - OUTPUTS * SIGNAL * NOISE / (SIGNAL + NOISE)),
    )
    given = GIVEN**2 * left**2 + NOISE * (1 - left) ** 2
    return [step, stop], {"risk": risk, "given": given}


def _clipped(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """EGD: every ŵ is cut at the length t."""
    half = REACH**2 / 2
    within = OUTPUTS * BELOW(OUTPUTS / 2 + 1, half)
    beyond = moment(ONE) * ABOVE((OUTPUTS + 1) / 2, half)  # E[χ; χ > T]
    cross = within + REACH * beyond
    square = within + REACH**2 * ABOVE(OUTPUTS / 2, half)
    reached = TIME / sp.sqrt(SIGNAL + NOISE)
    risk = _composed(cross, square).subs({REACH: reached, FIT: SIGNAL + NOISE})
    mills = REACH * sp.sqrt(sp.pi / 2) * sp.exp(half) * sp.erfc(REACH / sp.sqrt(2))
    steps = [
        Step(
            "expected risk",
            sp.Eq(sp.Symbol("R"), _composed(cross, square), evaluate=False),
            "m = min(r, t), whatever λ; r = √V χ with V = v + τ², t = √V T, and P, Q the regularised incomplete gamma "
            "functions. The noise of a slow direction is fitted as fast as the signal of another.",
            lambda: [_length(rule) - TIME, *_clip_residual(cross, square)],
        ),
        Step(
            "best time",
            sp.Eq(mills, sp.Symbol("v") / FIT, evaluate=False),
            "One direction of one output: dR/dT ∝ V T Q(T) − v φ(T), and T Q(T)/φ(T) grows from 0 to 1. There is one "
            "best time, and its risk is above vτ²/V: large fits are cut, small ones left whole.",
            lambda: _best_clip_residual(_composed(cross, square), mills),
        ),
    ]
    given = _given_clip()
    steps.append(
        Step(
            "given target",
            sp.Eq(sp.Symbol("R"), given, evaluate=False),
            "One output and a given w* = m: the second moment of a clipped Gaussian of mean m, about m.",
            lambda: _given_residual(given),
        )
    )
    return steps, {"risk": risk, "given": given}


def _clip_residual(cross: sp.Expr, square: sp.Expr) -> list[sp.Expr]:
    """Second derivatives in T against those of E χ min(χ, T) and E min(χ, T)², and both at T = 0."""
    below = [plainly(part) for part in (cross, square)]
    found = [sp.diff(below[0], REACH, 2) + REACH * density(REACH)]
    found.append(sp.diff(below[1] / 2, REACH, 2) - sp.diff(REACH * _survival(), REACH))
    first = sp.diff(below[1] / 2, REACH) - REACH * _survival()
    zero = [sp.limit(part.subs(OUTPUTS, 3), REACH, 0, "+") for part in (*below, sp.diff(below[0], REACH))]
    return [
        *(sp.simplify(sp.gammasimp(sp.expand_func(part))) for part in (*found, first)),
        *zero[:2],
        sp.simplify(zero[2] - plainly(moment(ONE)).subs(OUTPUTS, 3)),
    ]


def _survival() -> sp.Expr:
    return sp.uppergamma(OUTPUTS / 2, REACH**2 / 2) / sp.gamma(OUTPUTS / 2)


def _best_clip_residual(risk: sp.Expr, mills: sp.Expr) -> sp.Expr:
    """The slope of the risk of one output in T, against 4VTQ(T) − 4vφ(T)."""
    slope = sp.diff(plainly(risk), REACH).subs(OUTPUTS, 1)
    peak = sp.exp(-(REACH**2) / 2) / sp.sqrt(2 * sp.pi)
    stated = 4 * peak * (FIT * mills - SIGNAL)
    return sp.simplify(sp.expand_func((slope - stated).rewrite(sp.erfc)))


def _given_clip() -> sp.Expr:
    """E (clip(w* + ξ, ±t) − w*)²."""
    spread = sp.sqrt(NOISE)
    low, high = (-TIME - GIVEN) / spread, (TIME - GIVEN) / spread

    def normal(x: sp.Expr) -> sp.Expr:
        return sp.erfc(-x / sp.sqrt(2)) / 2

    def peak(x: sp.Expr) -> sp.Expr:
        return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)

    middle = normal(high) - normal(low) - high * peak(high) + low * peak(low)
    return NOISE * middle + (TIME - GIVEN) ** 2 * normal(-high) + (TIME + GIVEN) ** 2 * normal(low)


def _given_residual(given: sp.Expr) -> list[sp.Expr]:
    """d/dt is 2(t − m) P(ŵ > t) + 2(t + m) P(ŵ < −t); at t = 0 the risk is m²."""
    deviation = sp.sqrt(2 * NOISE)
    above, below = sp.erfc((TIME - GIVEN) / deviation) / 2, sp.erfc((TIME + GIVEN) / deviation) / 2
    slope = 2 * (TIME - GIVEN) * above + 2 * (TIME + GIVEN) * below
    return [
        sp.simplify(sp.expand(sp.diff(given, TIME) - slope)),
        sp.simplify((given.subs(TIME, 0) - GIVEN**2).rewrite(sp.erf)),
    ]


def _rooted(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Natural gradient: every |e|² falls by the same amount."""
    less = OUTPUTS * ABOVE(OUTPUTS / 2 + 1, SHIFT) - 2 * SHIFT * ABOVE(OUTPUTS / 2, SHIFT)  # E(χ² − 2x)₊
    size = sp.sqrt(sp.pi) * sp.exp(-SHIFT - sp.loggamma(OUTPUTS / 2))
    root = size * TRICOMI((1 - OUTPUTS) / 2, -OUTPUTS / 2, SHIFT)  # E χ√(χ² − 2x)₊
    cross, square = OUTPUTS - root, OUTPUTS - 2 * root + less
    reached = TIME / (RATE * (SIGNAL + NOISE))
    risk = _composed(cross, square).subs({SHIFT: reached, FIT: SIGNAL + NOISE})
    step = Step(
        "expected risk",
        sp.Eq(sp.Symbol("R"), _composed(cross, square), evaluate=False),
        "m = r − √(r² − 2t/λ), or r if there is no root: x = t/(λV), and U is Tricomi's function. The smallest ŵ, of "
        "which most is noise, are fitted first and whole.",
        lambda: [_length(rule) - RADIUS + sp.sqrt(RADIUS**2 - 2 * TIME / RATE), *_root_residual(less, size)],
    )
    return [step], {"risk": risk}


def _root_residual(less: sp.Expr, size: sp.Expr) -> list[sp.Expr]:
    """E(χ² − 2x)₊ by its second derivative; and E χ√(χ² − 2x)₊ with χ² = 2x(1 + y), as Tricomi's integral."""
    slope = -2 * sp.uppergamma(OUTPUTS / 2, SHIFT) / sp.gamma(OUTPUTS / 2)
    second = sp.diff(plainly(less), SHIFT, 2) - sp.diff(slope, SHIFT)
    half = sp.sqrt(2 * SHIFT)
    radius = half * sp.sqrt(1 + PAST)
    integrand = radius * half * sp.sqrt(PAST) * density(radius) * sp.diff(radius, PAST)
    # Γ(a) U(a, b, x) = ∫ e^(−xy) y^(a−1) (1 + y)^(b−a−1) dy at a = 3/2, b = c/2 + 2; U(a − b + 1, 2 − b, x) is x^(b−1)
    # times that, by Kummer's transformation
    kernel = sp.exp(-SHIFT * PAST) * sp.sqrt(PAST) * (1 + PAST) ** ((OUTPUTS - 1) / 2)
    stated = size * SHIFT ** (OUTPUTS / 2 + 1) / sp.gamma(sp.Rational(3, 2)) * kernel
    ratio = sp.expand_log(sp.log(plainly(stated)) - sp.log(integrand), force=True)
    return [sp.simplify(sp.gammasimp(sp.expand_func(second))), sp.simplify(ratio)]
