"""Where natural gradient over-corrects: what its steps do to a direction once its error has come down to a step.

In x = e√(λ/η) a step of speed 1/σ is Boole's transformation x ← x − 1/x (key ``adler1973``), which takes Cauchy
distributions to Cauchy distributions. So the median of |e| over starts is known at every step: it grows without end,
as √(2t/λ) at the time t = kη, which is how a flow would have to go on past zero, e² = e₀² − 2t/λ, and no smaller step
makes it less.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, plain, positive, whole
from theory.derivation import Derivation, Step
from theory.discretisation import speed_along
from theory.models.regression import ERROR, ERROR0, ETA, FAST, RATE, SLOW, THRESHOLD, TIME
from theory.models.regression_chain import derive as regression_chain
from theory.rule_ids import rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SCALE = sp.Symbol("gamma", positive=True)  # median of |x|
SCALE0 = sp.Symbol("gamma_0", positive=True)
COUNT = sp.Symbol("k", positive=True)
PLACE = sp.Symbol("y", real=True)


def cauchy(x: sp.Expr, scale: sp.Expr) -> sp.Expr:
    """Density of the Cauchy distribution about zero with the median |x| = γ."""
    return scale / (sp.pi * (x**2 + scale**2))


@functools.cache
def natural_steps() -> Derivation:
    """The chain from a step to the median of |e| over starts.

    Laws: ``unit``, the √(η/λ) in which |e| is measured; in that unit and in `SCALE0` and `COUNT`, ``least`` and
    ``most``, between which the median lies after k ≥ 1 steps; ``median`` in `RATE` and `TIME`, its leading order;
    ``outgrown`` in `ERROR0`, `FAST` and `SLOW`, the median of the slow error when the fast one arrives, from e₀ both,
    for small steps.
    """
    unit = sp.sqrt(ETA / RATE)
    step = ERROR - ETA * speed_along(rule("ngd"))
    least = sp.sqrt(SCALE0**2 + 2 * COUNT)
    gained = 1 / SCALE0**2 + sp.log(1 + 2 * (COUNT - 1) / SCALE0**2) / 2
    most = sp.sqrt(SCALE0**2 + 2 * COUNT + gained)
    median = sp.sqrt(2 * TIME / RATE)
    arrival = {rate: _extinction().subs(RATE, rate) for rate in (FAST, SLOW)}
    outgrown = ERROR0 * sp.sqrt(FAST / SLOW - 1)
    x, reached = sp.symbols("x gamma_k", positive=True)
    steps = [
        Step(
            "step",
            sp.Eq(sp.Symbol("x'"), x - 1 / x, evaluate=False),
            "e ← e − η/(λe), with e in units of √(η/λ).",
            lambda: sp.simplify(step.subs(ERROR, unit * x) / unit - (x - 1 / x)),
            origin="definition",
        ),
        Step(
            "Cauchy to Cauchy",
            sp.Eq(sp.Symbol("gamma'"), SCALE + 1 / SCALE, evaluate=False),
            "Every y has two forerunners, the roots of x² − yx − 1; their densities over |1 + 1/x²| add up.",
            _pushed_residual,
        ),
        Step(
            "growth",
            sp.And(sp.Le(least, reached, evaluate=False), sp.Le(reached, most, evaluate=False)),
            "γ'² = γ² + 2 + 1/γ²: above γ₀² + 2k, so that the sum of the last terms is below 1/γ₀² + ∫dj/(γ₀² + 2j).",
            lambda: [
                sp.expand((SCALE + 1 / SCALE) ** 2 - SCALE**2 - 2 - SCALE**-2),
                sp.simplify(gained.diff(COUNT) - 1 / (SCALE0**2 + 2 * (COUNT - 1))),
                gained.subs(COUNT, 1) - 1 / SCALE0**2,
            ],
        ),
        Step(
            "whatever the step",
            sp.Eq(sp.Symbol("|e|"), median, evaluate=False),
            "k = t/η: to leading order the median does not depend on η, nor on where the errors began.",
            lambda: [
                sp.limit((bound.subs(COUNT, TIME / ETA) * unit / median), ETA, 0, "+") - 1 for bound in (least, most)
            ],
        ),
        Step(
            "outgrown",
            sp.Eq(sp.Symbol("|e_d|"), outgrown, evaluate=False),
            "The slow direction arrives first, at λ_d e₀²/2, and is out again by the time λ₁ e₀²/2 of the fast one: "
            "from errors of one size, to √(κ − 1) times its start.",
            lambda: sp.simplify(median.subs({TIME: arrival[FAST] - arrival[SLOW], RATE: SLOW}) ** 2 - outgrown**2),
        ),
    ]
    laws = {"unit": unit, "least": least, "most": most, "median": median, "outgrown": outgrown}
    return Derivation("regression", "ngd", "descent", steps, laws)


def _extinction() -> sp.Expr:
    """Time at which a direction's flow reaches zero."""
    return regression_chain(rule("ngd"), "flow").laws["arrival"].subs(THRESHOLD, 0)


def _pushed_residual() -> sp.Expr:
    root = sp.sqrt(PLACE**2 + 4)
    before = [(PLACE + side * root) / 2 for side in (1, -1)]
    pushed = sum(cauchy(x, SCALE) / (1 + x**-2) for x in before)
    return [*(sp.expand(x**2 - PLACE * x - 1) for x in before), sp.simplify(pushed - cauchy(PLACE, SCALE + 1 / SCALE))]


def median_bounds(rate: float, step: float, counts: Any, start: float) -> tuple[Array, Array]:
    """Bounds on the median of |e| after k ≥ 1 steps (T,), over starts from a Cauchy distribution with this median.

    Parameters
    ----------
    rate
        Curvature λ of the direction.
    step
        Step size η.
    counts
        Numbers of steps, at least 1 (T,).
    start
        Median of |e₀|.

    Raises
    ------
    ArgumentError
        If a number is not positive, or a count not a whole number.
    """
    import numpy as np

    taken = np.array([whole("counts", count) for count in np.atleast_1d(counts)], float)
    numbers = [positive(name, value) for name, value in (("rate", rate), ("step", step), ("start", start))]
    unit = float(natural_steps().function("unit", (RATE, ETA))(*numbers[:2]))
    laws = (natural_steps().function(name, (SCALE0, COUNT)) for name in ("least", "most"))
    least, most = (unit * law(numbers[2] / unit, taken) for law in laws)
    return least, most


def outgrown(fast: float, slow: float, error: float = 1.0) -> float:
    """Median of the slow direction's |e| when the fast one arrives, from errors of one size; for small steps.

    Parameters
    ----------
    fast, slow
        Curvatures λ₁ ≥ λ_d.
    error
        Size e₀ of both errors at the start.

    Raises
    ------
    ArgumentError
        If a number is not positive, or the slow curvature is above the fast one.
    """
    fast, slow, error = positive("fast", fast), positive("slow", slow), positive("error", error)
    if slow > fast:
        raise ArgumentError("slow", f"be at most the fast curvature, {plain(fast)}", f"is {plain(slow)}")
    return float(natural_steps().function("outgrown", (ERROR0, FAST, SLOW))(error, fast, slow))
