"""Exact plateau lengths of the folded model over whole arrays of parameters, in blocks of bounded memory.

The law is that of `theory.plateaus`, S b(x) + F a(x) + C ≥ 0 with C < 0 and b, a decaying; its ends are found by
bisection, all members at once. Steps are bisected as whole numbers, so that the count is the scalar law's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, known
from theory.derivation import VIEWS, Derivation
from theory.members import Members, members
from theory.models import folded_chain
from theory.plateaus import ROUNDING
from theory.rule_ids import rule
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

BLOCK = 1 << 15  # members at once: their temporaries stay in the cache
LAST = 2.0**52  # step count beyond which a whole number is no longer told from the next
HALVINGS = 80  # of an interval, more than a double has digits


@dataclass(frozen=True, eq=False)
class Boundary:
    """f(x) = slow·b(x) + fast·a(x) + constant for every member (n,), with b and a as exp(rate·x).

    `initial` is f(0), without the rounding of the sum.
    """

    slow: Array
    fast: Array
    constant: Array
    slow_rate: Array
    fast_rate: Array
    initial: Array

    def inside(self, x: Array) -> Mask:
        """Whether f ≥ 0 and the slow error has kept its sign, at one x for each member (n,)."""
        import numpy as np

        with np.errstate(invalid="ignore", under="ignore"):
            slow = self.slow * np.where(x == 0, 1.0, np.exp(self.slow_rate * x))
            value = slow + self.fast * np.where(x == 0, 1.0, np.exp(self.fast_rate * x)) + self.constant
        return (slow >= 0) & (np.where(x == 0, self.initial, value) >= 0)

    def peak(self) -> Array:
        """Where f is stationary (n,); NaN where it is not, or before 0."""
        import numpy as np

        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = -self.slow * self.slow_rate / (self.fast * self.fast_rate)
            found = np.log(ratio) / (self.fast_rate - self.slow_rate)
        return np.where(np.isfinite(found) & (found >= 0), found, np.nan)

    def beyond(self) -> Array:
        """An x past which f < 0 for good (n,)."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            ends = [
                np.log(2 * np.abs(part) / -self.constant) / -rate
                for part, rate in ((self.slow, self.slow_rate), (self.fast, self.fast_rate))
            ]
        return np.fmax(np.fmax(ends[0], ends[1]), 0.0)


def plateau_lengths(
    how: Rule | str,
    view: str = "descent",
    *,
    epsilon: Any,
    theta: Any,
    margin: Any = 1.0,
    weight_decay: Any = 0.0,
    start: tuple[Any, Any] = (1.0, 3.0),
    step: Any = 0.1,
) -> Array:
    """Longest run at 100 % test error of the folded model: steps, or flow time.

    Parameters
    ----------
    how
        Gradient descent or Newton's rule, or its id.
    view
        ``descent`` or ``flow``.
    epsilon, theta, margin, weight_decay, step
        Parameters of the model and the step size, numbers or arrays that broadcast together.
    start
        Both weights, likewise.

    Returns
    -------
    Array
        Lengths in the broadcast shape; NaN where a parameter lies outside its domain or the step is not below the
        largest stable one.

    Raises
    ------
    ArgumentError
        For another rule, or a view that is not known.
    """
    found, shape = members(epsilon, theta, margin, weight_decay, start, step)
    return longest_runs(how, view, found).reshape(shape)


def longest_runs(how: Rule | str, view: str, found: Members) -> Array:
    """Longest run at 100 % test error of each member (n,), as in `plateau_lengths`.

    Raises
    ------
    ArgumentError
        If the rule is neither gd nor newton, or there is no such view.
    """
    import numpy as np

    how = rule(how)
    if not how.linear:
        raise ArgumentError("how", "be gd or newton, whose steps are linear", f"is {how.name}")
    chain = folded_chain.derive(how, known("view", view, VIEWS))
    lengths = np.empty(len(found))
    for part, block in found.blocks(BLOCK):
        lengths[part] = _block(chain, view, block)
    return lengths


def _block(chain: Derivation, view: str, block: Members) -> Array:
    import numpy as np

    fine, safe = block.fine, block.made_fine()
    law = safe.laws(chain)
    edge = law("slow"), law("fast"), law("constant")
    rates = law("contraction_slow"), law("contraction_fast")
    if view == "flow":
        lengths = _longest_interval(Boundary(*edge, -rates[0], -rates[1], law("initial")))
    else:
        products = [safe.step * rate for rate in rates]
        lengths = _longest_run(edge, law("initial"), products)
        fine &= np.maximum(*products) < 2
    return np.where(fine, lengths, np.nan)


