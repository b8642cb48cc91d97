"""What rules that stand in for EGD do to singular values, and to the plateau."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.directions import direction
from simulations.flow import can_flow, flow
from simulations.spectra import spectrum
from theory.checks import positive
from theory.models.regression import Regression
from theory.rules import Rule

Array = NDArray[np.float64]
LONGEST = 6.0  # flow time of a run in steps


def measured_speeds(how: Rule, values: Array, seed: int = 0) -> Array:
    """The speed uᵢᵀ D vᵢ that a rule gives to each singular value of a gradient with random directions.

    Parameters
    ----------
    how
        Any rule but Newton's.
    values
        Singular values of the gradient (n,), which is square.
    seed
        Of its directions, and of rules that draw at random.
    """
    rng = np.random.default_rng(seed)
    left, right = (np.linalg.qr(rng.standard_normal((len(values), len(values))))[0] for _ in range(2))
    way, _ = direction(how, seed=seed)((left * values) @ right.T, None)
    return np.einsum("ij,ik,kj->j", left, way, right)


def measured_arrivals(how: Rule, condition: float, count: int, *, threshold: float = 1e-2, step: float = 2e-3) -> Array:
    """Flow time at which each direction of a geometric spectrum arrives (count,), NaN where it does not.

    Rules that have a flow are integrated; others take steps, and the time is step count × η.

    Parameters
    ----------
    how
        Any rule.
    condition, count
        Condition number of the spectrum, whose largest eigenvalue is 1, and number of directions.
    threshold
        An arrival is |e| ≤ threshold·|e₀|, with |e₀| = 1.
    step
        Step size η; steps are taken to the time 6.
    """
    model = Regression.from_spectrum(spectrum("geometric", condition, count))
    if can_flow(how):
        return flow(model, how, threshold=threshold).arrivals
    most = round(LONGEST / positive("step", step))
    return np.asarray(step * descend(model, how, step, threshold=threshold, max_steps=most).arrivals)
