"""Claims on the length and the cause of the folded model's plateau: F6, F7 and F9."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.models.folded import EPSILON, ETA, M1, M2, STEP, THETA, TIME, U1, U2, W1, W2, boundary

RATIO = sp.Symbol("tau", positive=True)
PRINTED_RATIO = sp.Abs(U2) * sp.Abs(sp.tan(THETA)) * M2 / M1
START_RATIO = U2 * sp.cot(THETA) * M2 / M1
SLOW, FAST = 1 - ETA * EPSILON, 1 - ETA * M2
REST = M1 / M2

_OFF = sp.Abs(FAST) ** sp.Max(STEP - 1, 0) * sp.Abs(U1 / REST - 1)  # fast error at the plateau's last step, over m₁/m₂


def _length(ratio: sp.Expr) -> sp.Expr:
    return sp.log(ratio) / -sp.log(SLOW)


def _crossing_residual() -> list[sp.Expr]:
    """The boundary at w = (m₁/m₂, βᵏu₂), where βᵏ = 1/τ; and with what is left of the fast error."""
    at_rest = boundary().subs({W1: REST, W2: U2 / START_RATIO})
    off = sp.Symbol("delta", real=True)
    near = boundary().subs({W1: REST * (1 + off), W2: U2 * (1 + off) / START_RATIO})
    return [sp.simplify(at_rest.rewrite(sp.cos)), sp.simplify(near.rewrite(sp.cos))]


F6 = Claim(
    id="F6",
    source=f"Corollary 1 A and its proof, {SOURCE}",
    statement=r"With $\tau = |u_2|\,|\tan\theta|\,m_2/m_1 > c$ for a fixed $c > 1$ the plateau lasts "
    r"$k^* = \log\tau/\log(1/\beta) \asymp \log\tau/(\eta\epsilon) \asymp 1/\epsilon$.",
    domain="ε → 0 with θ, s, η < 2/m₂ and the start fixed; lasts: until the error leaves 100 % for good",
    printed={"length": _length(PRINTED_RATIO), "exponent": sp.Integer(-1)},
    derived={
        "length": sp.Piecewise((_length(START_RATIO), START_RATIO > 1), (0, True)),
        "exponent": sp.Piecewise((-1, START_RATIO > 1), (0, True)),
        "slack": 1 - sp.log(1 - _OFF) / -sp.log(SLOW),
    },
    corrected=rf"$k^* = \log\tau/\log(1/\beta)$ with $\tau = {sp.latex(START_RATIO)}$ and $u_2 > 0$: "
    r"$|k^* - \log\tau/\log(1/\beta)| \le 1 + \log(1/(1 - \delta))/\log(1/\beta)$ wherever $\tau > 1$ and "
    r"$\delta = |\alpha|^{k^*-1}|u_1 m_2/m_1 - 1| < 1$. Where $\tau < 1$ the plateau does not grow as "
    r"$1/\epsilon$; where $u_2 < 0$ there is none.",
    given=frozenset({U2, THETA, M1, M2, ETA, EPSILON}),
    proofs=(
        Step(
            "crossing",
            sp.Eq(boundary().subs({W1: REST, W2: REST * sp.tan(THETA)}), 0, evaluate=False),
            "Once the fast direction is at rest the weights cross the boundary where w₂ = (m₁/m₂) tan θ: the ratio "
            "of u₂ to it is τ, with the cotangent. A fast error of δ shifts that by the factor 1 + δ.",
            _crossing_residual,
        ),
    ),
)

_SMALL = sp.log((1 - U1 / REST) / (1 - START_RATIO)) / -sp.log(FAST)


def _small_residual() -> sp.Expr:
    """The boundary after `_SMALL` steps of the fast direction, with the slow one at its start."""
    left = (1 - START_RATIO) / (1 - U1 / REST)
    w1 = REST + (U1 - REST) * left
    return sp.simplify(boundary().subs({W1: w1, W2: U2}).rewrite(sp.cos))


F7 = Claim(
    id="F7",
    source=f"Corollary 1 B, {SOURCE}",
    statement=r"Small initialisation: a plateau of order $(1/\eta)\log(1/(\tau\epsilon))$.",
    domain="ε → 0 with θ, s, η < 1/m₂ and the start fixed, τ < 1 both with the tangent and with the cotangent",
    assumptions="Of order: within a factor of ten, either way, from some ε on.",
    printed={"length": sp.log(1 / (PRINTED_RATIO * EPSILON)) / ETA},
    derived={"length": sp.Piecewise((_SMALL, sp.And(U2 >= 0, U2 * sp.cot(THETA) > U1)), (0, True))},
    corrected=r"With $\tau = u_2\cot\theta\,m_2/m_1 < 1$, $u_2 \ge 0$ and $0 < \alpha < 1$ the plateau has a length "
    r"that does not depend on $\epsilon$ as $\epsilon \to 0$, "
    r"$k^* \to \log\frac{1 - u_1 m_2/m_1}{1 - \tau}/\log(1/\alpha)$, and is no more than a step longer at any "
    r"$\epsilon$; there is none if $u_1 > u_2\cot\theta$ or $u_2 < 0$.",
    given=frozenset({U2, THETA, M1, M2, ETA, EPSILON}),
    proofs=(
        Step(
            "crossing",
            sp.Eq(boundary().subs(W2, U2), 0, evaluate=False),
            "The fast direction crosses the boundary on its way to rest, before the slow one has moved: solve "
            "w₁ = u₂ cot θ for αᵏ. A slow weight that has moved is smaller, so that the end comes sooner.",
            _small_residual,
        ),
    ),
)

_BEYOND = boundary().subs({W1: U1, W2: U2})
_TARGET = REST * sp.sin(THETA)


def _alike(contraction: sp.Expr) -> sp.Expr:
    """Steps at 100 % test error where both errors shrink by 1 − contraction: from the first on, if at all."""
    whole = sp.floor(sp.log(1 + _BEYOND / _TARGET) / -sp.log(1 - contraction)) + 1
    return sp.Piecewise((whole, sp.And(U2 >= 0, _BEYOND >= 0)), (0, True))


def _alike_residual() -> sp.Expr:
    """The boundary is linear: after a share x of the error is left it is x b(u) + (1 − x) b(w*)."""
    x = _TARGET / (_BEYOND + _TARGET)
    w = {W1: REST + (U1 - REST) * x, W2: U2 * x}
    return sp.simplify(boundary().subs(w))


_UNIT = sp.Abs(U1 - REST) + U2 - REST * sp.tan(THETA)
_SLOW_SPEED, _FAST_SPEED = EPSILON * U2, M2 * sp.Abs(U1 - REST)

F9 = Claim(
    id="F9",
    source=f"Insight 1, in substance, {SOURCE}",
    statement=r"The plateau of this model is solely due to delayed convergence to the least-squares solution, caused "
    r"by ill-conditioned gradients.",
    domain="every s, ε, θ in (0, π/2), start and step; for the rescaled flow ε → 0",
    assumptions="Solely: without ill-conditioning there is no plateau, and a rule that leaves the conditioning as it "
    "is, and only rescales the gradient, leaves the plateau as long as it is.",
    printed={"preconditioned": sp.Integer(0), "equally_slow": sp.Integer(0), "rescaled": sp.log(START_RATIO) / EPSILON},
    derived={
        "preconditioned": _alike(ETA),
        "equally_slow": _alike(ETA * EPSILON),
        "rescaled": _UNIT,
        "rounded_corner": _SLOW_SPEED / M2 * (1 + sp.log(1 + _FAST_SPEED / _SLOW_SPEED)),
    },
    corrected=r"Ill-conditioning is not the only cause. A start beyond the boundary, "
    r"$b = u_2\cos\theta - u_1\sin\theta \ge 0$ with $u_2 \ge 0$, has a plateau at condition number 1: "
    r"$\lfloor \log(1 + b m_2/(m_1\sin\theta))/\log(1/(1-\eta))\rfloor + 1$ steps where both directions are equally "
    r"fast, and the same with $\eta\epsilon$ in place of $\eta$, of order $1/\epsilon$, where both are equally slow. "
    r"And with the conditioning left as it is, rescaling the gradient to unit length takes the plateau of the flow "
    r"from $\log\tau/\epsilon$ to $|u_1 - m_1/m_2| + u_2 - (m_1/m_2)\tan\theta$, as $\epsilon \to 0$.",
    given=frozenset({U2, U1, THETA, M1, M2, ETA, EPSILON, TIME}),
    proofs=(
        Step(
            "straight path",
            sp.Eq(sp.Symbol("b(w)"), 0, evaluate=False),
            "Where both errors shrink alike the weights go straight, and b(w) falls in proportion to what is left.",
            _alike_residual,
        ),
        Step(
            "unit speed",
            sp.Eq(sp.Symbol("t^*"), _UNIT, evaluate=False),
            "A flow of unit speed takes as long as its path is: first along the fast axis to m₁/m₂, then along the "
            "slow one to the boundary at w₂ = (m₁/m₂) tan θ.",
            lambda: sp.simplify(boundary().subs({W1: REST, W2: U2 - (_UNIT - sp.Abs(U1 - REST))}).rewrite(sp.cos)),
        ),
    ),
)
CLAIMS: tuple[Claim, ...] = (F6, F7, F9)
