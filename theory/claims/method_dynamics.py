"""Claims on the method as a course of training: E5 to E8."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.newton_schulz import PRESETS, Preset, polynomial
from theory.rules import NORM, SIGMA

ETA = sp.Symbol("eta", positive=True)
RATE, SLOWEST = sp.symbols("lambda_i lambda_d", positive=True)
THRESHOLD = sp.Symbol("q", positive=True)
G1, G2 = sp.symbols("g_1 g_2", positive=True)  # lengths of a gradient's columns along two directions
ANGLE = sp.Symbol("phi", nonnegative=True)  # between these columns
LARGEST, TOTAL, ERROR0 = sp.symbols("e_max e_sum e_0", positive=True)
BETA, FACTOR = sp.symbols("beta c", positive=True)
KEPT, RANK = sp.symbols("k r", positive=True, integer=True)
ITERATIONS = sp.Symbol("p", nonnegative=True, integer=True)

STEPS, PRESET = 5, "jordan2024"
TRIPLE = sp.symbols("a b c")  # of an iteration


def _rates() -> tuple[sp.Expr, sp.Expr]:
    """How fast the error falls along two directions whose columns of the gradient stand at an angle φ."""
    size = sp.sqrt(G1**2 + G2**2 + 2 * G1 * G2 * sp.sin(ANGLE))
    return (G1 + G2 * sp.sin(ANGLE)) / size, (G2 + G1 * sp.sin(ANGLE)) / size


def _rates_residual() -> list[sp.Expr]:
    """The polar factor of G = [g₁(1, 0), g₂(cos φ, sin φ)], stated, and its part along each column."""
    unit = sp.Matrix([[1, sp.cos(ANGLE)], [0, sp.sin(ANGLE)]])
    gradient = unit * sp.diag(G1, G2)
    a, b = gradient[0, 0] + gradient[1, 1], gradient[0, 1] - gradient[1, 0]
    factor = sp.Matrix([[a, b], [-b, a]]) / sp.sqrt(a**2 + b**2)
    symmetric = factor.T * gradient
    turned = [*(factor.T * factor - sp.eye(2)), symmetric[0, 1] - symmetric[1, 0]]
    positive = [  # the trace is ‖·‖ itself, the determinant g₁g₂ sin φ
        sp.expand_trig(symmetric.trace() - sp.sqrt(a**2 + b**2)),
        symmetric.det() - gradient.det(),
    ]
    along = [unit[:, i].dot(factor[:, i]) - rate for i, rate in enumerate(_rates())]
    return [sp.simplify(entry) for entry in (*turned, *positive, *along)]


_FAST, _SLOW = _rates()
E5 = Claim(
    id="E5",
    source=f"section 4.2, {SOURCE}",
    statement=r"EGD guarantees equal convergence rates per mode, hence a faster exit from the plateau than gradient "
    r"descent's. (Tried as: the errors along two directions fall at rates of the ratio 1; the last direction arrives "
    r"no later than under gradient descent.)",
    corrected=rf"Where the columns of $G$ along two directions have lengths $g_1$, $g_2$ and stand at an angle $\phi$, "
    rf"the errors fall at the rates ${sp.latex(_FAST)}$ and ${sp.latex(_SLOW)}$: both 1 where $\phi = \pi/2$, which "
    r"is an aligned start, or $g_1 = g_2$; $g_i/\|G\|$ on one output, where $\phi = 0$. From an aligned start the last "
    r"arrival, at $q|e_0|$, comes at the time $(1-q)\max|e_0|$ against $\log(1/q)/\lambda_d$ of gradient descent: "
    r"sooner only if $(1-q)\lambda_d\max|e_0| < \log(1/q)$.",
    domain="every linear model, start and spectrum; flows",
    assumptions="the exit is the last arrival; rates are those of the error's length along each direction",
    printed={"rates": sp.Integer(1), "exit": sp.Integer(1)},
    derived={
        "rates": _FAST / _SLOW,
        "exit": (1 - THRESHOLD) * LARGEST * SLOWEST / sp.log(1 / THRESHOLD),
    },
    proofs=(
        Step(
            "rates",
            sp.Eq(sp.Symbol("v_1"), _FAST, evaluate=False),
            "The polar factor of a 2×2 matrix with determinant g₁g₂ sin φ ≥ 0, and its component along each column.",
            _rates_residual,
        ),
        Step(
            "aligned",
            sp.Eq(sp.Symbol("v"), 1, evaluate=False),
            "Columns at a right angle fall at unit speed each.",
            lambda: [sp.sqrt(sp.factor(rate.subs(ANGLE, sp.pi / 2) ** 2)) - 1 for rate in _rates()],
        ),
        Step(
            "gradient descent",
            sp.Eq(sp.Symbol("t"), sp.log(1 / THRESHOLD) / SLOWEST, evaluate=False),
            "What is left of the slowest error is exp(−λt) = q.",
            lambda: sp.exp(-SLOWEST * sp.log(1 / THRESHOLD) / SLOWEST) - THRESHOLD,
        ),
    ),
)

E6 = Claim(
    id="E6",
    source=f"section 4.3, {SOURCE}",
    statement=r"Muon (Newton--Schulz iteration on the momentum) makes a similar geometric update, approximately the "
    r"polar factor. (Tried as: five steps bring every singular value to within 0.5 of 1, which is what Muon's authors "
    r"say of them; and no direction is driven past its minimum by more than the step that EGD makes there.)",
    corrected=r"Five steps give the speed $p(\sigma/\|M\|_F)$, $p$ five times "
    r"$x \mapsto 3.4445x - 4.7750x^3 + 2.0315x^5$: between 0.68 and 1.21 for $\sigma \ge 0.0016\,\|M\|_F$, but about "
    r"$485\,\sigma/\|M\|_F$, less than a half, below $0.001\,\|M\|_F$: directions far below move like gradient "
    r"descent's. With momentum $\beta$ a direction goes on past its minimum for $\beta/(1-\beta)$ steps.",
    domain="every matrix M in place of the gradient; every momentum, after an approach that is long against its memory",
    assumptions=f"the published coefficients ({PRESET}), {STEPS} steps",
    printed={"speed": sp.Integer(1), "overshoot": sp.Integer(0)},
    derived={"speed": polynomial(SIGMA / NORM, STEPS, PRESETS[PRESET]), "overshoot": BETA / (1 - BETA)},
    proofs=(
        Step(
            "small values",
            sp.Eq(sp.Symbol("p(x)"), TRIPLE[0] ** STEPS * SIGMA, evaluate=False),
            "The slope of the iterated polynomial at zero is that of one step to the power of their number.",
            lambda: (polynomial(SIGMA, STEPS, Preset((TRIPLE,))) / SIGMA).subs(SIGMA, 0) - TRIPLE[0] ** STEPS,
        ),
        Step(
            "overshoot",
            sp.Eq(sp.Symbol("-e/η"), BETA / (1 - BETA), evaluate=False),
            "At unit speed the error j steps ago was e + jη, so that Σ βʲ(e + jη) is e/(1 − β) + ηβ/(1 − β)², which "
            "vanishes at this e.",
            lambda: sp.simplify(
                (1 / (1 - BETA)) * (-BETA / (1 - BETA)) + sp.diff(1 / (1 - BETA), BETA) * BETA  # Σ j βʲ
            ),
        ),
    ),
)


def _row_step() -> sp.Expr:
    """One step of eq. 11 on one row (g₁, g₂), by its matrices: what is left of the first error."""
    row = sp.Matrix([[G1, G2]])
    way = (row * row.T)[0] ** sp.Rational(-1, 2) * row
    return (G1 / RATE - ETA * way[0]) / (G1 / RATE)


E7 = Claim(
    id="E7",
    source=f"sections 3.2 to 4, {SOURCE}: a reading that they invite",
    statement=r"On the model with one output eq. 11, $w \leftarrow w - \eta (GG^\top)^{-1/2} G$, behaves like eq. 9, "
    r"$w \leftarrow w - \eta \hat\Sigma^{-1} G$: every error is multiplied by $1 - \eta$ in each step, steps die out, "
    r"and the size of the start error does not matter to the time at which a part of it is left.",
    corrected=r"On one output $(GG^\top)^{-1/2} G = G/\|G\|$: a step multiplies the error along direction $i$ by "
    rf"$1 - {sp.latex(ETA * RATE / NORM)}$ with $n = \|G\|$, in proportion to its curvature as gradient descent does; "
    r"every step has the length $\eta$, so that none settles; and in flow time $c$ times the start error takes $c$ "
    r"times as long.",
    domain="the folded model, every start and step size",
    printed={"contraction": 1 - ETA, "last_step": sp.Integer(0), "scaling": sp.Integer(1)},
    derived={"contraction": 1 - ETA * RATE / NORM, "last_step": ETA, "scaling": FACTOR},
    given=frozenset({ETA}),
    proofs=(
        Step(
            "contraction",
            sp.Eq(sp.Symbol("c_i"), 1 - ETA * RATE / NORM, evaluate=False),
            "GGᵀ is the number ‖G‖², and G has the entry λᵢeᵢ.",
            lambda: sp.simplify(_row_step() - (1 - ETA * RATE / NORM).subs(NORM, sp.sqrt(G1**2 + G2**2))),
        ),
        Step(
            "scaling",
            sp.Eq(sp.Symbol("G(cE)/‖G(cE)‖"), sp.Symbol("G(E)/‖G(E)‖"), evaluate=False),
            "The direction does not change when the error is c times as large, so that cE(t/c) solves the flow too.",
            lambda: (
                (G1 / sp.sqrt(G1**2 + G2**2)).subs({G1: FACTOR * G1, G2: FACTOR * G2}, simultaneous=True)
                - G1 / sp.sqrt(G1**2 + G2**2)
            ),
        ),
    ),
)

_REST = sp.Mod(ERROR0, ETA)
E8 = Claim(
    id="E8",
    source=f"section 4, Algorithms 1 and 3, appendix C, {SOURCE}",
    statement=r"EGD needs no hyper-parameter and is switched off once validation loss or accuracy is good; randomised "
    r"SVD of rank $k$ (2 power iterations, no oversampling) is a sound substitute. (Tried as: at any constant step "
    r"$\eta$ it comes to rest at the minimum; the substitute carries all of EGD's direction, and its last direction "
    r"arrives when EGD's does.)",
    corrected=r"At a constant step a direction ends between $e_0 \bmod \eta$ and $\eta - (e_0 \bmod \eta)$ from its "
    r"minimum, for ever: the threshold of the switch-off is a hyper-parameter, and so is $k$. Of a gradient of "
    r"rank $r$ the substitute carries at most $k/r$ of EGD's direction, as much as exact truncation to rank $k$ if "
    r"there is a gap, with an error of the order $(\sigma_{k+1}/\sigma_k)^5$. With $k = 1$ the last direction arrives "
    r"after $\sum|e_0|$ where EGD takes $\max|e_0|$.",
    domain="every regression from an aligned start, every step size, every rank below that of the gradient",
    assumptions="arrivals of the substitute in the limit of small steps",
    printed={"residue": sp.Integer(0), "share": sp.Integer(1), "slowdown": sp.Integer(1)},
    derived={
        "residue": sp.Max(_REST, ETA - _REST),
        "share": KEPT / RANK,
        "slowdown": TOTAL / LARGEST,
        "exponent": 2 * ITERATIONS + 1,
    },
    proofs=(
        Step(
            "cycle",
            sp.Eq(sp.Symbol("e''"), sp.Symbol("e"), evaluate=False),
            "An error 0 < e < η steps to e − η < 0, and back.",
            lambda: (ERROR0 - ETA) + ETA - ERROR0,
        ),
        Step(
            "sketch",
            sp.Eq(sp.Symbol("tan θ"), (G2 / G1) ** (2 * ITERATIONS + 1), evaluate=False),
            "Each power iteration multiplies by GGᵀ what G has made of the random matrix: σ^(2p + 1).",
            lambda: (
                sp.powsimp(G2 * (G2**2) ** ITERATIONS / (G1 * (G1**2) ** ITERATIONS), force=True)
                - sp.powsimp((G2 / G1) ** (2 * ITERATIONS + 1), force=True)
            ),
        ),
    ),
)
CLAIMS: tuple[Claim, ...] = (E5, E6, E7, E8)
