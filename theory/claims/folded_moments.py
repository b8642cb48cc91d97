"""Claims on the recursion, the moments and the samples of the folded model: F1, F2, F3 and F8."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.folded_noise import M3, M4, higher_moments
from theory.models.folded import EPSILON, ETA, M1, M2, MARGIN, STEP, moment_formulas

RATE = sp.Symbol("lambda", nonnegative=True)  # an eigenvalue of the sample covariance
START, REST = sp.symbols("u w^*", real=True)  # start and least-squares solution along its eigenvector
SAMPLES = sp.Symbol("n", positive=True)
HORIZON = sp.Symbol("c", nonnegative=True)  # of a run of c log n / (ηε) steps


def _affine(factor: sp.Expr) -> sp.Expr:
    """Weight after k steps that shrink the error by this factor."""
    return factor**STEP * START + (1 - factor**STEP) * REST


def _affine_residual(factor: sp.Expr, drift: sp.Expr) -> list[sp.Expr]:
    """The closed form against w ← w − drift·(w − w*), and at no step."""
    weight = _affine(factor)
    following = weight.subs(STEP, STEP + 1) - (weight - drift * (weight - REST))
    return [sp.expand(sp.powsimp(sp.expand(following))), weight.subs(STEP, 0) - START]


def _matrix_residual() -> list[sp.Expr]:
    """A(Pu + (I − P)w*) + ηΣ w* against APu + (I − AP)w*, for any P in place of Aᵏ."""
    a, b, d = sp.symbols("a b d", real=True)
    curvature = sp.Matrix([[a, b], [b, d]])
    power = sp.Matrix(2, 2, sp.symbols("p_1:5"))
    u, star = (sp.Matrix(sp.symbols(f"{name}_1 {name}_2")) for name in ("u", "w"))
    contraction = sp.eye(2) - ETA * curvature
    after = contraction * (power * u + (sp.eye(2) - power) * star) + ETA * curvature * star
    return list((after - (contraction * power * u + (sp.eye(2) - contraction * power) * star)).expand())


F1 = Claim(
    id="F1",
    source=f"eq. 4, {SOURCE}",
    statement=r"$w(k) = A^k w(0) + (I - A^k)\,\hat w_{\mathrm{ols}}$ with $A = I - \eta\hat\Sigma$, "
    r"$\hat\Sigma = X^\top X/n$ and $\hat w_{\mathrm{ols}} = \hat\Sigma^{-1} X^\top Y/n$.",
    domain="every sample of full column rank, every start, every step size, converging or not",
    assumptions="Steps are those of eq. 2, w − ηXᵀ(Xw − Y)/n; with appendix A.3's 2η, η is to be doubled.",
    printed={"weight": _affine(1 - ETA * RATE)},
    given=frozenset({ETA, RATE, STEP, START, REST}),
    proofs=(
        Step(
            "step",
            sp.Eq(sp.Symbol("w(k+1)"), sp.Symbol("A w(k)") + ETA * sp.Symbol("Sigma w^*"), evaluate=False),
            "Put the closed form for k, with any matrix in place of Aᵏ, into a step: the closed form for k + 1.",
            _matrix_residual,
        ),
        Step(
            "eigenvector",
            sp.Eq(sp.Symbol("w_k"), _affine(1 - ETA * RATE), evaluate=False),
            "Along an eigenvector of the sample covariance the same is a recursion of numbers.",
            lambda: _affine_residual(1 - ETA * RATE, ETA * RATE),
        ),
    ),
)

F8 = Claim(
    id="F8",
    source=f"eqs. 9–10, {SOURCE}",
    statement=r"$w \leftarrow w - \eta\hat\Sigma^{-1}X^\top(Xw - Y)/n$ gives "
    r"$w(k) = a^k w(0) + (1 - a^k)\,\hat w_{\mathrm{ols}}$ with $a = 1 - \eta$: "
    r"convergence does not depend on $\epsilon$.",
    domain="every sample of full column rank, every start, every step size, converging (0 < η < 2) or not",
    printed={"weight": _affine(1 - ETA), "left": sp.Abs(1 - ETA) ** STEP},
    given=frozenset({ETA, STEP, START, REST}),
    proofs=(
        Step(
            "step",
            sp.Eq(sp.Symbol("w_k"), _affine(1 - ETA), evaluate=False),
            "The inverse covariance takes every rate to one.",
            lambda: _affine_residual(1 - ETA, ETA),
        ),
    ),
)

HIGHEST = (MARGIN + sp.sqrt(MARGIN**2 + 4)) / 2
LOWEST = sp.sqrt(2 / sp.pi)


def _bound_residual() -> list[sp.Expr]:
    """Var |x₁| = m₂ − m₁² at m₁ = HIGHEST; dm₁/ds − m₁(m₁ − s); and m₁(0)."""
    m1, s = moment_formulas()[M1], sp.Symbol("s", positive=True)
    growth = m1.subs(MARGIN, s).diff(s) - (m1 * (m1 - MARGIN)).subs(MARGIN, s)
    return [sp.expand(1 + MARGIN * HIGHEST - HIGHEST**2), growth, m1.subs(MARGIN, 0) - LOWEST]


F2 = Claim(
    id="F2",
    source=f"eq. 5, {SOURCE}",
    statement=r"$m_1 = \phi(s)/Q(s) \in (0, 1)$, $m_2 = 1 + s m_1 > 1$, $\alpha = 1 - \eta m_2$ is real and "
    r"$\beta = 1 - \eta\epsilon \in (0, 1)$.",
    domain="s ≥ 0, ε in (0, 1), η > 0",
    printed={
        "m1": moment_formulas()[M1],
        "m2": moment_formulas()[M2],
        "m1_below": sp.Integer(1),
        "m1_above": sp.Integer(0),
        "m2_above": sp.Integer(1),
        "slow_factor_inside": sp.Integer(1),
    },
    derived={
        "m1_below": HIGHEST,
        "m1_above": sp.Max(LOWEST, MARGIN),
        "m2_above": 1 + LOWEST * MARGIN,
        "slow_factor_inside": sp.Piecewise((1, ETA * EPSILON < 1), (0, True)),
    },
    corrected=rf"$\max(\sqrt{{2/\pi}}, s) \le m_1 < {sp.latex(HIGHEST)}$, which passes 1 at $s \approx 0.303$; "
    r"$m_2 = 1 + s m_1 \ge 1 + s\sqrt{2/\pi}$, so that $m_2 = 1$ at $s = 0$; "
    r"$\beta \in (0, 1)$ exactly where $\eta\epsilon < 1$.",
    given=frozenset({MARGIN, ETA, EPSILON}),
    proofs=(
        Step(
            "bounds",
            sp.Lt(M1, HIGHEST, evaluate=False),
            "The variance of |x₁| is 1 + s m₁ − m₁² > 0, so that m₁ lies below its positive root. And "
            "dm₁/ds = m₁(m₁ − s) > 0: m₁ is least at s = 0.",
            _bound_residual,
        ),
    ),
)


def _scatter() -> dict[str, sp.Expr]:
    """Standard deviations of the least-squares weights at n samples, to leading order."""
    higher = {name: formula.subs(moment_formulas()) for name, formula in higher_moments().items()}
    m1, m2 = moment_formulas()[M1], moment_formulas()[M2]
    fast = (M2 - 2 * M3 * M1 / M2 + M4 * M1**2 / M2**2) / (M2**2 * SAMPLES)
    slow = (1 - M1**2 / M2) / (EPSILON * SAMPLES)
    values = {**higher, M1: m1, M2: m2}
    return {
        "fast_scatter": sp.sqrt(fast.subs(values, simultaneous=True)),
        "slow_scatter": sp.sqrt(slow.subs(values, simultaneous=True)),
    }


F3 = Claim(
    id="F3",
    source=f"Lemmas 1 and 2, {SOURCE}",
    statement=r"For large $n$: $\hat\Sigma \simeq \mathrm{diag}(m_2, \epsilon)$, $X^\top Y/n \simeq (m_1, 0)$ and "
    r"$\hat w_{\mathrm{ols}} \simeq (m_1/m_2, 0)$ with errors $O(n^{-1/2})$; hence $w(k) = (\mu_k, \nu_k)$ up to "
    r"factors $1 + O(n^{-1/2})$.",
    domain="every s, ε and start; every number of steps, also where it grows with n",
    printed={"exponent": -sp.Rational(1, 2), "factor_exponent": -sp.Rational(1, 2)},
    derived={"factor_exponent": HORIZON - sp.Rational(1, 2), **_scatter()},
    corrected=r"The errors of Lemma 1 are $O(n^{-1/2})$, that of the second weight of $\hat w_{\mathrm{ols}}$ with the "
    r"constant $\sqrt{(1 - m_1^2/m_2)/\epsilon}$. Lemma 2 holds up to an added $O(n^{-1/2})$; as a factor of $\nu_k$ "
    r"the error is of order $n^{c-1/2}$ after $k = c \log n/(\eta\epsilon)$ steps, because $\nu_k$ falls to 0 and "
    r"the second weight of $\hat w_{\mathrm{ols}}$ does not.",
    given=frozenset(),
)
CLAIMS: tuple[Claim, ...] = (F1, F2, F3, F8)
