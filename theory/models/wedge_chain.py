"""The derivation of the wedge, from the Gaussian integral over its sector to the length of its plateau."""

from __future__ import annotations

import functools

import sympy as sp

from theory import wedge_plateau
from theory.clock import E1, E2, RATE1, RATE2, clock
from theory.contractions import DECAY, ETA, separate
from theory.derivation import Derivation, Step
from theory.geometry import EPSILON, PSI, THETA, U1, U2, W1, W2, error_law, error_step, front, sector_step
from theory.models import wedge
from theory.models.single_row import Found, after_opening
from theory.models.wedge import AXIS, C1, C2, S11, S12, S22, X1, X2
from theory.models.wedge_descent import STAR, boundary_functions, boundary_values, gradient_along, power_descent
from theory.rules import Rule

SIDES = ("_rear", "_front")
ARGUMENTS = (EPSILON, THETA, DECAY, U1, U2)


def _formulas() -> tuple[sp.Expr, ...]:
    return tuple(wedge.moment_formulas().values())


def _moment_residual() -> list[sp.Expr]:
    """The moments times the mass ψ/π against Gaussian integrals over z₁ > 0, z₂ < −κ√ε z₁, with κ = cot ψ.

    Both vanish as κ → ∞, and their derivatives by κ are compared: that of the integral is one over the moving edge.
    """
    kappa, t = sp.Symbol("kappa", real=True), sp.Symbol("t", positive=True)
    angle = sp.pi / 2 - sp.atan(kappa)
    density = t * sp.exp(-(t**2) * (1 + kappa**2) / 2) / (2 * sp.pi)
    moments = {S11: X1**2, S12: X1 * X2, S22: X2**2, C1: X1, C2: X2}
    found = []
    for symbol, formula in wedge.moment_formulas().items():
        edge = moments[symbol].subs({X1: t, X2: -sp.sqrt(EPSILON) * kappa * t})
        slope = -2 * sp.integrate(edge * density, (t, 0, sp.oo), conds="none")
        whole = (PSI / sp.pi) * formula
        found += [whole.subs(PSI, angle).diff(kappa) - slope, sp.limit(whole, PSI, 0)]
    return found


def _direction_residual() -> list[sp.Expr]:
    """Σ + λI turned by χ is diagonal: its entries, with the cosine and sine of 2χ that `axis` gives."""
    cosine, sine = sp.cos(AXIS), sp.sin(AXIS)
    turn = sp.Matrix([[cosine, -sine], [sine, cosine]])
    double = 2 * wedge.axis()
    squares = {
        cosine**2: (1 + sp.cos(double)) / 2,
        sine**2: (1 - sp.cos(double)) / 2,
        cosine * sine: sp.sin(double) / 2,
    }
    difference = (turn.T * wedge.curvature() * turn - sp.diag(*wedge.rates())).applyfunc(sp.expand)
    return [entry.subs(squares) for entry in difference]


@functools.cache
def coefficients() -> dict[str, sp.Expr]:
    """A, B, C of the boundary functions A·b + B·a + C of both edges, in the start errors e₁, e₂ and χ."""
    a, b = sp.symbols("a b", positive=True)
    star = wedge.minimiser()
    at = {
        W1: W1 + a * E1 * sp.cos(AXIS) - b * E2 * sp.sin(AXIS),
        W2: W2 + a * E1 * sp.sin(AXIS) + b * E2 * sp.cos(AXIS),
    }
    found: dict[str, sp.Expr] = {}
    for side, edge in zip(SIDES, (W2, front()), strict=True):
        polynomial = sp.Poly(sp.expand(edge.subs(at, simultaneous=True)), a, b)
        found |= {f"slow{side}": polynomial.coeff_monomial(b), f"fast{side}": polynomial.coeff_monomial(a)}
        found[f"constant{side}"] = polynomial.coeff_monomial(1).subs(star)
    return found


@functools.cache
def _laws() -> dict[str, sp.Expr]:
    start = {W1: U1, W2: U2}
    initial = {f"initial{side}": edge.subs(start) for side, edge in zip(SIDES, (W2, front()), strict=True)}
    errors = dict(zip(("error_fast", "error_slow"), wedge.errors(), strict=True))
    speeds = {"rate_fast": wedge.rates()[0], "rate_slow": wedge.rates()[1]}
    return wedge.in_parameters(coefficients() | initial | errors | speeds)


