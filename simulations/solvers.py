"""Steps of SciPy's solvers, whose trouble is told in one way."""

from __future__ import annotations

import warnings

from scipy.integrate import OdeSolver


def advance(solver: OdeSolver) -> str | None:
    """Take a step; what went wrong is in the solver's status, and is warned of by nobody else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lsoda", UserWarning)
        message: str | None = solver.step()
    return message
