"""The energy balance of a flow: what the loss has lost, beside the integral of what the flow dissipates.

Along dW/dt = −D(G) the loss obeys dL/dt = −⟨G, D(G)⟩, for EGD the nuclear norm of G. The integral is taken by
Gauss–Legendre quadrature over each piece of the path, with the gradient and the direction of the discrete steps,
at the full weights: nothing of the solver's state, basis or clock enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from simulations.directions import direction
from simulations.flow import flow
from simulations.flow_record import Path
from simulations.population import population
from simulations.trajectory import Trajectory
from theory.checks import ArgumentError
from theory.models.linear import LinearModel
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
ORDER = 16  # nodes of each piece: the solvers interpolate by polynomials of degree 12 at most
NODES, WEIGHTS = legendre.leggauss(ORDER)
_BASIS = legendre.legvander(NODES, ORDER - 1)
_SLOPES = np.stack([legendre.legval(NODES, legendre.legder(row)) for row in np.eye(ORDER)], axis=-1)
SLOPE = _SLOPES @ np.linalg.inv(_BASIS)  # values at the nodes ↦ derivative at the nodes


@dataclass(frozen=True, eq=False)
class EnergyBalance:
    """Loss and dissipation at the ends of the pieces of one flow.

    Parameters
    ----------
    times
        Flow times (N,), the start first.
    losses
        Training loss above its minimum at these times (N,).
    dissipated
        ∫ ⟨G, D(G)⟩ dt from the start to these times (N,).
    trajectory
        The flow itself, with its ranks and restarts.
    """

    times: Array
    losses: Array
    dissipated: Array
    trajectory: Trajectory

    @property
    def defect(self) -> float:
        """The largest |L(0) − L(t) − dissipated| as a part of L(0)."""
        gap = np.abs(self.losses[0] - self.losses - self.dissipated).max()
        return float(gap / self.losses[0]) if self.losses[0] > 0 else float(gap)


def energy_balance(model: LinearModel, how: Rule | str, start: Array | None = None, **options: Any) -> EnergyBalance:
    """Integrate a flow and, beside it, the energy that it dissipates.

    Parameters
    ----------
    model, how, start
        As in `flow`: what is trained, the rule, and the weights (c, d) to start from.
    **options
        Further arguments of `flow`.

    Raises
    ------
    ArgumentError
        As `flow` does, and for a rule whose dissipation σ h(σ) does not vanish with σ: rounding would count as motion.
    """
    how = rule(how)
    if how.vanishing_power >= 2:
        raise ArgumentError("rule", "dissipate nothing where a singular value vanishes", f"is {how.name}")
    pieces = _Pieces(model, how)
    run = flow(model, how, start, observe=pieces, **options)
    return EnergyBalance(
        np.array([0.0, *pieces.times]),
        np.array([run.train_error[0], *pieces.losses]),
        np.cumsum([0.0, *pieces.dissipated]),
        run,
    )


class _Pieces:
    """Collects the energy of each piece while the flow goes on."""

    def __init__(self, model: LinearModel, how: Rule) -> None:
        self.numbers = population(model)
        self.direction = direction(how, self.numbers.curvature)
        self.times: list[float] = []
        self.losses: list[float] = []
        self.dissipated: list[float] = []

    def __call__(self, path: Path) -> None:
        points = [path((1 + float(x)) / 2) for x in NODES]
        times, weights = np.array([time for time, _ in points]), np.array([at for _, at in points])
        gradients = self.numbers.gradient(weights)
        ways, _ = self.direction(gradients, None)
        rates = np.einsum("nij,nij->n", gradients, ways)
        end, last = path(1.0)
        self.times.append(end)
        self.losses.append(float(self.numbers.train_error(last)))
        self.dissipated.append(float(WEIGHTS @ (rates * (SLOPE @ (times - times[0])))))
