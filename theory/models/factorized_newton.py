"""Newton's rule on a factorised model, layer by layer: with the others held, the loss is quadratic in each."""

from __future__ import annotations

import sympy as sp

from theory.derivation import Step
from theory.models.factorized_descent import arrival
from theory.models.factorized_mode import DECAY, ETA, FACTOR, START, TARGET, THRESHOLD, TIME, factors, layer_gradients

MODE = sp.Symbol("a", positive=True)


def newton(depth: int, view: str) -> list[Step]:
    """The steps of the chain after the opening."""
    shared = [_curvature(depth), _modes(depth, view)]
    return shared + (_flow(depth) if view == "flow" else _descent(depth))


def _curvature(depth: int) -> Step:
    names = factors(depth)
    curvature = sp.prod(names[1:]) ** 2 + DECAY
    return Step(
        "layer curvature",
        sp.Eq(sp.Symbol("c_1"), curvature, evaluate=False),
        "With the other layers held, the loss is quadratic in a layer, of curvature A_lᵀA_l ⊗ B_l B_lᵀ + λI; along a "
        "mode that is the square of the other factors' product, plus λ. Written for l = 1.",
        lambda: layer_gradients(depth, DECAY)[0].diff(names[0]) - curvature,
    )


def _modes(depth: int, view: str) -> Step:
    names = factors(depth)
    whole = sp.prod(names)
    pace = names[0] * (TARGET - whole) / whole
    stated = names[0] * (TARGET - MODE) / MODE
    left = sp.Derivative(sp.Function("w_l")(TIME), TIME) if view == "flow" else sp.Symbol("w_l'")
    factor = sp.Symbol("w_l", real=True)
    right = stated.subs(names[0], factor)
    return Step(
        "mode equations",
        sp.Eq(left, right if view == "flow" else factor + ETA * right, evaluate=False),
        "Newton's rule by layers divides the gradient of a layer by the layer's own curvature. Without decay, and "
        "with a the product of the factors.",
        lambda: (
            [
                -(g / g.diff(name)).subs(DECAY, 0) * names[0] / name - pace
                for g, name in zip(layer_gradients(depth, DECAY), names, strict=True)
            ]
            + [stated.subs(MODE, whole) - pace]
        ),
    )


def _flow(depth: int) -> list[Step]:
    names = factors(depth)
    pace = (TARGET - MODE) / MODE  # of log w_l
    solution = TARGET + (START - TARGET) * sp.exp(-depth * TIME)
    time = sp.log(1 / THRESHOLD) / depth
    amplitude = sp.Function("a")(TIME)
    product = sum(sp.prod(names).diff(name) * name * pace for name in names)
    first, second = sp.Function("w_l")(TIME), sp.Function("w_m")(TIME)
    return [
        Step(
            "conserved quantity",
            sp.Eq(sp.Derivative(sp.log(first / second), TIME), 0, evaluate=False),
            "All factors of a mode grow at the same relative speed: their ratios are kept.",
            lambda: (first.diff(TIME) / first - second.diff(TIME) / second).subs(
                {first.diff(TIME): first * pace, second.diff(TIME): second * pace}
            ),
        ),
        Step(
            "product",
            sp.Eq(amplitude.diff(TIME), depth * (TARGET - amplitude), evaluate=False),
            f"The product rule over {depth} layers, for factors of any size.",
            lambda: (product - depth * (TARGET - MODE)).subs(MODE, sp.prod(names)),
        ),
        Step(
            "solution",
            sp.Eq(amplitude, solution, evaluate=False),
            "A linear equation: stated, and put in.",
            lambda: [solution.diff(TIME) - depth * (TARGET - solution), solution.subs(TIME, 0) - START],
            origin="ansatz",
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), time, evaluate=False),
            "The time at which |a − s| = q|a₀ − s|.",
            lambda: solution.subs(TIME, time) - TARGET - THRESHOLD * (START - TARGET),
        ),
        Step(
            "order of learning",
            sp.Eq(sp.Symbol("t_1") / sp.Symbol("t_n"), 1, evaluate=False),
            "Neither the target's singular value nor the start occurs in it: all modes arrive together, and there is "
            "no plateau.",
            lambda: [time.diff(TARGET), time.diff(START)],
        ),
    ]


def _descent(depth: int) -> list[Step]:
    following = MODE * (1 + ETA * (TARGET - MODE) / MODE) ** depth
    limit = sp.Rational(2, depth)
    w = FACTOR + ETA * FACTOR * (TARGET - FACTOR**depth) / FACTOR**depth
    return [
        Step(
            "product",
            sp.Eq(sp.Symbol("a'"), following, evaluate=False),
            "All factors of a mode grow by the same part, whatever their sizes. From a small start that part is large, "
            "ηs/a₀: a step far beyond the target unless η is about as small as a₀/s. The flow has no plateau, but its "
            "speed cannot be had with steps of any size.",
            lambda: sp.powsimp(sp.expand(following.subs(MODE, FACTOR**depth)) - sp.expand(w**depth)),
        ),
        Step(
            "largest stable step",
            sp.Le(ETA, limit, evaluate=False),
            f"Near the target a step leaves 1 − {depth}η of a deviation, which is −1 at this step size, for all modes.",
            lambda: [following.diff(MODE).subs(MODE, TARGET) - (1 - depth * ETA), 1 - depth * limit + 1],
        ),
        arrival(" Here v = w(s − a)/a with a = w^L, and the integral is log(1/q)/L."),
    ]
