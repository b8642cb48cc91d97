"""The power laws h(σ) = σ^(1−α) as one rule whose α is a symbol, so that a chain is derived once for all of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import sympy as sp

from theory.rules import SIGMA, Rule

ALPHA = sp.Symbol("alpha", positive=True)


@dataclass(frozen=True)
class PowerFamily(Rule):
    """A rule to derive from, not to run: its speed has no number until α has one.

    α = 0, gradient descent, is a limit of the family and has chains of its own.

    Examples
    --------
    >>> from theory.models import regression, regression_chain
    >>> regression_chain.derive(POWERS).laws["extinction"]
    e_0**alpha*lambda_i**(alpha - 1)/alpha
    """

    def _check_law(self) -> None:
        """Nothing: α is free."""

    @property
    def elementwise(self) -> bool:
        """True: α is the same for each singular value."""
        return True

    @functools.cached_property
    def power(self) -> sp.Expr:
        """The symbol α."""
        return ALPHA

    @functools.cached_property
    def isotropic(self) -> bool:
        """False: at α = 0 alone all singular values are scaled alike."""
        return False


POWERS = PowerFamily("power:α", SIGMA ** (1 - ALPHA))
