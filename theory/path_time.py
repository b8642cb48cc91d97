"""Time along gradient descent's path: ∫ of a clock dt/dτ that is a function of ‖G‖, for errors that decay on their own.

The integrand is a power of a sum of exponentials. Cut at multiples of the fastest and the slowest time scale, nearly
all of its parts are exact to the quadrature at once, and all parts are taken in one call.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Clock = Callable[[Array], Array]

FAR = 300.0  # time constants of the slowest error after which ‖G‖ might underflow, and only a power of it is left
POINTS = 20  # of Gauss and Legendre's rule, on each part
AGREE = 1e-13  # a part is done when its halves agree with it to this part of the integral,
MOST = 10_000  # or so many parts are left that what disagrees is noise


def path_clock(
    pace: Callable[[Array], Array], rates: Sequence[float] | Array, errors: Sequence[float] | Array, power: float = 1.0
) -> Clock:
    """The clock dt/dτ, of an array of times τ, on gradient descent's path from these errors (n,).

    Parameters
    ----------
    pace
        dt/dτ as a function of ‖G‖.
    rates, errors
        Of each direction (n,).
    power
        α, where the pace is σ^α near 0.
    """
    import numpy as np

    gradient = np.multiply(rates, errors)
    moves = gradient != 0
    gradient, decays = gradient[moves], np.asarray(rates, float)[moves]
    slowest = float(min(decays, default=0.0))
    return scaled_clock(pace, lambda tau: gradient * np.exp(-np.multiply.outer(tau, decays - slowest)), slowest, power)


def scaled_clock(
    pace: Callable[[Array], Array], gradients: Callable[[Array], Array], slowest: float, power: float
) -> Clock:
    """The clock dt/dτ, of an array of times τ (…), for gradients that are known without their slowest decay.

    Parameters
    ----------
    pace
        dt/dτ as a function of ‖G‖.
    gradients
        G e^(mτ) (…, n) at τ (…), which stays in range.
    slowest
        m.
    power
        α, where the pace is σ^α near 0.
    """
    import numpy as np

    def clock(tau: Array) -> Array:
        decay = slowest * np.asarray(tau)
        late = np.maximum(decay - FAR, 0.0)
        norm = np.hypot.reduce(gradients(np.asarray(tau)), axis=-1) * np.exp(late - decay)
        return np.where(norm > 0, pace(np.where(norm > 0, norm, 1.0)), 0.0) * np.exp(-power * late)

    return clock


def path_time(clock: Clock, start: float, end: float, rates: tuple[float, float], power: float = 1.0) -> float:
    """∫ of a clock σ^α from `start` to `end`, along a path whose errors decay at the given rates.

    Parameters
    ----------
    clock
        dt/dτ of an array of times τ.
    start, end
        Times τ; of an infinite `end` only e^−45 is left over, integrated by hand.
    rates
        The fastest and the slowest.
    power
        α.
    """
    import numpy as np

    if start == end:
        return 0.0
    rest = 0.0
    if math.isinf(end):
        end = start + 45 / min(power, 1.0) / min(rates)
        rest = float(clock(np.array([end]))[0]) / (power * min(rates))
    cuts = {start, end}
    for rate in rates:
        width = 0.1 / rate
        while width < end - start:
            cuts.add(start + width)
            width *= 2
    return rest + _integral(clock, np.array(sorted(cuts)))


def _integral(function: Clock, edges: Array) -> float:
    """∫ over parts with these edges (n + 1,), each halved until its halves agree with it."""
    import numpy as np

    places, weights = _rule()

    def parts(begins: Array, widths: Array) -> Array:
        values: Array = function(begins[..., None] + widths[..., None] * places) @ weights
        return values * widths

    begins, widths, found = edges[:-1], np.diff(edges), 0.0
    whole = parts(begins, widths)
    while 0 < len(whole) <= MOST:
        widths = widths / 2
        begins = np.stack([begins, begins + widths])
        halves = parts(begins, np.stack([widths, widths]))
        differ = np.abs(halves.sum(axis=0) - whole) > AGREE * (found + halves.sum())
        found += math.fsum(halves[:, ~differ].ravel())
        begins, widths, whole = begins[:, differ].ravel(), np.tile(widths[differ], 2), halves[:, differ].ravel()
    return found + math.fsum(whole)


@functools.cache
def _rule() -> tuple[Array, Array]:
    """Places and weights (POINTS,) of Gauss and Legendre's rule on [0, 1]."""
    import numpy as np

    places, weights = np.polynomial.legendre.leggauss(POINTS)
    return (1 + places) / 2, weights / 2
