"""Claims on the wedge's plateau, its length and its cause: W6, W7 and W8."""

from __future__ import annotations

import sympy as sp

from theory import wedge_plateau
from theory.claims.claim import SOURCE, Claim
from theory.contractions import DECAY, ETA
from theory.derivation import Step
from theory.geometry import EPSILON, PSI, THETA, U1, U2, W1, W2, front, width
from theory.models import wedge
from theory.wedge_plateau import ROOT, SLOPE

STAR = wedge_plateau.bisector().subs(PSI, width())
THRESHOLD = STAR[0] * sp.Abs(sp.tan(THETA))  # the paper's T
SLOW_RATE = wedge.in_parameters({"slow": wedge.rates()[1]})["slow"].subs(DECAY, 0)
REST = sp.sqrt(2 / sp.pi)  # w₁* as ε → 0 for θ ≥ π/2
ACUTE = sp.pi / 2 > THETA
INSIDE = sp.And(U2 >= 0, front().subs({W1: U1, W2: U2}) >= 0)  # the start misclassifies everything

_PRINTED = sp.log(sp.Abs(U2 - STAR[1]) / THRESHOLD) / (2 * ETA * SLOW_RATE)
_REAR = wedge_plateau.crossing(wedge_plateau.normals()[0])
_EARLIER = SLOPE**2 / 4  # time by which the second weight is at T sooner than at zero
_CROSSING = sp.Piecewise(
    (((_REAR[0] / sp.sqrt(EPSILON) + _REAR[1] - _EARLIER) / (2 * ETA)).subs(SLOPE, sp.tan(THETA)), ACUTE),
    (sp.log((U2 - STAR[1]) / (THRESHOLD - STAR[1])) / (2 * ETA * SLOW_RATE), True),
)
_BOUNDED = sp.log((REST - U1) / (REST - U2 * sp.cot(THETA))) / -sp.log(1 - 2 * ETA)
LENGTH = sp.Piecewise((0, sp.Not(INSIDE)), (wedge_plateau.two_orders() / (2 * ETA), ACUTE), (_BOUNDED, True))
_ORDER = sp.Piecewise((-sp.Rational(1, 2), ACUTE), (0, True))


def _threshold_residual() -> list[sp.Expr]:
    """T over the pull c₂ as ε → 0; and the exponential at T."""
    at = {PSI: sp.atan(ROOT * SLOPE), EPSILON: ROOT**2}
    limit = (wedge_plateau.bisector()[0] * SLOPE).subs(at) / ROOT
    pull = -wedge_plateau.small_moments()[1][1]
    left, rest, level, rate = sp.symbols("u nu T lambda", positive=True)
    time = sp.log((left + rest) / (level + rest)) / rate  # ν* = −rest
    return [
        sp.limit(limit, ROOT, 0) / pull - _EARLIER,
        sp.simplify((left + rest) * sp.exp(-rate * time) - rest - level),
    ]


def _bounded_residual() -> list[sp.Expr]:
    """Σ and c as ε → 0 beyond a right angle, and the front edge after `_BOUNDED` steps of the fast direction."""
    angle = {PSI: sp.pi - sp.atan(ROOT * SLOPE), EPSILON: ROOT**2}
    limits = [sp.limit(formula.subs(angle), ROOT, 0) for formula in wedge.moment_formulas().values()]
    left = (REST - U2 * sp.cot(THETA)) / (REST - U1)
    edge = front().subs({W1: REST - (REST - U1) * left, W2: U2})
    return [*(found - wanted for found, wanted in zip(limits, (1, 0, 0, REST, 0), strict=True)), sp.simplify(edge)]


_THRESHOLD = Step(
    "threshold",
    sp.Eq(sp.Symbol("mu^*") * SLOPE / sp.sqrt(EPSILON), sp.sqrt(sp.pi / 2) * SLOPE**2 / 4, evaluate=False),
    "As ε → 0 for θ < π/2, with T = tan θ: the second weight falls at the speed √(πε/2), and is at μ* tan θ the time "
    "T²/4 before it is at 0. For θ > π/2, ν − ν* shrinks by the slow factor until ν is at the threshold.",
    _threshold_residual,
)
_LIMIT = Step(
    "right and obtuse angles",
    sp.Eq(sp.Symbol("k^*"), _BOUNDED, evaluate=False),
    "As ε → 0 only the first weight moves, to √(2/π) by the factor 1 − 2η in a step, and reaches u₂ cot θ ≤ 0.",
    _bounded_residual,
)
_SMALL = wedge_plateau.expansion_steps(tuple(wedge.moment_formulas().values()), "flow")[0]
_GIVEN = frozenset({EPSILON, THETA, ETA, U1, U2})

