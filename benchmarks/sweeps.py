"""Sweeps: a million spectra in closed form, ten thousand simulated, and the same over more workers.

`python benchmarks/sweeps.py` prints time, memory and steps in one run; what is written goes to a temporary directory.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from simulations.sweep_runs import Outcome, run_sweep
from simulations.sweep_store import open_sweep
from simulations.sweeps import Sweep, sweep
from theory.plateaus import LONGEST_RUN

SPECTRA, SIMULATED, SCALED = 1_000_000, 10_000, 32_768
RANGE = {"epsilon": "1e-4:1e-1:log"}
WORKERS = (1, 2, 4)


def timed(what: Sweep, path: Path, workers: int) -> tuple[float, float, Outcome]:
    """Wall-clock and processor seconds of a run into a new store, those of its workers and their start included."""
    begun, used = time.perf_counter(), processor()
    outcome = run_sweep(what, path, version="benchmark", workers=workers)
    return time.perf_counter() - begun, processor() - used, outcome


def processor() -> float:
    """Processor seconds of this process and of those that it started and that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


def closed_form(folder: Path) -> None:
    """A million spectra on one core; the peak is that of the process, libraries included."""
    grid = {"epsilon": f"1e-4:1e-1:{SPECTRA}:log"}
    seconds, used, _ = timed(sweep("folded", grid, ["gd"], measure=False), folder / "closed", 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{SPECTRA:,} spectra in closed form, one core, written: {seconds:.1f} s, peak {peak:.0f} MB")
    print(f"  {used:.1f} s of processor")


def simulated(folder: Path) -> None:
    """Ten thousand spectra, every step taken, on two cores."""
    what = sweep("folded", RANGE, ["gd", "egd"], design="random", points=SIMULATED)
    seconds, used, outcome = timed(what, folder / "simulated", 2)
    with open_sweep(folder / "simulated") as found:
        gd = found.sel(rule="gd", definition=LONGEST_RUN).load()
        unknown = found.censored.sel(definition=LONGEST_RUN).sum("point").values.ravel()
    wrong = int(np.sum(gd.measured.values != gd.predicted.values))
    print(f"{SIMULATED:,} simulated (gd and egd), two workers: {seconds:.1f} s, {outcome.evaluations:,} steps")
    print(f"  {used:.1f} s of processor, half of that on each core where they are free")
    print(f"  gd: {wrong} measured plateaus differ from the predicted; censored plateaus (gd, egd): {unknown.tolist()}")


def scaling(folder: Path) -> None:
    """The same sweep over more workers; on a busy machine the processor time alone says what more of them cost."""
    what = sweep("folded", RANGE, ["gd", "egd"], design="random", points=SCALED, block=512)
    single = 0.0
    for workers in WORKERS:
        seconds, used, _ = timed(what, folder / f"scaling {workers}", workers)
        single = single or seconds
        print(
            f"{SCALED:,} simulated, {workers} workers: {seconds:.1f} s, {single / seconds:.2f} times one; "
            f"{used:.1f} s of processor"
        )


def main() -> None:
    """Time all three."""
    with tempfile.TemporaryDirectory() as folder:
        for part in (closed_form, simulated, scaling):
            part(Path(folder))


if __name__ == "__main__":
    main()
