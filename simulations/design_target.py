"""What a design is to have: a plateau of some length, or a ratio of two."""

from __future__ import annotations

from dataclasses import dataclass

from theory.rules import Rule

Lengths = list[float | None]  # of the rule, and of the one that divides it
CLOSE = 1e-6  # relative difference from a wanted flow time or ratio


@dataclass(frozen=True)
class Target:
    """What is wanted: the length of one rule, or the ratio of those of two.

    Parameters
    ----------
    name
        Of the argument that asks for it, ``plateau`` or ``ratio``.
    wanted
        Steps of a descent, flow time, or a ratio.
    view
        ``descent`` or ``flow``.
    rules
        The rule whose plateau is meant, and the one that divides it.
    """

    name: str
    wanted: float
    view: str
    rules: list[Rule]

    @property
    def unit(self) -> str:
        """``steps``, ``time`` or ``ratio``."""
        return "ratio" if len(self.rules) > 1 else "steps" if self.view == "descent" else "time"

    def value(self, lengths: Lengths) -> float | None:
        """The length or ratio; None where a length is not known or divides by zero."""
        if None in lengths or lengths[1:] == [0]:
            return None
        one, *others = [length for length in lengths if length is not None]
        return one / others[0] if others else one

    def met(self, lengths: Lengths) -> bool:
        """Whether the first length is within one step of what the target asks of it; times closely."""
        found = self.value(lengths)
        if found is None:
            return False
        if self.view == "flow":
            return abs(found - self.wanted) <= CLOSE * self.wanted
        one, other = lengths[0], 1.0 if len(lengths) == 1 else lengths[1]
        return one is not None and other is not None and abs(one - self.wanted * other) <= 1.0