W6 = Claim(
    id="W6",
    source=f"eq. 20 and below, appendix A.3, {SOURCE}",
    statement=r"The error starts to fall at $k^* = \min\{k: |\nu_k| \le T\}$, $T = |\mu^*|\,|\tan\theta|$, and where "
    r"$|u_2 - \nu^*| \ge T$, $k^* = \frac{1}{2\eta\lambda_-}\log(|u_2 - \nu^*|/T)$ up to factors "
    r"$1 + O(\sqrt\epsilon)$, which is of order $\frac{1}{\eta\epsilon}\log(|u_2 - \nu^*|/T)$.",
    domain="θ in (0, π) and η below 1/2 fixed, ε → 0; the start is any with u₂ ≥ T for k*, any for the plateau",
    assumptions="Tried apart: the first step with ν_k ≤ T against the law, and the steps at 100 % against it",
    printed={"crossing": _PRINTED, "plateau": _PRINTED},
    derived={"crossing": _CROSSING, "plateau": LENGTH},
    corrected=r"The error starts to fall where $\nu_k < 0$ or $\nu_k\cos\theta < \mu_k\sin\theta$, with $\mu_k$ and "
    r"not $\mu^*$ (W5). For $\theta < \pi/2$ both edges are reached while the gradient is still $-c$ to leading order: "
    r"the plateau of a start with $u_2 \ge 0$ and $u_2\cos\theta \ge u_1\sin\theta$ lasts $\frac{1}{2\eta}\bigl("
    r"\sqrt{\tfrac{2}{\pi\epsilon}}\min(u_2, \frac{2(u_2 - u_1 T_\theta)}{2 + T_\theta^2}) + O(1)\bigr)$ steps, "
    r"$T_\theta = \tan\theta$, and $|\nu_k| \le T$ comes after $\frac{1}{2\eta}\bigl(u_2\sqrt{\tfrac{2}{\pi\epsilon}} "
    r"+ O(1)\bigr)$, if no step jumps over it; the next order is derived too. For $\theta > \pi/2$ the plateau stays "
    r"bounded, $\log\frac{m - u_1}{m - u_2\cot\theta}/\log\frac{1}{1 - 2\eta}$ with $m = \sqrt{2/\pi}$, and "
    r"$|\nu_k| \le T$ comes after $\frac{1}{2\eta\lambda_-}\log\frac{u_2 - \nu^*}{T - \nu^*}$, where $T - \nu^*$ "
    r"tends to $\frac32 T$.",
    given=_GIVEN,
    proofs=(*_SMALL, _THRESHOLD, _LIMIT),
)

_FIRST, _SECOND, _ALPHA = sp.symbols("m_1(theta) m_2(theta) alpha", real=True)  # not defined in the source

W7 = Claim(
    id="W7",
    source=f"Theorem 2, {SOURCE}",
    statement=r"If $m_2(\theta) \le m_1(\theta)\tan\theta$ and $u_2 > \alpha u_1$ the plateau lasts "
    r"$\Theta(1/(\eta\epsilon))$; if either fails there is no plateau.",
    domain="θ in (0, π) and the start fixed, η below 1/(2λ₊), ε → 0; for whether there is a plateau every ε",
    assumptions="As m₁(θ), m₂(θ) and α are not defined, tried is what does not need them, the order of a plateau that "
    "is there; and the nearest question that can be asked, from which starts there is one and how long it lasts",
    printed={
        "length": sp.Piecewise(
            (1 / (ETA * EPSILON), sp.And(_FIRST * sp.tan(THETA) >= _SECOND, U2 > _ALPHA * U1)), (0, True)
        ),
        "exponent": sp.Integer(-1),
    },
    derived={
        "there": sp.Piecewise((1, INSIDE), (0, True)),
        "exponent": _ORDER,
        "length": LENGTH,
    },
    corrected=r"There is a plateau exactly where the start misclassifies everything, $u_2 \ge 0$ and "
    r"$u_2\cos\theta \ge u_1\sin\theta$, and it begins there. As $\epsilon \to 0$ it lasts $\Theta(1/(\eta\sqrt"
    r"\epsilon))$ steps for $\theta < \pi/2$, if the start is not on an edge, and stays bounded for "
    r"$\theta \ge \pi/2$; never $\Theta(1/(\eta\epsilon))$.",
    given=_GIVEN,
    proofs=(wedge_plateau.existence_step(tuple(wedge.moment_formulas().values()), newton=False), *_SMALL, _LIMIT),
)

W8 = Claim(
    id="W8",
    source=f"section 3, {SOURCE}; the cause is a reading that it invites",
    statement=r"The plateau of this model has the same order $1/(\eta\epsilon)$ as that of the folded model, and the "
    r"same cause, ill-conditioning. (Tried as: the exponents of $\epsilon$ of the length at a fixed $\eta$, and of the "
    r"length at the best $\eta$ by that of equal contraction, which is what no rescaling of the gradient mends.)",
    domain="θ in (0, π/2) fixed, starts that misclassify everything on both models, on the folded one with u₂ "
    "above m₁ tan θ/m₂, ε → 0",
    printed={
        "folded": sp.Integer(-1),
        "wedge": sp.Integer(-1),
        "folded_asymmetry": sp.Integer(-1),
        "wedge_asymmetry": sp.Integer(-1),
    },
    derived={"wedge": -sp.Rational(1, 2), "wedge_asymmetry": sp.Integer(0)},
    corrected=r"The wedge's plateau is of the order $1/(\eta\sqrt\epsilon)$, and its cause is another one. The ratio "
    r"of the rates stays bounded as $\epsilon \to 0$ (W3), both are of order $\epsilon$: what is slow is the whole "
    r"gradient, and a step size of order $1/\epsilon$ is stable and leaves no long plateau. In the folded model the "
    r"fast direction forbids such a step, and at the best step size the plateau is still of order $1/\epsilon$: "
    r"asymmetry there, scale here.",
    given=_GIVEN,
    proofs=_SMALL,
)
CLAIMS: tuple[Claim, ...] = (W6, W7, W8)
