"""What minibatch gradient descent does on average: mean, second moment, where it rests, and up to which step.

Exact for samples drawn fresh from the population or with replacement from a data set. The recursion is that of
`theory.noise`; one sample enters it through the moments of `theory.samples` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, positive, whole
from theory.models.linear import LinearModel, checked_start
from theory.rule_ids import rule
from theory.rules import Rule
from theory.samples import sample_law

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse.linalg import LinearOperator

    Array = NDArray[np.float64]

DENSE = 12  # directions up to which the map of the second moment is written out as a matrix


@dataclass(frozen=True, eq=False)
class Expected:
    """Mean and second moment of minibatch gradient descent.

    Parameters
    ----------
    steps
        Step counts (T,).
    mean
        Expected weights (T, c, d).
    covariance
        Covariance of the weights (T, d, d), summed over outputs.
    minimiser
        W* (c, d).
    """

    steps: NDArray[np.int64]
    mean: Array
    covariance: Array
    minimiser: Array

    @property
    def second(self) -> Array:
        """E EᵀE of the error E = W − W* (T, d, d): for one output its second moment, for more the sum over outputs."""
        error = self.mean - self.minimiser
        return self.covariance + error.swapaxes(-1, -2) @ error


def expect(model: LinearModel, how: Rule | str, step: float, batch: int, start: Any = None, *, steps: Any) -> Expected:
    """Mean and second moment of gradient descent on minibatches, exactly; infinite or NaN past the range of floats.

    Parameters
    ----------
    model
        What is trained.
    how
        Gradient descent, or its id.
    step
        Step size η.
    batch
        Samples in a minibatch, drawn independently.
    start
        Weights (c, d), or (d,) for one output; the model's own start if left out.
    steps
        Step counts to keep (T,), in ascending order.

    Raises
    ------
    ArgumentError
        For another rule, a value outside its domain, or a model whose samples are not known.
    """
    import numpy as np

    step, batch, how = positive("step", step), whole("batch", batch), rule(how)
    if how.power != 0:
        raise ArgumentError("how", "be gd, whose moments obey a closed recursion", f"is {how.name}")
    kept = np.asarray(steps)
    if kept.ndim != 1 or kept.dtype.kind not in "iu" or len(kept) == 0 or kept[0] < 0 or (np.diff(kept) <= 0).any():
        raise ArgumentError("steps", "be whole numbers of at least 0 in ascending order", f"is {steps!r}")
    law, star, contraction = sample_law(model), model.minimiser, np.eye(len(model.curvature)) - step * model.curvature
    error = checked_start(model, start) - star
    mean, covariance = np.empty((len(kept), *star.shape)), np.zeros((len(kept), *contraction.shape))
    spread, done = covariance[0].copy(), 0
    with np.errstate(over="ignore", invalid="ignore"):
        for index, until in enumerate(map(int, kept)):
            for _ in range(until - done):
                weighting = np.block([[spread + error.T @ error, error.T], [error, np.eye(len(error))]])
                spread = contraction @ spread @ contraction + step**2 / batch * law.spread(weighting)
                error = error @ contraction
            mean[index], covariance[index], done = error + star, spread, until
    return Expected(kept, mean, covariance, star)


class _Balance:
    """The second moment at mean zero, P ← P − η(LP − ηNP) + η²F, with L P = HP + PH and N P = HPH + spread/b.

    In the eigenbasis of the curvature H, L divides entry by entry. L and N are symmetric as maps of P, and both keep
    P positive, so that K = L^(−½) N L^(−½) has its largest eigenvalue at the largest stable step: ηK = 1.
    """

    def __init__(self, model: LinearModel, batch: int) -> None:
        import numpy as np

        self.law, self.batch = sample_law(model), whole("batch", batch)
        self.values, self.basis = model.eigen
        sums = self.values[:, None] + self.values
        self.scale = np.divide(1, np.sqrt(sums), out=np.zeros_like(sums), where=sums > 0)
        self.size, self.outputs = len(self.values), model.shape[0]

    def noise(self, second: Array, residuals: float) -> Array:
        """Spread over b (d, d), in the eigenbasis, of a gradient with second moment (d, d) and mean zero."""
        import numpy as np

        weighting = np.zeros((self.size + self.outputs,) * 2)
        weighting[: self.size, : self.size] = self.basis @ second @ self.basis.T
        weighting[self.size :, self.size :] = residuals * np.eye(self.outputs)
        return self.basis.T @ self.law.spread(weighting) @ self.basis / self.batch

    def operator(self) -> LinearOperator:
        """K, acting on P as a vector."""
        import numpy as np
        from scipy.sparse.linalg import LinearOperator

        def apply(vector: Array) -> Array:
            second = self.scale * vector.reshape(self.size, self.size)
            inner = np.outer(self.values, self.values) * second + self.noise((second + second.T) / 2, 0.0)
            return (self.scale * inner).ravel()

        return LinearOperator((self.size**2,) * 2, matvec=apply, dtype=float)


def mean_square_limit(model: LinearModel, batch: int) -> float:
    """The step size below which minibatch gradient descent stays bounded in mean square, and above which it does not.

    Rare runs carry the mean: a little above the limit most of them still settle for long.

    Parameters
    ----------
    model
        What is trained.
    batch
        Samples in a minibatch, drawn independently.

    Raises
    ------
    ArgumentError
        If the batch is not a positive whole number, or the model's samples are not known.
    """
    import numpy as np
    from scipy.sparse.linalg import eigsh

    balance = _Balance(model, batch)
    operator = balance.operator()
    if balance.size <= DENSE:
        return 1 / float(np.linalg.eigvalsh(operator @ np.eye(balance.size**2))[-1])
    guess = np.eye(balance.size).ravel()
    return 1 / float(eigsh(operator, k=1, which="LA", v0=guess, return_eigenvectors=False)[0])


def stationary(model: LinearModel, step: float, batch: int) -> Array:
    """E EᵀE (d, d) at which minibatch gradient descent rests: its noise floor at a constant step.

    Parameters
    ----------
    model
        What is trained.
    step
        Step size η, below `mean_square_limit`.
    batch
        Samples in a minibatch, drawn independently.

    Raises
    ------
    ArgumentError
        If the step is not below the limit, or for a value outside its domain.
    """
    import numpy as np
    from scipy.sparse.linalg import LinearOperator, cg

    step, limit, balance = positive("step", step), mean_square_limit(model, batch), _Balance(model, batch)
    if step >= limit:
        raise ArgumentError("step", f"lie below {limit:.6g}, the limit in mean square", f"is {step:g}")
    operator = balance.operator()
    size = balance.size
    left = LinearOperator(operator.shape, matvec=lambda v: v - step * (operator @ v), dtype=float)
    right = step * (balance.scale * balance.noise(np.zeros((size, size)), 1.0)).ravel()
    if size <= DENSE:
        found = np.linalg.solve(left @ np.eye(size**2), right)
    else:
        found, _ = cg(left, right, rtol=1e-13, maxiter=10 * size**2)
    second = balance.scale * found.reshape(size, size)
    return balance.basis @ ((second + second.T) / 2) @ balance.basis.T
