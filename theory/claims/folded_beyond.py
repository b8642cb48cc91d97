"""Claims on the folded model with another rule, another loss and minibatches: F10, F11 and F12."""

from __future__ import annotations

import sympy as sp

from theory import cycles, folded_noise
from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.models.folded import DECAY, EPSILON, ETA, M1, M2, MARGIN, STEP, THETA, U1, U2, W1, moment_formulas
from theory.models.regression import FAST, SLOW

SCALE = sp.Symbol("c", positive=True)  # of the start
REST = M1 / M2
FEW, GROWTH = 10, 4  # steps, and how much larger another start is

_CYCLE = cycles.rescaled_cycle()
_DISTANCE = sp.Abs(U1 - REST)
_NEAR = sp.Mod(_DISTANCE, ETA)  # fast error at one end of the cycle; at the other η less
_LOWEST = REST - sp.Piecewise((ETA - _NEAR, U1 > REST), (_NEAR, True))
_LEFT = _CYCLE.laws["two_steps_left"].subs(
    {FAST: M2, SLOW: EPSILON, cycles.SPREAD: 2 * _NEAR / ETA - 1}, simultaneous=True
)
DRIFT = EPSILON * U2**2 / (M2 * ETA**2) / (_NEAR / ETA * (1 - _NEAR / ETA))  # how far the cycle is attracted by then
_CYCLED = sp.log(U2 / (_LOWEST * sp.tan(THETA))) * 2 / -sp.log(_LEFT) + _DISTANCE / ETA


def _cycle_residual() -> sp.Expr:
    """Two steps as found here against the factors of both: 1 − ηλ₂/‖G‖ with ‖G‖ = λ₁|e₁| at either end."""
    r, eta, fast, slow = sp.symbols("r eta lambda_1 lambda_2", positive=True)
    found = _CYCLE.laws["two_steps_left"].subs({FAST: fast, SLOW: slow, cycles.SPREAD: 2 * r / eta - 1})
    stated = (1 - eta * slow / (fast * r)) * (1 - eta * slow / (fast * (eta - r)))
    return sp.simplify(found - stated)


F10 = Claim(
    id="F10",
    source=f"Fig. 6, right, {SOURCE}",
    statement=r"EGD reaches zero test error after a few steps, and appears completely insensitive to the size of "
    r"$w(0)$.",
    domain="the step of eq. 11 on this model, of fixed length η; starts with u₂ > 0 and τ > 1, ε → 0",
    assumptions=f"A few: at most {FEW}. Insensitive: a start {GROWTH} times as large takes as many steps.",
    printed={"length": sp.Integer(FEW), "growth": sp.Integer(1)},
    derived={
        "length": _CYCLED,
        "growth": _CYCLED.subs({U1: SCALE * U1, U2: SCALE * U2}, simultaneous=True) / _CYCLED,
    },
    corrected=r"With one output the steps of EGD all have the length $\eta$. They end in a cycle about $w_1 = m_1/m_2$ "
    r"that shrinks the slow error by $1 - 2\epsilon/m_2$ a step, or somewhat more, whatever $\eta$: for "
    r"$\epsilon \to 0$ the error leaves 100\,\% for good after about "
    r"$\frac{m_2}{2\epsilon}\log\frac{u_2}{w\tan\theta}$ "
    r"steps, up to a relative error of order $\epsilon u_2^2/(m_2\eta^2)$, with $w$ the lowest $w_1$ of the cycle "
    r"(never if $w \le 0$): like gradient descent at its largest step, and growing with the logarithm of $w(0)$. "
    r"In two steps $1 - \rho(2 - \rho)/(1 - u^2)$ of the slow error is left, "
    r"with $\rho = 2\epsilon/m_2$ and $w_1 = m_1/m_2 \pm (1 \pm u)\eta/2$.",
    given=frozenset({U1, U2, ETA, EPSILON, M1, M2, THETA}),
    proofs=(
        Step(
            "two steps",
            sp.Eq(sp.Symbol("e_2''"), _LEFT, evaluate=False),
            "On the cycle the gradient is all but along the fast axis, and its norm λ₁|e₁| at either end.",
            _cycle_residual,
        ),
        *_CYCLE.steps,
    ),
)

_A = sp.Symbol("a", positive=True)
_MISFIT = (1 - sp.tanh(_A * W1 / 2)) / 2  # 1/(1 + exp(aw)), which does not overflow
_PULL = sp.Integral(
    _A * sp.exp(-(_A**2 - MARGIN**2) / 2) * _MISFIT, (_A, MARGIN, sp.oo)
)  # E|x₁| of misfit, times Q(s)/φ(s)
_HAZARD = moment_formulas()[M1]


