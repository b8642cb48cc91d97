"""The opening of a factorised model's chain: from the loss to the gradient of each layer, and to its modes."""

from __future__ import annotations

import functools

import sympy as sp

from theory.derivation import Step
from theory.models.factorized_mode import DECAY, TARGET, factors, layer_gradients

EXPLICIT = 3  # layers written out in a check; more add factors of the same form


@functools.cache
def opening(depth: int) -> tuple[Step, ...]:
    """From the loss to the gradient in each layer, and to its modes."""
    c, d, inner, outer = sp.symbols("c d n_l n_{l+1}", integer=True, positive=True)
    product, target = sp.MatrixSymbol("P", c, d), sp.MatrixSymbol("M", c, d)
    above, below = sp.MatrixSymbol("A_l", c, outer), sp.MatrixSymbol("B_l", inner, d)
    weights = sp.MatrixSymbol("W_l", outer, inner)
    error = product - target
    names = factors(depth)
    mode = sp.prod(names)
    return (
        Step(
            "loss",
            sp.Eq(
                sp.Symbol("L"),
                sp.Trace(error * error.T) / 2
                + DECAY * sp.Sum(sp.Function("N")(sp.Symbol("l")), (sp.Symbol("l"), 1, depth)) / 2,
                evaluate=False,
            ),
            f"½ ‖P − M‖² + ½ λ Σ N_l, P the product of the {depth} layers, N_l = ‖W_l‖²: inputs of unit covariance.",
            _loss_residual,
            origin="definition",
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G_l"), above.T * error * below.T + DECAY * weights, evaluate=False),
            "Differentiate; A_l is the product of the layers above layer l, B_l that of the layers below it. "
            f"Checked for {min(depth, EXPLICIT)} layers of 2×2 weights.",
            lambda: _gradient_residual(min(depth, EXPLICIT)),
        ),
        Step(
            "directions",
            sp.Eq(
                sp.Symbol("g_l"),
                sp.Mul(mode / names[0], mode - TARGET, evaluate=False) + DECAY * names[0],
                evaluate=False,
            ),
            "Aligned start: every layer shares singular directions with the target, W_l = R_{l+1} diag(w_l) R_lᵀ. Then "
            "G_l = R_{l+1} diag(g_l) R_lᵀ, and the layers stay aligned; written for l = 1, "
            "checked for two layers at any angles.",
            lambda: _direction_residual(2),
        ),
    )


def _explicit(depth: int) -> tuple[list[sp.Matrix], sp.Matrix, sp.Matrix]:
    """Layers of 2×2 symbols, their product, and a target."""
    layers = [sp.Matrix(2, 2, sp.symbols(f"x{layer}_:4")) for layer in range(depth)]
    return layers, functools.reduce(lambda below, layer: layer * below, layers), sp.Matrix(2, 2, sp.symbols("m:4"))


def _loss_of(layers: list[sp.Matrix], target: sp.Matrix) -> sp.Expr:
    product = functools.reduce(lambda below, layer: layer * below, layers)
    decay = sum(entry**2 for layer in layers for entry in layer)
    return sum(entry**2 for entry in product - target) / 2 + DECAY * decay / 2


def _loss_residual() -> sp.Expr:
    """The loss against ½ E‖P x − M x‖² for inputs of unit covariance."""
    layers, product, target = _explicit(2)
    x = sp.Matrix(sp.symbols("x1 x2"))
    square = sp.Poly(sp.expand(((product - target) * x).dot((product - target) * x)), *x)
    mean = square.coeff_monomial(x[0] ** 2) + square.coeff_monomial(x[1] ** 2)
    return sp.expand(mean / 2 - _loss_of(layers, target).subs(DECAY, 0))


def _stated_gradient(layers: list[sp.Matrix], target: sp.Matrix, place: int) -> sp.Matrix:
    above = functools.reduce(lambda below, layer: layer * below, layers[place + 1 :], sp.eye(2))
    below = functools.reduce(lambda under, layer: layer * under, layers[:place], sp.eye(2))
    return above.T * (above * layers[place] * below - target) * below.T + DECAY * layers[place]


def _gradient_residual(depth: int) -> list[sp.Expr]:
    layers, _, target = _explicit(depth)
    loss = _loss_of(layers, target)
    return [
        sp.expand(sp.diff(loss, layer[i]) - _stated_gradient(layers, target, place)[i])
        for place, layer in enumerate(layers)
        for i in range(4)
    ]


def turn(index: int) -> sp.Matrix:
    """A rotation, of any angle."""
    cosine, sine = sp.symbols(f"c{index} s{index}", real=True)
    return sp.Matrix([[cosine, -sine], [sine, cosine]])


def turned(entry: sp.Expr, count: int) -> sp.Expr:
    """A polynomial of the entries of that many rotations, with c² + s² = 1."""
    circles = [sum(entry**2 for entry in turn(index)[:, 0]) - 1 for index in range(count)]
    return sp.reduced(sp.expand(entry), circles)[1]


@functools.cache
def _direction_residual(depth: int) -> list[sp.Expr]:
    turns = [turn(index) for index in range(depth + 1)]
    modes = [sp.symbols(f"w{layer}_:2", real=True) for layer in range(depth)]
    targets = sp.symbols("s:2", positive=True)
    layers = [turns[i + 1] * sp.diag(*modes[i]) * turns[i].T for i in range(depth)]
    target = turns[-1] * sp.diag(*targets) * turns[0].T
    residuals: list[sp.Expr] = []
    for place in range(depth):
        found = turns[place + 1].T * _stated_gradient(layers, target, place) * turns[place]
        for i in range(2):
            own = {name: modes[layer][i] for layer, name in enumerate(factors(depth))} | {TARGET: targets[i]}
            found[i, i] -= layer_gradients(depth, DECAY)[place].subs(own, simultaneous=True)
        residuals += [turned(entry, depth + 1) for entry in found]
    return residuals
