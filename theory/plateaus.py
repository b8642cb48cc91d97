"""Plateau laws: definitions, and lengths from derived expressions without a loop over steps.

The test error is 100 % while f = A·b(t) + B·a(t) + C ≥ 0 on every edge, where b and a are what is left of the slow
and the fast error; the folded model has one edge, and A·b(t) ≥ 0 beside it, the wedge has two. In a flow both are
decaying exponentials; in steps they are powers of 1 − ηλ, which may be negative, so that even and odd steps are two
such sums. A sum of two exponentials and a constant has at most one stationary point and two zeros; with C < 0 the
set f ≥ 0 is one interval, and bisection from the stationary point finds its ends to the last digit.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from theory.checks import ArgumentError, plain

LONGEST_RUN = "longest run at 100 % test error"
LEADING_ORDER = "longest run at 100 % test error, fast direction at rest"
ALTERNATING = "longest run at 100 % test error, fast direction alternating"
TWO_ORDERS = "longest run at 100 % test error, two orders in √ε"
FIRST_BELOW = "first step below 100 % test error"
FIRST_BELOW_GAUSSIAN = f"{FIRST_BELOW}, Gaussian approximation of the noise"
LEFT_FOR_GOOD = "100 % test error left for good"
ARRIVAL_SPREAD = "fastest to slowest arrival"
FIRST_DEPARTURE = "first departure from the initial test error"
CROSSING = "test error at 5 % of its initial level"
LAG = "train-to-test lag at 5 %"
EXACT, ASYMPTOTIC = "exact", "asymptotic"  # what a predicted length is
ROUNDING = 16 * sys.float_info.epsilon  # of an arrival, or of the shortest time constant, that may be rounding alone
EARLY = 0.5  # part of the fast error's time constant up to which the boundary function is reckoned from its start


Place = TypeVar("Place", int, float)


@dataclass(frozen=True)
class Contraction:
    """What is left of an error after x steps or after time x: sign(x)·exp(rate·x).

    Parameters
    ----------
    rate
        log|1 − ηλ| per step, or −λ per unit of time; −∞ where one step removes the error.
    alternates
        Whether each step changes the sign.
    """

    rate: float
    alternates: bool = False

    @classmethod
    def of_step(cls, product: float) -> Contraction:
        """One step with ηλ = `product`."""
        if product == 1:
            return cls(-math.inf)
        rate = math.log1p(-product) if product < 1 else math.log(product - 1) if product != 2 else 0.0
        return cls(rate, product > 1)

    def change(self, x: float) -> float:
        """What is left at x less what was there, without the rounding of the difference where nothing alternates."""
        return self(x) - 1 if self.alternates or self.rate == -math.inf else math.expm1(self.rate * x)

    def __call__(self, x: float) -> float:
        """What is left at x, with its sign."""
        size = 1.0 if x == 0 else math.exp(self.rate * x) if self.rate > -math.inf else 0.0
        return -size if self.alternates and int(x) % 2 else size


@dataclass(frozen=True)
class Edge:
    """The boundary function f(x) = slow·b(x) + fast·a(x) + constant, negative at last.

    Parameters
    ----------
    slow, fast, constant
        The coefficients A, B and C.
    b, a
        What is left of the slow and the fast error.
    initial
        f(0), without the rounding of the sum.
    slow_positive
        Whether the whole test set is misclassified only where slow·b(x) is not negative either.

    Raises
    ------
    ArgumentError
        If the constant is not negative, or b or a does not decay: f might never turn negative.
    """

    slow: float
    fast: float
    constant: float
    b: Contraction
    a: Contraction
    initial: float | None = None
    slow_positive: bool = True

    def __post_init__(self) -> None:
        if not self.constant < 0:
            raise ArgumentError("constant", "be negative", f"is {plain(self.constant)}")
        for name, part in (("b", self.b), ("a", self.a)):
            if not part.rate < 0:
                raise ArgumentError(name, "decay, with a negative rate", f"has the rate {plain(part.rate)}")

    def inside(self, x: float) -> bool:
        """Whether the whole test set is misclassified at x."""
        return (not self.slow_positive or self.slow * self.b(x) >= 0) and self.value(x) >= 0

    def value(self, x: float) -> float:
        """f(x), early on from f(0), since the sum of large parts would be rounded there."""
        if self.initial is not None and (x == 0 or x * max(-self.b.rate, -self.a.rate) < EARLY):
            return self.initial + self.slow * self.b.change(x) + self.fast * self.a.change(x)
        return self.slow * self.b(x) + self.fast * self.a(x) + self.constant

    def stationary(self, parity: int = 0) -> float | None:
        """Where f has its one stationary point, taken along steps of one parity; None without one."""
        rates = self.b.rate, self.a.rate
        if math.inf in map(abs, rates) or 0 in rates or rates[0] == rates[1]:
            return None
        slow = -self.slow if parity and self.b.alternates else self.slow
        fast = -self.fast if parity and self.a.alternates else self.fast
        if slow == 0 or fast == 0 or (ratio := -slow * rates[0] / (fast * rates[1])) <= 0:
            return None
        return math.log(ratio) / (rates[1] - rates[0])


def spread(arrivals: Sequence[float]) -> float:
    """From the fastest to the slowest of some arrivals, none infinite; 0 where only rounding tells them apart.

    Examples
    --------
    >>> spread([1.0, 3.0, 2.5]), spread([3 * 0.1, 0.3])
    (2.0, 0.0)
    """
    first, last = min(arrivals), max(arrivals)
    return 0.0 if math.isclose(first, last, rel_tol=ROUNDING) else last - first


def longest_interval(*edges: Edge) -> tuple[float, float] | None:
    """The interval of x ≥ 0 on which f ≥ 0 on every edge; None where there is none."""
    return _common([_interval(edge) for edge in edges])


def _interval(edge: Edge) -> tuple[float, float] | None:
    """The interval of x ≥ 0 on which one edge has f ≥ 0."""
    peak = edge.stationary()
    inner = next((x for x in (0.0, peak) if x is not None and x >= 0 and edge.inside(x)), None)
    if inner is None:
        return None
    outer = max(1.0, 2 * inner)
    while edge.inside(outer):
        outer *= 2
    return (0.0 if edge.inside(0.0) else _cross(edge.inside, inner, 0.0)), _cross(edge.inside, inner, outer)


def _cross(inside: Callable[[float], bool], yes: float, no: float) -> float:
    """The boundary between a point inside and one outside, to the last digit."""
    while True:
        middle = (yes + no) / 2
        if middle in (yes, no):
            return yes
        yes, no = (middle, no) if inside(middle) else (yes, middle)


def longest_run(*edges: Edge) -> int:
    """Length of the longest unbroken run of steps k ≥ 0 with f ≥ 0 on every edge, from the runs of each parity."""
    runs = [_common([_parity_run(edge, parity) for edge in edges]) for parity in (0, 1)]
    found = [run for run in runs if run is not None]
    if len(found) < 2:
        return len(found)
    (first, last), (start, end) = found
    return max(1, min(last, end) - max(first, start) + 3)


def _common(spans: list[tuple[Place, Place] | None]) -> tuple[Place, Place] | None:
    """What several spans share, of time or of steps of one parity."""
    found = [span for span in spans if span is not None]
    if len(found) < len(spans):
        return None
    first, last = max(a for a, _ in found), min(b for _, b in found)
    return (first, last) if first <= last else None


def _parity_run(edge: Edge, parity: int) -> tuple[int, int] | None:
    """First and last step of one parity with f ≥ 0; they are unbroken within the parity."""
    peak = edge.stationary(parity)
    near = [] if peak is None or peak < 0 else [int((peak - parity) // 2) + i for i in (0, 1)]
    inner = next((j for j in (0, 1, *near) if j >= 0 and edge.inside(2 * j + parity)), None)
    if inner is None:
        return None
    outer = inner + 1
    while edge.inside(2 * outer + parity):
        outer *= 2
    first = 0 if edge.inside(parity) else _cross_whole(edge, parity, inner, 0)
    return 2 * first + parity, 2 * _cross_whole(edge, parity, inner, outer) + parity


def _cross_whole(edge: Edge, parity: int, yes: int, no: int) -> int:
    while abs(yes - no) > 1:
        middle = (yes + no) // 2
        yes, no = (middle, no) if edge.inside(2 * middle + parity) else (yes, middle)
    return yes