@functools.cache
def _opening() -> tuple[Step, ...]:
    """The steps that all rules share: from the sector to the error along each singular direction."""
    formulas, star = wedge.moment_formulas(), wedge.minimiser()
    gradient, w = sp.Matrix([wedge.gradient()]), sp.Matrix([[W1, W2]])
    cross = sp.Matrix([[C1, C2]])
    return (
        sector_step(),
        Step(
            "moments",
            sp.Eq(sp.Matrix(list(formulas)), sp.Matrix(list(formulas.values())), evaluate=False),
            "Σ = E xxᵀ and c = E yx in polar coordinates: the radius has the moments E r² = 2 and E r = √(π/2), the "
            "angle is uniform in (0, ψ).",
            _moment_residual,
        ),
        Step(
            "loss",
            sp.Eq(sp.Function("L")(W1, W2), wedge.loss(), evaluate=False),
            "Expand ½ (w·x − y)² and take the expectation of each monomial; add ½ λ‖w‖².",
            lambda: (w * wedge.curvature() * w.T)[0] / 2 - (w * cross.T)[0] + sp.Rational(1, 2) - wedge.loss(),
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G"), gradient, evaluate=False),
            "Differentiate. One output: the gradient is a 1×2 matrix with a single singular value ‖G‖.",
            lambda: list(gradient - (w * wedge.curvature() - cross)),
        ),
        Step(
            "minimiser",
            sp.Eq(w, sp.Matrix([[star[W1], star[W2]]]), evaluate=False),
            "Where the gradient vanishes.",
            lambda: list(gradient.subs(star)),
        ),
        wedge_plateau.bisector_step(_formulas()),
        Step(
            "directions",
            sp.Eq(sp.Matrix([RATE1, RATE2, AXIS]), sp.Matrix([*wedge.rates(), wedge.axis()]), evaluate=False),
            "The directions (cos χ, sin χ) and (−sin χ, cos χ) diagonalise Σ + λI: with the errors e₁ and e₂ along "
            "them the gradient has the components λ₁e₁ and λ₂e₂.",
            _direction_residual,
        ),
    )


def _end_step(left: tuple[sp.Expr, sp.Expr], unit: str) -> Step:
    stated = boundary_functions(left)
    return Step(
        "plateau",
        sp.Eq(sp.Matrix(sp.symbols("f_1 f_2")), stated, evaluate=False),
        "The plateau lasts while w₂ ≥ 0 and w points beyond v, that is while neither is negative. Each is a sum of two "
        f"exponentials and a negative constant, so it is one interval; the plateau is what both share, in {unit}.",
        lambda: _end_residual(stated, left),
    )


def _end_residual(stated: sp.Matrix, left: tuple[sp.Expr, sp.Expr]) -> list[sp.Expr]:
    """The boundary functions and the coefficients of both edges against the normals times the weights."""
    parts, values = coefficients(), boundary_values(left)
    star = {name: wedge.minimiser()[w] for name, w in zip(STAR, (W1, W2), strict=True)}
    edges = [parts[f"slow{s}"] * left[1] + parts[f"fast{s}"] * left[0] + parts[f"constant{s}"] for s in SIDES]
    named = (sp.expand_trig(stated) - values).expand()
    return [*named, *(sp.expand(edge - value.subs(star)) for edge, value in zip(edges, values, strict=True))]


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of the wedge.

    Parameters
    ----------
    rule
        A spectral rule, or ``newton``.
    view
        ``flow``, for every such rule; ``descent`` for ``newton`` and for rules that are a power law on one output.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    steps, laws = after_opening(rule, view, _linear, _by_clock, _in_steps)
    return Derivation("wedge", rule.name, view, [*_opening(), *steps], _laws() | laws)


def _linear(rule: Rule, view: str) -> Found:
    """Rules under which each error contracts on its own."""
    modes = separate(rule, view)
    steps = [
        *modes.steps(
            "The rule leaves every singular value as it is, and λᵢeᵢ is the gradient along direction i.",
            lambda: _mode_residual(modes.equation, rule, view),
        ),
        error_step(error_law()),
        wedge_plateau.limit_step(_formulas()),
        _end_step(modes.left, modes.unit),
    ]
    speeds = (sp.Integer(1), sp.Integer(1)) if modes.inverse else wedge.rates()
    laws = wedge.in_parameters({"contraction_fast": speeds[0], "contraction_slow": speeds[1]})
    if view == "flow":
        steps.append(wedge_plateau.existence_step(_formulas(), newton=modes.inverse))
    if not modes.inverse:
        expansion, length = wedge_plateau.expansion_steps(_formulas(), view)
        steps += expansion
        laws["leading"] = length
    return steps, laws


def _mode_residual(equation: tuple[sp.Expr, ...], rule: Rule, view: str) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient itself, with Σ + λI turned to its directions."""
    along, speeds = gradient_along(), sp.diag(RATE1, RATE2)
    update = speeds.inv() * along if rule.kind == "newton" else along
    stated = sp.Matrix(equation)
    return list(stated + update if view == "flow" else (stated - sp.Matrix([E1, E2]) + ETA * update).expand())


def _by_clock(rule: Rule) -> Found:
    """Spectral rules: one singular value, so the path is gradient descent's and only its clock differs."""
    path = clock(rule)
    steps = [
        *path.steps,
        error_step(error_law()),
        wedge_plateau.limit_step(_formulas()),
        _end_step(path.left, "time τ along the path, which the clock turns into flow time"),
        wedge_plateau.existence_step(_formulas(), newton=False),
    ]
    return steps, {"clock": path.pace}


def _in_steps(rule: Rule, power: sp.Expr) -> Found:
    """The steps of power laws, with the limit in which no length is known."""
    steps, laws = power_descent(rule, power)
    return [*steps[:-1], error_step(error_law()), wedge_plateau.limit_step(_formulas()), steps[-1]], laws
