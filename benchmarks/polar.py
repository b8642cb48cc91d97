"""Our polar factor beside what a user would call instead, in one run: `python benchmarks/polar.py`.

For the shape of a first-layer gradient, in both precisions: our median time on one BLAS thread, and for each peer the
median of its time by ours. Each repeat times all of them in turn, so that a busy machine slows them alike. Our time
on four threads by that on one comes last.
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
REPEATS = 25


def seconds(function: Callable[[], Any]) -> float:
    """Wall-clock seconds of a call."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def on_threads(count: int, function: Callable[[], Any]) -> float:
    """Seconds of a call on so many BLAS threads."""
    with threadpool_limits(count):
        return seconds(function)


def peers(matrix: Any) -> dict[str, Callable[[], Any]]:
    """What else finds singular directions; scipy's keep single precision, numpy's computes in double."""
    found: dict[str, Callable[[], Any]] = {
        "numpy.linalg.svd": lambda: np.linalg.svd(matrix, full_matrices=False),
        "scipy.linalg.svd": lambda: scipy.linalg.svd(matrix, full_matrices=False),
        "scipy.linalg.polar": lambda: scipy.linalg.polar(matrix),
    }
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(matrix)
        found["torch.linalg.svd"] = lambda: torch.linalg.svd(tensor, full_matrices=False)
    return found


def report(matrix: Any) -> str:
    """Our time, the route, and the ratios for one matrix."""
    calls = {"ours": lambda: polar(matrix), **peers(matrix)}
    with threadpool_limits(1):
        repeats = [{name: seconds(call) for name, call in calls.items()} for _ in range(REPEATS + 1)][1:]
    threads = [on_threads(4, calls["ours"]) / on_threads(1, calls["ours"]) for _ in range(REPEATS)]
    ours = 1e3 * statistics.median(times["ours"] for times in repeats)
    ratios = {name: statistics.median(times[name] / times["ours"] for times in repeats) for name in peers(matrix)}
    ratios["four threads by one"] = statistics.median(threads)
    listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return f"{ours:6.2f} ms by {polar(matrix).route:16s} times ours: {listed}"


def main() -> None:
    """Time each route on spectra of several condition numbers."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((SHAPE[0], SHAPE[0])))[0]
    right = np.linalg.qr(rng.standard_normal((SHAPE[1], SHAPE[0])))[0]
    for kind in (np.float64, np.float32):
        for kappa in (10, 100, 600, 1e4, 1e8):
            matrix = ((left * np.geomspace(1, 1 / kappa, SHAPE[0])) @ right.T).astype(kind)
            print(f"{kind.__name__} condition {kappa:8.0e}: {report(matrix)}", flush=True)


if __name__ == "__main__":
    main()
