"""The steps of a factorised model whose recursion has no closed form: how far from the flow, and what they end in."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory.cycles import cycle
from theory.derivation import Step
from theory.models.factorized_mode import DECAY, ETA, FACTOR, TARGET, balanced_gradient, factors, layer_gradients
from theory.models.factorized_sharpness import sharpness
from theory.models.regression import RATE
from theory.rules import SIGMA, Rule

Found = tuple[list[Step], dict[str, sp.Expr]]
CURVATURE = sp.Symbol("c", positive=True)  # of the loss by each factor, all moved alike, at the balanced minimum
SPEED, FIRST, LAST = sp.symbols("v v_0 v_1", positive=True)


def recursion(rule: Rule, depth: int) -> Found:
    """The steps of the chain after the opening, for an elementwise rule."""
    steps = [_modes(rule), _balanced(rule, depth), arrival()]
    if rule.power is not None and rule.power >= 0:
        steps.append(_curvature(depth))
    if rule.power is not None and rule.power > 0:
        steps += [_near_the_minimum(step) for step in cycle(rule).steps]
    return steps, {"gradient": balanced_gradient(depth)}


def _modes(rule: Rule) -> Step:
    assert rule.law is not None
    law = rule.law
    factor, gradient = sp.symbols("w_l g_l", real=True)
    after = factor - ETA * law.subs(SIGMA, sp.Abs(gradient)) * sp.sign(gradient)
    return Step(
        "mode equations",
        sp.Eq(sp.Symbol("w_l'"), after, evaluate=False),
        "One step of size η: each layer moves by ηh(|g_l|) against its gradient.",
        lambda: [after.subs(gradient, way * SIGMA) - (factor - ETA * way * law) for way in (1, -1)],
        origin="definition",
    )


def _balanced(rule: Rule, depth: int) -> Step:
    """The recursion of factors that are equal and below their end."""
    assert rule.law is not None
    law = rule.law
    speed = law.subs(SIGMA, -balanced_gradient(depth))
    return Step(
        "balanced mode",
        sp.Eq(sp.Symbol("w'"), FACTOR + ETA * speed, evaluate=False),
        "From factors of equal size w, a = w^L, every layer has the same gradient and they stay equal; written for a "
        "mode that grows. There is no closed form.",
        lambda: [
            law.subs(SIGMA, -g.subs(dict.fromkeys(factors(depth), FACTOR))) - speed
            for g in layer_gradients(depth, DECAY)
        ],
    )


def arrival(note: str = "") -> Step:
    """Steps w ← w + ηv(w) against their flow, to first order in η."""
    w, begin = sp.symbols("w w_0", positive=True)
    pace = sp.Function("v")(w)
    time: sp.Expr = sp.Integral(1 / pace, (w, begin, sp.Symbol("w_1")))
    apart = -pace * sp.log(pace / pace.subs(w, begin)) / 2  # (w_k − w(kη))/η
    return Step(
        "arrival",
        sp.Eq(sp.Symbol("k_i"), time / ETA + sp.log(LAST / FIRST) / 2 + sp.Order(ETA), evaluate=False),
        "Local errors −η²v v′/2 add up along the flow ẇ = v, ċ = v′c − v v′/2, to c = −v log(v/v₀)/2; the steps lie ηc "
        "from the flow, which is ηc/v of its time. Written for the step at which w passes w₁, with v₀ and v₁ the "
        f"speeds at both ends.{note}",
        lambda: [
            apart.diff(w) * pace - pace.diff(w) * apart + pace * pace.diff(w) / 2,
            (-apart / pace).subs({pace.subs(w, begin): FIRST}).subs(pace, LAST) - sp.log(LAST / FIRST) / 2,
        ],
    )


def _curvature(depth: int) -> Step:
    """How the gradient vanishes at the balanced minimum."""
    gradient = balanced_gradient(depth)
    held = {DECAY: FACTOR ** (depth - 2) * (TARGET - FACTOR**depth)}  # the decay that holds w there
    return Step(
        "curvature",
        sp.Eq(CURVATURE, sharpness(depth), evaluate=False),
        "Near the balanced minimum w*, written for w = w*, the gradient of each layer is c(w − w*): the largest "
        "eigenvalue of the Hessian, whose eigenvector moves all layers alike.",
        lambda: (gradient.diff(FACTOR) - sharpness(depth)).subs(held),
    )


def _near_the_minimum(step: Step) -> Step:
    """A step of one direction of a linear model, with the curvature at the minimum."""
    limit = "Near the minimum, to leading order in η, with e the distance of each factor from w*. "
    reason = limit + step.reason if step.name == "cycle" else step.reason
    return replace(step, equation=step.equation.subs(RATE, CURVATURE), reason=reason)
