"""When minibatch gradient descent first leaves the folded model's plateau: an approximation, labelled as one.

The weights are taken as Gaussian, with their exact mean and covariance at every step. The slow direction forgets its
noise over 1/(ηλ₂) steps, the fast one over 1/(ηλ₁): where λ₁ ≫ λ₂ a run crosses the boundary with its slow deviation
all but frozen, while the fast one flickers. So each run keeps one quantile of the slow deviation, and its chance to
stay inside is the product over steps of that of the fast deviation to be inside given that it was one step before.
The step at which half of the runs are inside is the plateau's end without noise, as a Gaussian is symmetric; the first
departure comes earlier, because one excursion ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import whole
from theory.derivation import compiled
from theory.geometry import THETA, W1, W2
from theory.minibatch import expect
from theory.models import folded
from theory.models.folded import Folded
from theory.plateaus import ASYMPTOTIC, FIRST_BELOW_GAUSSIAN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

QUANTILES = 100  # of the slow deviation
TINY = 1e-150  # in place of a deviation that is zero


@dataclass(frozen=True, eq=False)
class Departure:
    """How likely a run on minibatches is at 100 % test error.

    Parameters
    ----------
    whole
        Probability of 100 % test error at step k (T,), for k = 0 … T − 1.
    survival
        Probability of 100 % test error at every step up to k (T,).
    definition, kind
        What is predicted, and that it is ``asymptotic``: meant for small noise and a slow direction far slower.
    """

    whole: Array
    survival: Array
    definition: str = FIRST_BELOW_GAUSSIAN
    kind: str = ASYMPTOTIC

    def quantile(self, level: float) -> float:
        """The first step by which a share `level` of the runs has left; infinite if it is beyond the last one."""
        import numpy as np

        left = self.survival <= 1 - level
        return float(np.argmax(left)) if left[-1] else float("inf")

    @property
    def median(self) -> float:
        """The first step by which half of the runs have left."""
        return self.quantile(0.5)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval that holds the central share `level` of the first departures."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)


def predict_departure(model: Folded, step: float, batch: int, start: Any = None, *, count: int) -> Departure:
    """Predict the first step below 100 % test error of gradient descent on minibatches.

    Parameters
    ----------
    model
        The folded model.
    step
        Step size η.
    batch
        Samples in a minibatch, drawn fresh.
    start
        Weights (1, 2) or (2,); the model's own start if left out.
    count
        Steps to predict.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    found = expect(model, "gd", step, batch, start, steps=np.arange(whole("count", count) + 1))
    normal = [float(compiled(sp.diff(folded.boundary(), w), (THETA,))(model.theta)) for w in (W1, W2)]
    deviation = np.sqrt(np.maximum(np.diagonal(found.covariance, axis1=1, axis2=2), 0.0))
    fast = np.maximum(abs(normal[0]) * deviation[:, 0], TINY)
    memory = (1 - step * model.curvature[0, 0]) * fast[:-1] / fast[1:]
    inside, survival = np.zeros(count + 1), np.zeros(count + 1)
    for quantile in ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES):
        slow = found.mean[:, 0, 1] + quantile * deviation[:, 1]
        reach = (normal[0] * found.mean[:, 0, 0] + normal[1] * slow) / fast
        here = ndtr(reach) * (slow >= 0)
        here[0] = reach[0] >= 0 and slow[0] >= 0  # the start is known
        both = _both_below(reach[:-1], reach[1:], memory) * (slow[1:] >= 0)
        kept = np.divide(both, here[:-1], out=np.zeros_like(both), where=here[:-1] > 0)
        inside += here
        survival += here[0] * np.concatenate([[1.0], np.cumprod(np.minimum(kept, 1.0))])
    return Departure(inside / QUANTILES, survival / QUANTILES)


def _both_below(a: Array, b: Array, correlation: Array) -> Array:
    """P(X ≤ a, Y ≤ b) of standard Gaussians with this correlation, by Owen's T function (key ``owen1956``)."""
    import numpy as np
    from scipy.special import ndtr, owens_t

    a, b = (np.where(np.abs(x) < TINY, TINY, x) for x in (a, b))
    rest = np.sqrt((1 - correlation) * (1 + correlation))
    first, second = (y - correlation * x for x, y in ((a, b), (b, a)))
    both: Array = (ndtr(a) + ndtr(b)) / 2 - owens_t(a, first / (a * rest)) - owens_t(b, second / (b * rest))
    return both - np.where((a < 0) != (b < 0), 0.5, 0.0)
