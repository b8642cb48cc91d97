"""A claim: one statement under test, as printed and as derived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from theory.derivation import Step, compiled

SOURCE = "arXiv:2510.04930v3"


@dataclass(frozen=True)
class Claim:
    """One statement of the paper.

    Parameters
    ----------
    id
        Its id, such as ``F4``.
    source
        Where it stands: theorem, equation or section.
    statement
        What is claimed, in LaTeX: the formula as printed, the wording ours.
    domain
        Where it is claimed to hold, in words.
    assumptions
        What it takes for granted, in words.
    printed
        Its laws as printed, by name.
    derived
        The laws that this product derives in their place, by the same names; where one is missing the derivation
        agrees with what is printed.
    corrected
        What holds instead, in LaTeX; empty where the statement is right as printed, or nothing was found to hold.
    given
        Symbols that the source defines; any other in a printed law leaves the claim undetermined.
    proofs
        Identities on which it rests, with residuals that SymPy checks.
    """

    id: str
    source: str
    statement: str
    domain: str
    assumptions: str = ""
    printed: dict[str, sp.Expr] = field(default_factory=dict)
    derived: dict[str, sp.Expr] = field(default_factory=dict)
    corrected: str = ""
    given: frozenset[sp.Symbol] = frozenset()
    proofs: tuple[Step, ...] = ()

    @property
    def undefined(self) -> tuple[str, ...]:
        """Symbols in the printed laws that the source does not define."""
        used = set().union(*(law.free_symbols for law in self.printed.values()))
        return tuple(sorted(str(symbol) for symbol in used - self.given))

    @property
    def proven(self) -> bool:
        """Whether SymPy confirms every identity."""
        return all(step.holds for step in self.proofs)

    def claims(self, law: str, symbols: Sequence[sp.Symbol]) -> Callable[..., Any]:
        """A law as printed, as a function of NumPy arrays."""
        return compiled(self.printed[law], tuple(symbols))

    def predicts(self, law: str, symbols: Sequence[sp.Symbol]) -> Callable[..., Any]:
        """A law as derived, as a function of NumPy arrays."""
        return compiled(self.derived.get(law, self.printed.get(law)), tuple(symbols))

    def with_printed(self, **laws: sp.Expr) -> Claim:
        """The same claim with other laws in place of the printed ones."""
        return replace(self, printed={**self.printed, **laws})

    def with_derived(self, **laws: sp.Expr) -> Claim:
        """The same claim with other laws in place of the derived ones."""
        return replace(self, derived={**self.derived, **laws})
