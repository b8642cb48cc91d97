"""Update rules as speed laws on the singular values of a gradient.

A spectral rule replaces every singular value σ of a gradient G = U S Vᵀ by a speed h(σ), so that the
update is U h(S) Vᵀ; h(0) = 0 for each of them (a vanished direction rests). The law is a SymPy expression
in `SIGMA` and, where a rule needs them, in `NORM` (the Frobenius norm of G) and `INDEX` (1 for the largest
singular value). The remaining rules answer the same question, "which direction for this gradient?", by
other means; `simulations.directions` carries them out. `theory.rule_ids` has those that go by a name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath
import sympy as sp

from theory.checks import ArgumentError, ArgumentTypeError, whole
from theory.derivation import accurate

SIGMA = sp.Symbol("sigma", positive=True)
NORM = sp.Symbol("n", positive=True)
INDEX = sp.Symbol("i", positive=True, integer=True)


@dataclass(frozen=True)
class Rule:
    """A named update rule.

    Parameters
    ----------
    name
        The id by which the command line knows it, such as ``egd`` or ``power:0.5``.
    law
        The speed h as an expression in `SIGMA` (and `NORM`, `INDEX`); None for a rule that is not spectral.
    kind
        ``spectral``, or the name of the routine in `simulations.directions` that gives the direction.
    options
        Parameters of that routine.
    refresh
        Number of steps for which singular directions are kept. At steps 0, m, 2m, … they are computed; in between
        the update is Σ sgn(aᵢ) h(|aᵢ|) uᵢ vᵢᵀ with aᵢ = uᵢᵀ G vᵢ for the old pairs (uᵢ, vᵢ). The sign is part of it:
        every update still descends, and as long as the directions do not turn, the rule is the one that is not
        refreshed, whereas the old factor U Vᵀ itself would run on through the minimum until the next refresh.

    Raises
    ------
    ArgumentTypeError
        If the law of a spectral rule is no SymPy expression.
    ArgumentError
        If the law has other symbols or a speed that is negative or not finite, or `refresh` is not a whole number of
        at least 1, or not 1 for a rule without singular directions.

    Examples
    --------
    >>> Rule("softened", SIGMA / (1 + SIGMA)).vanishing_power
    0
    """

    name: str
    law: sp.Expr | None = None
    kind: str = "spectral"
    options: dict[str, float] = field(default_factory=dict, hash=False)
    refresh: int = 1

    def __post_init__(self) -> None:
        if self.kind == "spectral":
            self._check_law()
        if self.refresh != 1:
            whole("refresh", self.refresh, 1)
            if not self.keeps_directions:
                raise ArgumentError("refresh", "be 1 for a rule without singular directions", f"is {self.refresh}")

    def _check_law(self) -> None:
        if not isinstance(self.law, sp.Expr):
            raise ArgumentTypeError("law", "be a SymPy expression in SIGMA", f"is {self.law!r}")
        strange = self.law.free_symbols - {SIGMA, NORM, INDEX}
        if strange:
            names = ", ".join(sorted(str(symbol) for symbol in strange))
            raise ArgumentError("law", "use no symbols but SIGMA, NORM and INDEX", f"uses {names}")
        _check_speed(self.law)

    def __reduce__(self) -> tuple[Any, ...]:
        return Rule, (self.name, self.law, self.kind, self.options, self.refresh)

    @property
    def elementwise(self) -> bool:
        """Whether the speed of a direction depends on its own singular value alone."""
        return self.law is not None and self.law.free_symbols <= {SIGMA}

    @functools.cached_property
    def isotropic(self) -> bool:
        """Whether all singular values are scaled alike, so that the gradient keeps its shape."""
        return self.law is not None and not (self.law / SIGMA).free_symbols & {SIGMA, INDEX}

    @property
    def linear(self) -> bool:
        """Whether a step multiplies the error by a fixed matrix: gradient descent and Newton's rule."""
        return self.power == 0 or self.kind == "newton"

    @property
    def keeps_directions(self) -> bool:
        """Whether the rule computes singular directions, which `refresh` can keep for some steps."""
        return self.kind == "rsvd" or (self.kind == "spectral" and not self.isotropic)

    @functools.cached_property
    def power(self) -> sp.Expr | None:
        """The α of a power law h = σ^(1−α), or None where the law is not one."""
        if self.law is None:
            return None
        base, exponent = self.law.as_base_exp()
        if self.law == 1:
            return sp.Integer(1)
        return 1 - exponent if base == SIGMA and exponent.is_number else None

    @functools.cached_property
    def vanishing_power(self) -> sp.Expr:
        """The α of h ~ σ^(1−α) as the gradient vanishes: extinction takes finite time where it is positive.

        All singular values and the norm shrink together, as they do at the end of a run. The slope of log h is
        taken far below any number that double precision holds.
        """
        if self.law is None:
            return sp.Integer(0)
        if self.power is not None:
            return self.power
        law = sp.lambdify(SIGMA, self.law.subs({NORM: SIGMA, INDEX: 1}), "mpmath")
        with mpmath.workdps(900):
            high, low = (abs(law(mpmath.mpf(10) ** power)) for power in (-400, -410))
            slope = mpmath.log10(high / low) / 10
        return 1 - sp.nsimplify(round(float(slope), 9), rational=True)

    @property
    def speed(self) -> Callable[..., object]:
        """The law compiled for NumPy arrays: ``speed(σ, n, i)``.

        Raises
        ------
        ArgumentError
            If the rule is not spectral.
        """
        if self.law is None:
            raise ArgumentError("rule", "be a spectral rule", f"is {self.name}")
        return _speed(self.law)


@functools.lru_cache(maxsize=256)
def _speed(law: sp.Expr) -> Callable[..., object]:
    """A law compiled once, whichever rules have it."""
    compiled: Callable[..., object] = sp.lambdify((SIGMA, NORM, INDEX), accurate(law), "numpy", cse=True)
    return compiled


def _check_speed(law: sp.Expr) -> None:
    """Refuse a law whose speed is negative or no number, tried at three singular values."""
    if NORM in law.free_symbols:
        return
    speed = sp.lambdify((SIGMA, INDEX), law, "mpmath")
    for sigma in ("1e-3", "0.1", "1"):
        value = speed(mpmath.mpf(sigma), 1)
        if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value) or value < 0:
            raise ArgumentError("law", "give a speed that is finite and not negative", f"gives {value} at σ = {sigma}")
