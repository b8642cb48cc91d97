"""Claims on the distribution of the wedge, its moments and its rates: W1, W2 and W3."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory import wedge_plateau
from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.geometry import EPSILON, PSI, THETA, width
from theory.models.wedge import C1, C2, S11, S12, S22, moment_formulas

KAPPA = sp.Symbol("kappa", real=True)  # cot θ/√ε
_T = sp.Symbol("t", positive=True)
_ROOT = sp.sqrt(EPSILON)
MASS = sp.acos(sp.cos(THETA) / sp.sqrt(sp.cos(THETA) ** 2 + EPSILON * sp.sin(THETA) ** 2)) / sp.pi
NAMES = {S11: "a", S22: "d", S12: "b", C1: "c1", C2: "c2"}


def _density(x: sp.Expr) -> sp.Expr:
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def _below(x: sp.Expr) -> sp.Expr:
    """Φ(x)."""
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


def _integrands(sign: int) -> dict[str, sp.Expr]:
    """What is integrated over t > 0 for each moment times Z/2, with ±κ in place of κ."""
    t, at = _T, sign * KAPPA * _T
    return {
        "a": t**2 * _density(t) * _below(at),
        "d": EPSILON * (_below(at) - at * _density(at)) * _density(t),
        "b": -_ROOT * t * _density(t) * _density(at),
        "c1": t * _density(t) * _below(at),
        "c2": -_ROOT * _density(t) * _density(at),
    }


def _as_printed() -> dict[str, sp.Expr]:
    """The printed integrals in ψ, κ = cot ψ: those of the sector of width π − ψ, divided by the mass of ψ."""
    turned = {NAMES[symbol]: formula.subs(PSI, sp.pi - PSI) for symbol, formula in moment_formulas().items()}
    kept = {NAMES[symbol]: formula for symbol, formula in moment_formulas().items() if symbol in (S12, C2)}
    return {name: sp.simplify((sp.pi - PSI) / PSI * law) for name, law in turned.items()} | kept


def _integral_residual(laws: dict[str, sp.Expr], sign: int) -> list[sp.Expr]:
    """Each law times Z/2 against its integral: their derivatives by κ agree, and both vanish at an end of ψ."""
    angle, found = sp.pi / 2 - sp.atan(KAPPA), []
    for name, integrand in _integrands(sign).items():
        whole = (PSI / (2 * sp.pi) * laws[name]).subs(PSI, angle)
        slope = sp.integrate(sp.expand(integrand.diff(KAPPA)), (_T, 0, sp.oo), conds="none")
        found += [sp.simplify(whole.diff(KAPPA) - slope), sp.limit(PSI * laws[name], PSI, 0 if sign < 0 else sp.pi)]
    return found


def _mass_residual() -> list[sp.Expr]:
    """ψ/π against 2∫φ(t)Φ(−κt)dt, as above; the cosine of ψ; and the printed one."""
    angle = sp.pi / 2 - sp.atan(KAPPA)
    slope = sp.integrate(2 * _density(_T) * _below(-KAPPA * _T).diff(KAPPA), (_T, 0, sp.oo), conds="none")
    cosine = sp.cos(THETA) / sp.sqrt(sp.cos(THETA) ** 2 + EPSILON * sp.sin(THETA) ** 2)
    return [
        sp.simplify(angle.diff(KAPPA) / sp.pi - slope),
        sp.limit(angle, KAPPA, sp.oo),
        sp.simplify(sp.cos(width()) - cosine),
    ]


W1 = Claim(
    id="W1",
    source=f"appendix A.3, {SOURCE}",
    statement=r"$Z = P(z_1\,(z\cdot v) \le 0) = \frac{1}{\pi}\arccos\frac{\cos\theta}"
    r"{\sqrt{\cos^2\theta + \epsilon\sin^2\theta}}$.",
    domain="ε in (0, 1), θ in (0, π); with θ = 0 no input is left, with θ = π all are",
    printed={"mass": MASS},
    given=frozenset({EPSILON, THETA}),
    proofs=(
        Step(
            "mass",
            sp.Eq(sp.Symbol("Z"), PSI / sp.pi, evaluate=False),
            "Given z₁ = t > 0 the event is z₂/√ε ≤ −κt with κ = cot θ/√ε = cot ψ: its probability is "
            "2∫φ(t)Φ(−κt)dt. It vanishes as κ → ∞, and its derivative by κ is that of ψ/π.",
            _mass_residual,
        ),
    ),
)


def _in_theta(laws: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    return {name: law.subs(PSI, width()) for name, law in laws.items()}


_PRINTED = _as_printed()
_DERIVED = {NAMES[symbol]: formula for symbol, formula in moment_formulas().items()}


def _named(laws: dict[str, sp.Expr]) -> Any:
    names, formulas = zip(*laws.items(), strict=True)
    return sp.Eq(sp.Matrix(sp.symbols(names)), sp.Matrix(formulas), evaluate=False)


W2 = Claim(
    id="W2",
    source=f"appendix A.3, {SOURCE}",
    statement=r"With $\kappa = \cot\theta/\sqrt\epsilon$: $a = \frac2Z\int_0^\infty t^2\phi(t)\Phi(\kappa t)dt$, "
    r"$d = \frac{2\epsilon}Z\int_0^\infty\bigl[1 - \frac{\kappa t\phi(\kappa t)}{\Phi(\kappa t)}\bigr]"
    r"\phi(t)\Phi(\kappa t)dt$, $b = -\frac{2\sqrt\epsilon}Z\int_0^\infty t\phi(t)\phi(\kappa t)dt$, "
    r"$c_1 = \frac2Z\int_0^\infty t\phi(t)\Phi(\kappa t)dt$, "
    r"$c_2 = -\frac{2\sqrt\epsilon}Z\int_0^\infty\phi(t)\phi(\kappa t)dt$.",
    domain="ε in (0, 1), θ in (0, π)",
    printed=_in_theta(_PRINTED),
    derived=_in_theta({name: law for name, law in _DERIVED.items() if name in ("a", "d", "c1")}),
    corrected=r"$b$ and $c_2$ as printed; in $a$, $d$ and $c_1$ the sign of $\kappa$ is the other one, "
    r"$\Phi(-\kappa t)$ for $\Phi(\kappa t)$ and $1 + \kappa t\phi(\kappa t)/\Phi(-\kappa t)$ for "
    r"$1 - \kappa t\phi(\kappa t)/\Phi(\kappa t)$. With $\tan\psi = \sqrt\epsilon\tan\theta$ and $\psi \in (0, \pi)$: "
    rf"$a = {sp.latex(_DERIVED['a'])}$, $d = {sp.latex(_DERIVED['d'])}$, $b = {sp.latex(_DERIVED['b'])}$, "
    rf"$c_1 = {sp.latex(_DERIVED['c1'])}$, $c_2 = {sp.latex(_DERIVED['c2'])}$.",
    given=frozenset({EPSILON, THETA}),
    proofs=(
        Step(
            "as printed",
            _named(_PRINTED),
            "The printed integrals: those that depend on the sign of κ belong to the sector of width π − ψ.",
            lambda: _integral_residual(_PRINTED, 1),
        ),
        Step(
            "as derived",
            _named(_DERIVED),
            "Given z₁ = t the event is z₂ ≤ −κt√ε, on which 1, z₂/√ε and z₂²/ε have the means Φ(−κt), −φ(κt) and "
            "Φ(−κt) + κtφ(κt).",
            lambda: _integral_residual(_DERIVED, -1),
        ),
    ),
)

_SLOPE = wedge_plateau.SLOPE
_MEAN, _HALF = 1 + _SLOPE**2 / 3, sp.sqrt(1 + _SLOPE**2 / 3 + _SLOPE**4 / 9)
_ACUTE, _OBTUSE = sp.pi / 2 > THETA, sp.pi / 2 < THETA


def _split(acute: Any, obtuse: Any, right: Any) -> sp.Expr:
    return sp.Piecewise((acute, _ACUTE), (obtuse, _OBTUSE), (right, True))


def _rates_residual() -> list[sp.Expr]:
    """Trace and determinant of Σ/ε, and its product with the slow eigenvector."""
    scaled = wedge_plateau.small_moments()[0]
    slow = sp.Matrix([_SLOPE, scaled[0, 0] - (_MEAN - _HALF)])
    return [
        sp.expand(scaled.trace() - 2 * _MEAN),
        sp.expand(scaled.det() - (_MEAN**2 - _HALF**2)),
        *(sp.simplify(entry) for entry in scaled * slow - (_MEAN - _HALF) * slow),
    ]


_WIDE = (sp.Integer(1), -(_SLOPE**2) * EPSILON ** sp.Rational(3, 2) / sp.pi, EPSILON)


def _wide_residual() -> list[sp.Expr]:
    """The moments over their leading terms with ψ = π − arctan(√ε T), T = −tan θ; and at ψ = π/2."""
    root = wedge_plateau.ROOT
    angle = sp.pi - sp.atan(root * _SLOPE)
    wide = [(_DERIVED[name]).subs({PSI: angle, EPSILON: root**2}) for name in "abd"]
    right = [_DERIVED[name].subs(PSI, sp.pi / 2) for name in "abd"]
    return [
        *(sp.limit(law / lead.subs(EPSILON, root**2), root, 0) - 1 for law, lead in zip(wide, _WIDE, strict=True)),
        right[0] - 1,
        sp.simplify(right[1] / _ROOT) + 2 / sp.pi,
        sp.simplify(right[2] / EPSILON) - 1,
    ]


_TURN = sp.atan(_SLOPE / (_HALF + _SLOPE**2 / 3 - 1))  # of the slow eigenvector from e₂
W3 = Claim(
    id="W3",
    source=f"appendix A.3, {SOURCE}",
    statement=r"$\lambda_+ = \Theta(\epsilon)$, $\lambda_- = \Theta(\epsilon)$, $|b| = O(\sqrt\epsilon)$, and the slow "
    r"eigenvector is $e_2 + O(\sqrt\epsilon)$.",
    domain="θ in (0, π) fixed, ε → 0",
    assumptions="Tried as exponents of ε: 1 for both eigenvalues, 1/2 or more for |b| and for the angle from the slow "
    "eigenvector to e₂.",
    printed={
        "fast_exponent": sp.Integer(1),
        "slow_exponent": sp.Integer(1),
        "cross_exponent": sp.Rational(1, 2),
        "turn_exponent": sp.Rational(1, 2),
    },
    derived={
        "fast_exponent": _split(1, 0, 0),
        "cross_exponent": _split(1, sp.Rational(3, 2), sp.Rational(1, 2)),
        "turn_exponent": _split(0, sp.Rational(3, 2), sp.Rational(1, 2)),
        "fast_constant": _split((_MEAN + _HALF).subs(_SLOPE, sp.tan(THETA)), 1, 1),
        "slow_constant": _split((_MEAN - _HALF).subs(_SLOPE, sp.tan(THETA)), 1, 1 - 4 / sp.pi**2),
        "turn_constant": _split(_TURN.subs(_SLOPE, sp.tan(THETA)), sp.tan(THETA) ** 2 / sp.pi, 2 / sp.pi),
    },
    corrected=r"$\lambda_- = \Theta(\epsilon)$ and $|b| = O(\sqrt\epsilon)$ at every angle. For $\theta < \pi/2$, with "
    r"$T = \tan\theta$: $\lambda_+/\epsilon$ and $\lambda_-/\epsilon$ tend to "
    r"$1 + T^2/3 \pm \sqrt{1 + T^2/3 + T^4/9}$, so that their ratio stays "
    rf"bounded, and the slow eigenvector keeps an angle to $e_2$, ${sp.latex(_TURN)}$. For $\theta \ge \pi/2$: "
    r"$\lambda_+ \to 1$, and the slow eigenvector is $e_2 + O(\epsilon^{3/2})$, at $\theta = \pi/2$ "
    r"$e_2 + O(\sqrt\epsilon)$.",
    given=frozenset({EPSILON, THETA}),
    proofs=(
        *wedge_plateau.expansion_steps(tuple(moment_formulas().values()), "flow")[0][:2],
        Step(
            "acute angles",
            sp.Eq(sp.Symbol("lambda_pm/epsilon"), sp.Matrix([_MEAN + _HALF, _MEAN - _HALF]), evaluate=False),
            "Eigenvalues and the slow eigenvector of the limit of Σ/ε.",
            _rates_residual,
        ),
        Step(
            "right and obtuse angles",
            sp.Eq(sp.Matrix(sp.symbols("a b d")), sp.Matrix(_WIDE), evaluate=False),
            "The leading terms of a, b and d, with T = −tan θ > 0; at a right angle b = −(2/π)√ε.",
            _wide_residual,
        ),
    ),
)
CLAIMS: tuple[Claim, ...] = (W1, W2, W3)
