"""Four million plateau lengths from the derivation beside the expression a user would type: time and memory.

`python benchmarks/closed_form.py` prints both in one run, on grids of ε and of the start.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory.grids import plateau_lengths
from theory.models import folded, folded_chain
from theory.rule_ids import rule

Array = NDArray[np.float64]
POINTS, REPEATS = 4_000_000, 7
THETA, MARGIN, STEP = 0.8, 1.0, 0.1


def typed(epsilon: Array, start: Array) -> Array:
    """The same law, typed in with the moments as numbers."""
    first, second = 1.525135276160981, 2.525135276160981
    return np.log(start * second / (first * np.tan(THETA))) / -np.log1p(-STEP * epsilon)


def median(function: Callable[[], Array]) -> float:
    """Median wall-clock seconds of a call, after one that does not count."""
    function()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def peak(function: Callable[[], Array]) -> float:
    """Most memory a call holds, in copies of the grid."""
    tracemalloc.start()
    function()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / (8 * POINTS)


def main() -> None:
    """Time and weigh both."""
    epsilon = np.geomspace(1e-4, 1e-1, POINTS)
    start = np.geomspace(2, 100, POINTS)[::-1].copy()
    symbols = (
        folded.EPSILON,
        folded.THETA,
        folded.MARGIN,
        folded.DECAY,
        folded.U1,
        folded.U2,
        folded.ETA,
    )
    law = folded_chain.derive(rule("gd"), "descent").function("leading", symbols)

    def derived() -> Array:
        return law(epsilon, THETA, MARGIN, 0.0, 1.0, start, STEP)

    def bare() -> Array:
        return typed(epsilon, start)

    error = float(np.abs(derived() / bare() - 1).max())
    ours, theirs = median(derived), median(bare)
    print(f"{POINTS:,} plateau lengths: derived {1e3 * ours:.0f} ms, typed {1e3 * theirs:.0f} ms, {ours / theirs:.2f}")
    begun = time.perf_counter()
    plateau_lengths("gd", epsilon=epsilon[::4], theta=THETA, start=(1.0, start[::4]), step=STEP)
    print(f"{POINTS // 4:,} exact step counts: {time.perf_counter() - begun:.1f} s")
    print(f"memory in copies of the grid: derived {peak(derived):.2f}, typed {peak(bare):.2f}; differ by {error:.0e}")


if __name__ == "__main__":
    main()