def _logistic_residual() -> list[sp.Expr]:
    """d/dw₁ and d/dw₂ of log(1 + exp(−a w₁ − x w₂)), and Stein's identity on the second for x ~ N(0, ε)."""
    a, w1, w2, x = sp.symbols("a w_1 w_2 x", real=True)
    misfit = 1 / (1 + sp.exp(a * w1 + x * w2))
    loss = sp.log(1 + sp.exp(-a * w1 - x * w2))
    density = sp.exp(-(x**2) / (2 * EPSILON))
    stein = -x * misfit * density - (EPSILON * misfit * density).diff(x) + EPSILON * misfit.diff(x) * density
    written = (_MISFIT - 1 / (1 + sp.exp(_A * W1))).rewrite(sp.exp)
    return [
        sp.simplify(written),
        sp.simplify(loss.diff(w1) + a * misfit),
        sp.simplify(loss.diff(w2) + x * misfit),
        sp.simplify(stein),
    ]


F11 = Claim(
    id="F11",
    source=f"remark below eq. 1, {SOURCE}",
    statement=r"Replacing the square loss by the logistic loss keeps the phenomenology: a plateau of order "
    r"$1/\epsilon$.",
    domain="ε → 0 with θ, s and the start fixed, u₂ > 0 and τ > 1; gradient flow and steps",
    printed={"exponent": sp.Integer(-1)},
    derived={
        "exponent": sp.Integer(0),
        "flow": sp.Integral(1 / (_HAZARD * _PULL), (W1, U1, U2 * sp.cot(THETA))),
    },
    corrected=r"The plateau stays bounded: as $\epsilon \to 0$ it lasts the flow time "
    r"$\int_{u_1}^{u_2\cot\theta} dw / E[a/(1 + e^{aw})]$ with $a = |x_1|$, in which $\epsilon$ does not occur. The "
    r"training set is separable, so that $w_1$ grows without end and passes $u_2\cot\theta$ before the slow weight has "
    r"moved, whose speed is at most $\epsilon|w_2|/4$.",
    given=frozenset(),
    proofs=(
        Step(
            "gradient",
            sp.Eq(sp.Symbol("dw_2/dt"), -EPSILON * sp.Symbol("w_2 E sigma'"), evaluate=False),
            "Differentiate, and integrate the second by parts (Stein): −E x misfit = ε w₂ E σ′, with σ′ ≤ 1/4.",
            _logistic_residual,
        ),
    ),
)

_NOISE = folded_noise.derive()

F12 = Claim(
    id="F12",
    source=f"text after Corollary 1, {SOURCE}",
    statement=r"The result extends to SGD: $w(k) \simeq (\mu_k, \nu_k)$, with the plateau and the test error that "
    r"follow.",
    domain="minibatches of b samples drawn fresh, step size below the limit in mean square, every k",
    assumptions="Extends: μ_k and ν_k describe the run at every k, so that its error goes to zero with them. Half of "
    "the runs leave the plateau at its length without noise, with the τ that F6 derives.",
    printed={
        "mean_fast": (1 - ETA * M2) ** STEP * U1 + (1 - (1 - ETA * M2) ** STEP) * REST,
        "mean_slow": (1 - ETA * EPSILON) ** STEP * U2,
        "rest_fast": sp.Integer(0),
        "rest_slow": sp.Integer(0),
        "rest_error": sp.Integer(0),
        "half": sp.log(U2 * sp.cot(THETA) / REST) / -sp.log(1 - ETA * EPSILON),
    },
    derived={
        "rest_fast": _NOISE.laws["stationary_fast"].subs(DECAY, 0),
        "rest_slow": _NOISE.laws["stationary_slow"].subs(DECAY, 0),
        "limit": _NOISE.laws["limit"].subs(DECAY, 0),
    },
    corrected=r"The mean of $w(k)$ is $(\mu_k, \nu_k)$ exactly, and where the noise is small half of the runs are at "
    r"100\,\% after $\log\tau/\log(1/\beta)$ steps, $\tau = u_2\cot\theta\,m_2/m_1$. At a constant step the runs do "
    r"not settle: their second moment about $(m_1/m_2, 0)$ rests at the fixed point $(2\Lambda - \eta N)P = \eta F$ "
    r"(for small $\eta$ about $\frac{\eta}{2b}(1 - m_1^2/m_2)$ along the slow direction, whatever $\epsilon$), so that "
    r"their error does not go to zero, and they stay bounded in mean square only up to a step smaller than $2/m_2$.",
    given=frozenset({U1, U2, ETA, EPSILON, M1, M2, STEP, THETA}),
    proofs=tuple(_NOISE.steps),
)
CLAIMS: tuple[Claim, ...] = (F10, F11, F12)
