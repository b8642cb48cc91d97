"""Moments of one sample, up to the fourth: all that the noise of minibatches depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

from theory import folded_noise
from theory.checks import ArgumentError
from theory.contractions import DECAY
from theory.geometry import EPSILON
from theory.models.folded import M1, M2, MARGIN, Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampleLaw:
    """Moments of one sample z = (x, r), with r = W*x − y its residual at the minimiser.

    Parameters
    ----------
    joint
        Γ = E x zᵀ (d, d + c).
    fourth
        Maps Q (d + c, d + c) to E (zᵀQz) xxᵀ (d, d).
    """

    joint: Array
    fourth: Callable[[Array], Array]

    def spread(self, weighting: Array) -> Array:
        """Covariance of one sample's gradient (d, d), E (zᵀQz) xxᵀ − ΓQΓᵀ, summed over outputs."""
        return self.fourth(weighting) - self.joint @ weighting @ self.joint.T


@singledispatch
def sample_law(model: LinearModel) -> SampleLaw:
    """The moments of one sample of a model.

    Raises
    ------
    ArgumentError
        For a model whose samples are not known.
    """
    raise ArgumentError("model", "be `folded` or a `regression`, whose samples are known", f"is {model.name}")


@sample_law.register
def _(model: Folded) -> SampleLaw:
    import numpy as np

    covariance, cross = model.moments()
    law = folded_noise.derive().function("fourth", (EPSILON, MARGIN, DECAY, M1, M2))
    table = law(model.epsilon, model.margin, model.weight_decay, cross[0, 0], covariance[0, 0])
    table = np.reshape(table, (3, 3, 2, 2))
    joint = np.hstack([covariance, -model.weight_decay * model.minimiser.T])
    return SampleLaw(joint, lambda weighting: np.tensordot(weighting, table))


@sample_law.register
def _(model: Regression) -> SampleLaw:
    return _gaussian(model) if model.samples is None else _empirical(model, *model.samples)


def _gaussian(model: Regression) -> SampleLaw:
    """Isserlis' theorem (key ``isserlis1918``), for x of covariance Σ and r = (W* − W₀)x − noise."""
    import numpy as np

    covariance, shift = model.covariance, model.minimiser - model.target
    both = np.vstack([np.eye(len(covariance)), shift])  # z = both·x, and noise on r
    full = both @ covariance @ both.T
    full[len(covariance) :, len(covariance) :] += model.label_noise * np.eye(len(shift))
    joint = full[: len(covariance)]

    def fourth(weighting: Array) -> Array:
        return (weighting * full).sum() * covariance + 2 * joint @ weighting @ joint.T

    return SampleLaw(joint, fourth)


def _empirical(model: Regression, inputs: Array, outputs: Array) -> SampleLaw:
    import numpy as np

    joined = np.hstack([inputs, inputs @ model.minimiser.T - outputs])
    joint = inputs.T @ joined / len(inputs)

    def fourth(weighting: Array) -> Array:
        sizes = ((joined @ weighting) * joined).sum(axis=1)
        return (inputs.T * sizes) @ inputs / len(inputs)

    return SampleLaw(joint, fourth)
