"""Multi-output linear regression: W of shape (c, d), any covariance, any start.

Loss ½ E‖W x − y‖² + ½ λ‖W‖². With the error E = W − W* the gradient is G = E (Σ + λI). Where E and Σ share
singular directions (an *aligned* start) every direction obeys a scalar equation, and the spectrum decides
the plateau; where they do not, gradient descent alone keeps the directions apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, nonnegative, numbers
from theory.models.linear import LinearModel, one_or_all

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.derivation import Derivation
    from theory.rules import Rule

    Array = NDArray[np.float64]

RATE = sp.Symbol("lambda_i", positive=True)
ERROR0 = sp.Symbol("e_0", positive=True)
ERROR = sp.Symbol("e", positive=True)
THRESHOLD = sp.Symbol("q", positive=True)
TIME = sp.Symbol("t", nonnegative=True)
STEP = sp.Symbol("k", integer=True, nonnegative=True)
ETA = sp.Symbol("eta", positive=True)
CONTRACTION = sp.Symbol("rho", negative=True)
FAST, SLOW = sp.symbols("lambda_1 lambda_d", positive=True)
KAPPA = sp.Symbol("kappa", positive=True)


@dataclass(frozen=True, eq=False)
class Regression(LinearModel):
    """Linear regression with c outputs and d inputs.

    Parameters
    ----------
    covariance
        Σ = E x xᵀ, symmetric and positive semidefinite (d, d).
    target
        Best weights without decay, C Σ⁺ (c, d).
    weight_decay
        Coefficient λ of ½ λ‖W‖².
    left
        Orthonormal left directions (c, d) in which `start` sets error amplitudes; None for a data set.
    test
        Second moments (Σ, C, E‖y‖²) of a test set; None stands for inputs of unit covariance.
    source
        What the numbers come from, for the record.
    features
        Names of the inputs, if they have any.
    order
        Where in the spectrum, as it was given, each direction stands; empty for the order of the directions.
    samples
        Inputs (n, d) and outputs (n, c) that minibatches are drawn from; None for Gaussian inputs.
    label_noise
        Variance of independent Gaussian noise on each output; only minibatches of Gaussian inputs see it.

    Raises
    ------
    ArgumentError
        If `covariance` and `target` are no matrices of these shapes, or the weight decay or the noise is negative.
    """

    covariance: Array
    target: Array
    weight_decay: float = 0.0
    left: Array | None = None
    test: tuple[Array, Array, float] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    samples: tuple[Array, Array] | None = field(default=None, repr=False)
    label_noise: float = 0.0
    name = "regression"
    starts_by_amplitude = True

    def __post_init__(self) -> None:
        nonnegative("weight_decay", self.weight_decay)
        nonnegative("label_noise", self.label_noise)
        for label, array in (("covariance", self.covariance), ("target", self.target)):
            if getattr(array, "ndim", 0) != 2:
                raise ArgumentError(label, "be a matrix", f"is {array!r}")
        if self.covariance.shape != (self.target.shape[1],) * 2:
            raise ArgumentError(
                "covariance",
                f"be {self.target.shape[1]}×{self.target.shape[1]}",
                f"is {self.covariance.shape}",
            )

    @classmethod
    def from_spectrum(
        cls,
        spectrum: Any,
        *,
        start: Any = 1.0,
        weight_decay: float = 0.0,
        seed: int | None = None,
        label_noise: float = 0.0,
    ) -> Regression:
        """As many outputs as directions; the target lies `start` away from zero along each direction.

        Parameters
        ----------
        spectrum
            Eigenvalues of Σ in any order, none negative, not all zero.
        start
            Amplitude of the target along each direction, in the order of `spectrum`; one value serves all.
        weight_decay
            Coefficient λ of ½ λ‖W‖².
        seed
            Turns both bases at random; without it the directions are the axes.
        label_noise
            Variance of independent Gaussian noise on each output, which only minibatches see.

        Raises
        ------
        ArgumentError
            If the spectrum has a negative number or none that is positive, or another value lies outside its domain.
        """
        import numpy as np

        values = np.array(numbers("spectrum", spectrum))
        amplitudes = np.array(one_or_all("start", start, len(values)))
        if (values < 0).any():
            raise ArgumentError("spectrum", "hold no negative number", f"holds {values.min():g}")
        if not values.max() > 0:
            raise ArgumentError("spectrum", "hold a positive number", "holds zeros only")
        order = np.argsort(-values, kind="stable")
        values, amplitudes = values[order], amplitudes[order]
        left, right = np.eye(len(values)), np.eye(len(values))
        if seed is not None:
            rng = np.random.default_rng(seed)
            left, right = (np.linalg.qr(rng.standard_normal(left.shape))[0] for _ in range(2))
        return cls(
            covariance=(right * values) @ right.T,
            target=-(left * amplitudes) @ right.T,
            weight_decay=weight_decay,
            left=left @ right.T,
            source={"spectrum": values.tolist(), "start": amplitudes.tolist(), "seed": seed}
            | ({"label_noise": label_noise} if label_noise else {}),
            order=tuple(order.tolist()),
            label_noise=label_noise,
        )

    @classmethod
    def from_data(
        cls,
        inputs: Array,
        outputs: Array,
        *,
        weight_decay: float = 0.0,
        test: tuple[Array, Array] | None = None,
        name: str = "data",
        features: Sequence[str] = (),
    ) -> Regression:
        """Empirical second moments of a data set, without centring.

        Parameters
        ----------
        inputs, outputs
            The samples (samples, d) and (samples, c).
        weight_decay
            Coefficient λ of ½ λ‖W‖².
        test
            Inputs and outputs of a test set; None stands for inputs of unit covariance.
        name
            Of the data, for the record.
        features
            Names of the inputs, if they have any.

        Raises
        ------
        ArgumentError
            If all inputs are zero, or the weight decay is negative.
        """
        import numpy as np

        samples = len(inputs)
        covariance, cross = inputs.T @ inputs / samples, outputs.T @ inputs / samples
        values, basis = np.linalg.eigh(covariance)
        if not values[-1] > 0:
            raise ArgumentError("data", "have a feature that is not zero throughout", "has none")
        seen = values > len(values) * np.finfo(float).eps * values[-1]
        target = (cross @ basis[:, seen]) / values[seen] @ basis[:, seen].T
        held_out = None
        if test is not None:
            x, y = test
            held_out = (x.T @ x / len(x), y.T @ x / len(x), float((y**2).sum() / len(y)))
        source = {"data": name, "samples": samples}
        return cls(covariance, target, weight_decay, None, held_out, source, tuple(features), samples=(inputs, outputs))

    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        c, d = self.target.shape
        return {**self.source, "outputs": c, "inputs": d, "weight_decay": self.weight_decay}

    def resting_inputs(self) -> list[str]:
        """Inputs that are always zero, by name: they span directions that never learn."""
        zero = [i for i, value in enumerate(self.curvature.diagonal()) if value == 0]
        return [self.features[i] if self.features else f"x{i + 1}" for i in zero]

    def moments(self) -> tuple[Array, Array]:
        """Σ of shape (d, d) and C = W*Σ of shape (c, d)."""
        return self.covariance, self.target @ self.covariance

    def start(self, amplitudes: Any = None) -> Array:
        """W(0): the minimiser plus these errors, in the order of the spectrum as given; zero for a data set.

        Raises
        ------
        ArgumentError
            If they are neither one number nor one for each direction, or are given with a data set.
        """
        import numpy as np

        if self.left is None:
            if amplitudes is not None:
                raise ArgumentError("start", "be left out with `data`", "is given; a data set starts from W = 0")
            return np.zeros(self.target.shape)
        if amplitudes is None:
            errors = np.array(one_or_all("start", self.source.get("start", 1.0), self.target.shape[1]))
        else:
            errors = np.array(one_or_all("start", amplitudes, self.target.shape[1]))[list(self.order) or slice(None)]
        values, basis = np.linalg.eigh(self.covariance)
        basis = basis[:, np.argsort(-values, kind="stable")]
        return self.minimiser + self.left @ (basis * errors) @ basis.T

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        from theory.models.regression_chain import derive

        return derive(rule, view)