def _longest_interval(edge: Boundary) -> Array:
    """Length of the interval of x ≥ 0 on which f ≥ 0 (n,)."""
    import numpy as np

    inner = _inner(edge, np.nan_to_num(edge.peak()))
    zero = np.zeros_like(inner)
    there = np.isfinite(inner)
    begin = np.where(edge.inside(zero), 0.0, _between(edge, np.where(there, inner, 0.0), zero))
    length = _between(edge, np.where(there, inner, 0.0), np.maximum(edge.beyond(), inner) + 1) - begin
    lasting = length * -np.minimum(edge.slow_rate, edge.fast_rate) > ROUNDING
    return np.where(there & lasting, length, 0.0)


def _inner(edge: Boundary, *others: Array) -> Array:
    """A point at which f ≥ 0, 0 before the others (n,); NaN where none of them is one."""
    import numpy as np

    found = np.full(len(edge.slow), np.nan)
    for x in (*reversed(others), np.zeros_like(found)):
        found = np.where(edge.inside(x), x, found)
    return found


def _between(edge: Boundary, yes: Array, no: Array) -> Array:
    """The boundary between points inside and outside (n,), to the last digit."""
    import numpy as np

    for _ in range(HALVINGS):
        middle = (yes + no) / 2
        within = edge.inside(middle)
        yes, no = np.where(within, middle, yes), np.where(within, no, middle)
    return yes


def _longest_run(edge: tuple[Array, Array, Array], initial: Array, products: list[Array]) -> Array:
    """Steps of the longest unbroken run (n,); even and odd steps apart where the sign of an error alternates."""
    import numpy as np

    with np.errstate(divide="ignore"):
        slow, fast = (np.where(p < 1, np.log1p(-np.minimum(p, 1)), np.log(np.abs(p - 1))) for p in products)
    plain = (products[0] <= 1) & (products[1] <= 1)
    first, last = _whole_run(Boundary(*edge, slow, fast, initial))
    lengths = np.where(first >= 0, last - first + 1, 0.0)
    if plain.all():
        return lengths
    runs = []
    for parity in (0, 1):
        turned = []
        for part, rate, product in ((edge[0], slow, products[0]), (edge[1], fast, products[1])):
            with np.errstate(invalid="ignore"):
                left = np.exp(rate) if parity else np.ones_like(rate)
            turned.append(part * left * np.where((product > 1) & (parity == 1), -1.0, 1.0))
        start = initial if parity == 0 else sum(turned) + edge[2]
        begin, end = _whole_run(Boundary(turned[0], turned[1], edge[2], 2 * slow, 2 * fast, start))
        runs.append((2 * begin + parity, 2 * end + parity, begin >= 0))
    (a, b, even), (c, d, odd) = runs
    both = np.maximum(1, np.minimum(b, d) - np.maximum(a, c) + 3)
    return np.where(plain, lengths, np.where(even & odd, both, (even | odd).astype(float)))


def _whole_run(edge: Boundary) -> tuple[Array, Array]:
    """First and last whole x ≥ 0 with f ≥ 0 (n,), −1 where there is none."""
    import numpy as np

    peak = np.nan_to_num(edge.peak())
    inner = _inner(edge, np.ones_like(peak), np.floor(peak), np.floor(peak) + 1)
    there = np.isfinite(inner)
    inner = np.where(there, inner, 0.0)
    far = np.minimum(np.ceil(np.maximum(edge.beyond(), inner)) + 1, LAST)
    last = _between_whole(edge, inner, far)
    begin = np.where(edge.inside(np.zeros_like(inner)), 0.0, _between_whole(edge, inner, np.zeros_like(inner)))
    return np.where(there, begin, -1.0), np.where(there, last, -1.0)


def _between_whole(edge: Boundary, yes: Array, no: Array) -> Array:
    """The last whole number inside on the way from one inside to one outside (n,)."""
    import numpy as np

    while (np.abs(yes - no) > 1).any():
        middle = np.where(np.abs(yes - no) > 1, np.floor((yes + no) / 2), yes)
        within = edge.inside(middle)
        yes, no = np.where(within, middle, yes), np.where(within, no, middle)
    return yes
