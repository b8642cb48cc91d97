"""Our polar factor beside what a user would call instead, in one run: `python benchmarks/polar.py`.

Prints the median time of each on one BLAS thread and its ratio to ours, for the shape of a first-layer gradient.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from simulations.polar import polar

SHAPE = 194, 512
REPEATS = 15


def median(function: Callable[[], Any]) -> float:
    """Median wall-clock seconds of a call, after one that does not count."""
    function()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Time each route on spectra of several condition numbers."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((SHAPE[0], SHAPE[0])))[0]
    right = np.linalg.qr(rng.standard_normal((SHAPE[1], SHAPE[0])))[0]
    with threadpool_limits(1):
        for kappa in (10, 100, 600, 1e4, 1e8):
            matrix = (left * np.geomspace(1, 1 / kappa, SHAPE[0])) @ right.T
            ours = median(lambda m=matrix: polar(m))
            peers: dict[str, Callable[[], Any]] = {
                "numpy.linalg.svd": lambda m=matrix: np.linalg.svd(m, full_matrices=False),
                "scipy.linalg.polar": lambda m=matrix: scipy.linalg.polar(m),
            }
            if importlib.util.find_spec("torch"):
                import torch

                tensor = torch.from_numpy(matrix)
                peers["torch.linalg.svd"] = lambda t=tensor: torch.linalg.svd(t, full_matrices=False)
            ratios = ", ".join(f"{name} {median(peer) / ours:.2f}" for name, peer in peers.items())
            print(f"condition {kappa:8.0e}: {1e3 * ours:6.2f} ms by {polar(matrix).route:16s} times ours: {ratios}")


if __name__ == "__main__":
    main()
