"""The polynomials that Newton–Schulz iterations make of one singular value, by preset.

An iteration X ← a X + b X Xᵀ X + c (X Xᵀ)² X leaves the singular directions of a matrix as they are and maps each
singular value x to a x + b x³ + c x⁵. It starts from x = σ/‖G‖_F, which is at most 1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import sympy as sp

MOST_STEPS = 8


@dataclass(frozen=True)
class Preset:
    """Coefficients of an iteration.

    Parameters
    ----------
    triples
        (a, b, c) of the first, second, … step; the last serves all that follow.
    scale
        The start is x = σ/(scale · ‖G‖_F).
    """

    triples: tuple[tuple[sp.Expr, sp.Expr, sp.Expr], ...]
    scale: sp.Expr = sp.S.One

    def coefficients(self, step: int) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        """Coefficients (a, b, c) of a step, counted from zero."""
        return self.triples[min(step, len(self.triples) - 1)]


def _decimal(text: str) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    a, b, c = (sp.Float(number, 17) for number in text.split())
    return a, b, c


def _polar_express() -> Preset:
    """Minimax on [0.001, 1] step by step, each but the last applied to x/1.01 (Amsel et al., key ``amsel2025``)."""
    safety = sp.Rational(101, 100)
    greedy = [_decimal(line) for line in _GREEDY.strip().splitlines()]
    safe = [(a / safety, b / safety**3, c / safety**5) for a, b, c in greedy]
    return Preset((*safe, (sp.Rational(15, 8), sp.Rational(-5, 4), sp.Rational(3, 8))), safety)


_GREEDY = """
8.28721201814563 -23.595886519098837 17.300387312530933
4.107059111542203 -2.9478499167379106 0.5448431082926601
3.9486908534822946 -2.908902115962949 0.5518191394370137
3.3184196573706015 -2.488488024314874 0.51004894012372
2.300652019954817 -1.6689039845747493 0.4188073119525673
1.891301407787398 -1.2679958271945868 0.37680408948524835
1.8750014808534479 -1.2500016453999487 0.3750001645474248
"""

PRESETS = {
    # steep at zero, and stays near 1 without converging to it: Jordan et al. (key jordan2024)
    "jordan2024": Preset((_decimal("3.4445 -4.7750 2.0315"),)),
    # converge to 1 with order 2 and 3: Björck and Bowie (key bjorck1971), Higham (key higham2008)
    "cubic": Preset(((sp.Rational(3, 2), sp.Rational(-1, 2), sp.Integer(0)),)),
    "quintic": Preset(((sp.Rational(15, 8), sp.Rational(-5, 4), sp.Rational(3, 8)),)),
    "polar-express": _polar_express(),
}


@functools.cache
def polynomial(x: sp.Expr, steps: int, preset: Preset) -> sp.Expr:
    """What is made of x = σ/‖G‖_F by a number of steps.

    Examples
    --------
    >>> polynomial(sp.Integer(1), 4, PRESETS["cubic"])
    1
    """
    x = x / preset.scale
    for step in range(steps):
        a, b, c = preset.coefficients(step)
        x = x * (a + x**2 * (b + c * x**2))
    return x
