"""Whole-process times of the command line, median of five: `python benchmarks/startup.py`."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy, sympy, scipy.integrate": ["-c", "import numpy, sympy, scipy.integrate"],
    "evenflow --help": ["-m", "evenflow", "--help"],
    "evenflow compare": ["-m", "evenflow", "compare"],
    "evenflow compare regression --data digits": [
        "-m",
        "evenflow",
        "compare",
        "regression",
        "--data",
        "digits",
    ],
}


def seconds(arguments: list[str]) -> float:
    """Wall-clock time of one process."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print the median of five runs of each command, and its ratio to the bare imports."""
    medians = {}
    for name, arguments in COMMANDS.items():
        medians[name] = statistics.median(seconds(arguments) for _ in range(5))
    base = medians["import numpy, sympy, scipy.integrate"]
    for name, value in medians.items():
        print(f"{name:45s} {value:7.2f} s   {value / base:6.2f} × the imports")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
