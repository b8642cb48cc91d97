"""How much of a random direction falls on its best group of coordinates: what any alignment has to be held against.

A direction drawn evenly from the sphere in d dimensions is a normal vector divided by its length. Its length is
independent of it, so that the expected share of the best group is E max / d, with the maximum over groups of squared
lengths, independent and χ² distributed. For groups of two and of four dimensions, χ²/2 has the tails exp(−x) and
(1 + x) exp(−x), and E max/2 = ∫ 1 − (1 − (1 + x) exp(−x))ⁿ (1 − exp(−x))ᵐ dx over x > 0, an exact sum.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial


def best_share(quadruples: int, pairs: int, dimension: int) -> Fraction:
    """The expected share |P u|² of the best group, of a random direction u.

    Parameters
    ----------
    quadruples, pairs
        Numbers of groups of four and of two dimensions.
    dimension
        That of the space; what is in no group is lost.

    Examples
    --------
    >>> best_share(1, 0, 10), best_share(0, 2, 4)
    (Fraction(2, 5), Fraction(3, 4))
    """
    total = Fraction(0)
    for many in range(quadruples + 1):
        for few in range(pairs + 1):
            if many + few:
                sign = (-1) ** (many + few + 1)
                total += sign * comb(quadruples, many) * comb(pairs, few) * _integral(many, many + few)
    return 2 * total / dimension


def _integral(power: int, rate: int) -> Fraction:
    """∫ (1 + x)^power exp(−rate x) dx over x > 0."""
    return sum(
        (Fraction(comb(power, index) * factorial(index), rate ** (index + 1)) for index in range(power + 1)),
        Fraction(0),
    )
