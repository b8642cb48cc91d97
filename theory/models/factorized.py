"""Factorised linear models: a product of L ≥ 2 weight matrices, W_L ⋯ W₁, fitted to a target matrix.

Loss ½ ‖W_L ⋯ W₁ − M‖² + ½ λ Σ ‖W_l‖², the deep linear network of Saxe et al. 2014 (key ``saxe2014``) on inputs of
unit covariance. Where all layers share singular directions with the target (an *aligned* start) every direction is
a mode with one factor w_l in each layer; its amplitude a is their product, and it grows towards the target's
singular value s. A start is *balanced* where the factors of a mode are equal in size.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, nonnegative, numbers, whole
from theory.derivation import Derivation, compiled
from theory.models.factorized_directions import directions_from
from theory.models.factorized_equilibria import factor_at_minimum
from theory.models.factorized_layers import Layers, frames, layer_gradients_of, layers_along, product_of, random_bases
from theory.models.factorized_mode import DECAY, FACTOR
from theory.models.factorized_sharpness import sharpness
from theory.models.linear import Directions, one_or_all
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

DEEPEST = 8
SMALL_START = 1e-3


def checked_depth(depth: Any) -> int:
    """Return a number of layers, or refuse it."""
    found = whole("depth", depth, 2)
    if found > DEEPEST:
        raise ArgumentError("depth", f"be at most {DEEPEST}", f"is {found}")
    return found


@dataclass(frozen=True, eq=False)
class Factorized:
    """A deep linear network of L weight matrices and a target for their product.

    Parameters
    ----------
    left, right
        Orthonormal singular directions of the target as columns (c, n) and (d, n).
    values
        Singular values s of the target, in descending order (n,).
    depth
        Number L of weight matrices, at least 2.
    hidden
        Width of the hidden layers; None for n.
    weight_decay
        Coefficient λ of ½ λ Σ ‖W_l‖².
    source
        What the numbers come from, for the record.
    order
        Where in the spectrum, as it was given, each direction stands; empty for the order of the directions.

    Raises
    ------
    ArgumentError
        If `depth` is not a whole number of at least 2, the weight decay negative, or `hidden` less than n.
    """

    left: Array
    right: Array
    values: Array
    depth: int = 2
    hidden: int | None = None
    weight_decay: float = 0.0
    source: dict[str, Any] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    name = "factorized"
    starts_by_amplitude = True

    def __post_init__(self) -> None:
        nonnegative("weight_decay", self.weight_decay)
        checked_depth(self.depth)
        if self.hidden is not None and whole("hidden", self.hidden) < len(self.values):
            raise ArgumentError(
                "hidden", f"be at least the number of directions, {len(self.values)}", f"is {self.hidden}"
            )

    @classmethod
    def from_spectrum(
        cls,
        spectrum: Any,
        *,
        depth: int = 2,
        start: Any = SMALL_START,
        weight_decay: float = 0.0,
        hidden: int | None = None,
        seed: int | None = None,
    ) -> Factorized:
        """A square target with these singular values, and a balanced start with these amplitudes.

        Parameters
        ----------
        spectrum
            Singular values of the target in any order, all positive.
        depth
            Number L of weight matrices.
        start
            Amplitudes a₀ of the product along the directions, in the order of `spectrum`; one value serves all.
        weight_decay
            Coefficient λ of ½ λ Σ ‖W_l‖².
        hidden
            Width of the hidden layers; the number of directions if left out.
        seed
            Turns all bases at random; without it the directions are the axes.

        Raises
        ------
        ArgumentError
            For a value outside its domain.
        """
        import numpy as np

        values = np.array(numbers("spectrum", spectrum))
        amplitudes = np.array(one_or_all("start", start, len(values)))
        if (values <= 0).any():
            raise ArgumentError("spectrum", "hold positive numbers", f"holds {values.min():g}")
        order = np.argsort(-values, kind="stable")
        left, right = np.eye(len(values)), np.eye(len(values))
        if seed is not None:
            left, right = random_bases(len(values), len(values), 2, seed)
        source = {"spectrum": values[order].tolist(), "start": amplitudes[order].tolist(), "seed": seed}
        return cls(left, right, values[order], depth, hidden, weight_decay, source, tuple(order.tolist()))

    @classmethod
    def from_target(
        cls, target: Any, *, depth: int = 2, weight_decay: float = 0.0, hidden: int | None = None
    ) -> Factorized:
        """A target matrix, of which directions whose singular value is rounding are left out.

        Parameters
        ----------
        target
            The target (c, d).
        depth
            Number L of weight matrices.
        weight_decay
            Coefficient λ of ½ λ Σ ‖W_l‖².
        hidden
            Width of the hidden layers; the number of directions if left out.

        Raises
        ------
        ArgumentError
            If the target is no matrix, empty, not finite or zero, or another value lies outside its domain.
        """
        import numpy as np

        matrix = np.asarray(target, float)
        if matrix.ndim != 2 or not matrix.size:
            raise ArgumentError("target", "be a matrix that is not empty", f"has the shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ArgumentError("target", "be finite", "holds NaN or Inf")
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        kept = values > max(matrix.shape) * np.finfo(float).eps * values[0]
        if not kept.any():
            raise ArgumentError("target", "have a positive singular value", "is zero")
        return cls(left[:, kept], right[kept].T, values[kept], depth, hidden, weight_decay)

    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {
            "spectrum": self.values.tolist(),
            **self.source,
            "depth": self.depth,
            "hidden": self.width,
            "outputs": len(self.left),
            "inputs": len(self.right),
            "weight_decay": self.weight_decay,
        }

    @property
    def width(self) -> int:
        """Width of the hidden layers."""
        return self.hidden or len(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs, (c, d)."""
        return len(self.left), len(self.right)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape of each layer, from the input to the output."""
        widths = [len(self.right), *[self.width] * (self.depth - 1), len(self.left)]
        return tuple((after, before) for before, after in itertools.pairwise(widths))

    @functools.cached_property
    def target(self) -> Array:
        """M, shape (c, d)."""
        return (self.left * self.values) @ self.right.T

    @functools.cached_property
    def reached(self) -> Array:
        """Amplitude a* of each direction at the balanced minimum (n,): s without decay, 0 where decay wins."""
        import numpy as np

        return np.array([factor_at_minimum(float(s), self.depth, self.weight_decay) ** self.depth for s in self.values])

    @functools.cached_property
    def sharpness(self) -> float:
        """The largest curvature at the balanced minimum; 0 where that is no minimum of the largest direction."""
        size = float(self.reached.max()) ** (1 / self.depth)
        return float(compiled(sharpness(self.depth), (FACTOR, DECAY))(size, self.weight_decay)) if size else 0.0

    @functools.cached_property
    def minimiser(self) -> Array:
        """The product at the balanced minimum, shape (c, d)."""
        return (self.left * self.reached) @ self.right.T

    def start(self, amplitudes: Any = None) -> Layers:
        """Balanced, aligned layers whose product has these amplitudes, in the order of the spectrum as given.

        Raises
        ------
        ArgumentError
            If they are neither one finite number nor one for each direction.
        """
        import numpy as np

        if amplitudes is None:
            given = np.array(one_or_all("start", self.source.get("start", SMALL_START), len(self.values)))
        else:
            given = np.array(one_or_all("start", amplitudes, len(self.values)))[list(self.order) or slice(None)]
        sizes = np.tile(np.abs(given) ** (1 / self.depth), (self.depth, 1))
        sizes[-1] *= np.sign(given) + (given == 0)
        return self.aligned_start(sizes)

    def aligned_start(self, sizes: Any) -> Layers:
        """Layers that share the target's directions, with these factors (L, n) of either sign.

        The bases of the hidden layers are the axes, or random where the model has a seed.

        Raises
        ------
        ArgumentError
            If the factors have another shape, or one is NaN or Inf.
        """
        import numpy as np

        sizes = np.asarray(sizes, float)
        if sizes.shape != (self.depth, len(self.values)):
            raise ArgumentError("sizes", f"have the shape {(self.depth, len(self.values))}", f"has {sizes.shape}")
        if not np.isfinite(sizes).all():
            raise ArgumentError("sizes", "be finite", "holds NaN or Inf")
        seed = self.source.get("seed")
        if seed is None:
            hidden = [np.eye(self.width, len(self.values))] * (self.depth - 1)
        else:
            hidden = random_bases(self.width, len(self.values), self.depth - 1, seed + 1)
        return layers_along([self.right, *hidden, self.left], sizes)

    def random_start(self, scale: float, seed: int = 0) -> Layers:
        """Independent Gaussian entries of this standard deviation in every layer.

        Raises
        ------
        ArgumentError
            If the standard deviation is negative or not finite.
        """
        import numpy as np

        rng = np.random.default_rng(seed)
        return tuple(nonnegative("scale", scale) * rng.standard_normal(shape) for shape in self.shapes)

    def product(self, layers: Layers) -> Array:
        """W_L ⋯ W₁ of layers (…, ·, ·), shape (…, c, d)."""
        return product_of(layers)

    def gradients(self, layers: Layers) -> Layers:
        """The gradient of the loss in each layer, G_l = (W_L ⋯ W_{l+1})ᵀ (P − M) (W_{l−1} ⋯ W₁)ᵀ + λ W_l."""
        return layer_gradients_of(layers, self.product(layers) - self.target, self.weight_decay)

    def sizes(self, layers: Layers) -> Array | None:
        """The factors (L, n) of an aligned start, with their signs; None where the layers share no directions."""
        found = self.frames(layers)
        return None if found is None else found[0]

    def frames(self, layers: Layers) -> tuple[Array, tuple[Array, ...]] | None:
        """Factors w (L, n) and bases R with W_l = R_{l+1} diag(w_l) R_lᵀ; None where the layers share no directions."""
        return frames(layers, self.left, self.right)

    def along(self, product: Array) -> Array:
        """What products (…, c, d) have along each of the target's directions (…, n)."""
        import numpy as np

        return np.einsum("ci,...cd,di->...i", self.left, product, self.right)

    def directions(self, start: Layers) -> Directions:
        """The target's singular directions, seen from one start; amplitudes are those of the error a₀ − a*."""
        return directions_from(self, start)

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        from theory.models.factorized_chain import derive

        return derive(rule, view, self.depth)
