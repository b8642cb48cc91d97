"""Factorised linear models: a product of L ≥ 2 weight matrices, W_L ⋯ W₁, fitted to a target matrix.

Loss ½ ‖W_L ⋯ W₁ − M‖² + ½ λ Σ ‖W_l‖², the deep linear network of Saxe et al. 2014 (key ``saxe2014``) on inputs of
unit covariance. Where all layers share singular directions with the target (an *aligned* start) every direction is
a mode with one factor w_l in each layer; its amplitude a is their product, and it grows towards the target's
singular value s. A start is *balanced* where the factors of a mode are equal in size.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, nonnegative, numbers, whole
from theory.derivation import compiled
from theory.models.linear import ALIGNED, Directions, one_or_all
from theory.rules import SIGMA, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.derivation import Derivation

    Array = NDArray[np.float64]

Layers = tuple["Array", ...]
TARGET = sp.Symbol("s", positive=True)
DECAY = sp.Symbol("lambda", nonnegative=True)
ZERO = sp.Integer(0)
DEEPEST = 8
SMALL_START = 1e-3
TIE = 1e-12  # relative difference of two factors below which they reach zero together
ROUNDED = 16 * sys.float_info.epsilon  # of a factor, by which it may be rounded
ROUNDING = 1e-14  # part of the largest entry below which a factor counts as zero


def factors(depth: int) -> tuple[sp.Symbol, ...]:
    """One factor of a mode for each layer, w₁ … w_L."""
    return sp.symbols(f"w_1:{depth + 1}", real=True)


def layer_gradients(depth: int, decay: sp.Expr = ZERO) -> tuple[sp.Expr, ...]:
    """The gradient of one mode in each layer, g_l = (∏_{m≠l} w_m)(a − s) + λ w_l with a = ∏ w_m."""
    mode = factors(depth)
    residual = sp.prod(mode) - TARGET
    return tuple(sp.prod(mode[:layer] + mode[layer + 1 :]) * residual + decay * mode[layer] for layer in range(depth))


def mode_equations(rule: Rule, depth: int, signs: Sequence[int], decay: sp.Expr = ZERO) -> tuple[sp.Expr, ...]:
    """dw_l/dt = −h(|g_l|) sgn g_l of one mode, while the gradients of the layers keep these signs (±1 each)."""
    if not rule.elementwise or rule.law is None:
        raise ArgumentError("rule", "have a speed of its own for each singular value", f"is {rule.name}")
    return tuple(
        -sign * rule.law.subs(SIGMA, sign * gradient)
        for sign, gradient in zip(signs, layer_gradients(depth, decay), strict=True)
    )


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
            left, right = _bases(len(values), len(values), 2, seed)
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

        return np.array([_balanced_root(float(s), self.depth, self.weight_decay) ** self.depth for s in self.values])

    @functools.cached_property
    def sharpness(self) -> float:
        """The largest curvature at the balanced minimum; 0 where that is no minimum of the largest direction."""
        from theory.models.factorized_mode import FACTOR
        from theory.models.factorized_sharpness import sharpness

        size = float(self.reached.max()) ** (1 / self.depth)
        return float(compiled(sharpness(self.depth), (FACTOR, DECAY))(size, self.weight_decay)) if size else 0.0

    @functools.cached_property
    def minimiser(self) -> Array:
        """The product at the balanced minimum, shape (c, d)."""
        return (self.left * self.reached) @ self.right.T

    def start(self, amplitudes: Any = None) -> Layers:
        """Balanced, aligned layers whose product has these amplitudes, in the order of the spectrum as given."""
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
            hidden = _bases(self.width, len(self.values), self.depth - 1, seed + 1)
        bases = [self.right, *hidden, self.left]
        return tuple((b * w) @ a.T for (a, b), w in zip(itertools.pairwise(bases), sizes, strict=True))

    def random_start(self, scale: float, seed: int = 0) -> Layers:
        """Independent Gaussian entries of this standard deviation in every layer."""
        import numpy as np

        rng = np.random.default_rng(seed)
        return tuple(nonnegative("scale", scale) * rng.standard_normal(shape) for shape in self.shapes)

    def product(self, layers: Layers) -> Array:
        """W_L ⋯ W₁ of layers (…, ·, ·), shape (…, c, d)."""
        return functools.reduce(lambda below, layer: layer @ below, layers)

    def gradients(self, layers: Layers) -> Layers:
        """The gradient of the loss in each layer, G_l = (W_L ⋯ W_{l+1})ᵀ (P − M) (W_{l−1} ⋯ W₁)ᵀ + λ W_l."""
        return layer_gradients_of(layers, self.product(layers) - self.target, self.weight_decay)

    def sizes(self, layers: Layers) -> Array | None:
        """The factors (L, n) of an aligned start, with their signs; None where the layers share no directions."""
        found = self.frames(layers)
        return None if found is None else found[0]

    def frames(self, layers: Layers) -> tuple[Array, tuple[Array, ...]] | None:
        """Factors w (L, n) and bases R with W_l = R_{l+1} diag(w_l) R_lᵀ, from the input to the output."""
        import numpy as np

        sizes, bases = np.zeros((self.depth, len(self.values))), [self.right]
        for place, layer in enumerate(layers[:-1]):
            image = layer @ bases[-1]
            sizes[place] = _significant(np.sqrt((image**2).sum(axis=0)), layer)
            after = _completed(image, sizes[place])
            if after is None:
                return None
            bases.append(after)
        sizes[-1] = _significant(((self.left.T @ layers[-1]) * bases[-1].T).sum(axis=1), layers[-1])
        bases.append(self.left)
        for (before, after), size, layer in zip(itertools.pairwise(bases), sizes, layers, strict=True):
            if np.abs((after * size) @ before.T - layer).max() > ALIGNED * np.abs(layer).max():
                return None
        return sizes, tuple(bases)

    def along(self, product: Array) -> Array:
        """What products (…, c, d) have along each of the target's directions (…, n)."""
        import numpy as np

        return np.einsum("ci,...cd,di->...i", self.left, product, self.right)

    def directions(self, start: Layers) -> Directions:
        """The target's singular directions, seen from one start; amplitudes are those of the error a₀ − a*."""
        import numpy as np

        product, modes = self.product(start), self.sizes(start)
        along = self.along(product)
        amplitudes = np.sqrt((((product - self.minimiser) @ self.right) ** 2).sum(axis=0))
        learns = self.reached > 0
        if modes is not None:
            along = np.prod(modes, axis=0)
            amplitudes = np.abs(along - self.reached)
            amplitudes[amplitudes <= ROUNDED * (_blur(np.abs(modes)) + self.reached)] = 0.0
            learns = learns & np.array([self._learns(i, modes[:, i]) for i in range(len(along))])
        return Directions(self.values, self.right, amplitudes, learns, modes is not None, along)

    def _learns(self, index: int, mode: Array) -> bool:
        """Whether a mode leaves its start for a*: a product that is not positive needs a least factor to cross zero."""
        import numpy as np

        sizes = np.sort(np.abs(mode))
        if np.prod(mode) <= 0:
            return bool(sizes[1] - sizes[0] > TIE * sizes[1])
        barrier = _barrier(float(self.values[index]), self.depth, self.weight_decay)
        return bool(sizes[-1] > barrier)

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        from theory.models.factorized_chain import derive

        return derive(rule, view, self.depth)


def _blur(sizes: Array) -> Array:
    """How far products of factors (L, n) move (n,) where each factor does by the largest of its layer."""
    import numpy as np

    others = [np.prod(np.delete(sizes, place, axis=0), axis=0) for place in range(len(sizes))]
    found: Array = (sizes.max(axis=1)[:, None] * others).sum(axis=0)
    return found


def layer_gradients_of(layers: Layers, residual: Array, decay: float = 0.0) -> Layers:
    """The gradient in each layer of ½ ‖P − M‖² + ½ λ Σ ‖W_l‖², for P − M of shape (…, c, d)."""
    import numpy as np

    below: list[Any] = [None]
    for layer in layers[:-1]:
        below.append(layer if below[-1] is None else layer @ below[-1])
    found, above = [], residual  # above: (W_L ⋯ W_{l+1})ᵀ (P − M)
    for layer, under in zip(reversed(layers), reversed(below), strict=True):
        gradient = above if under is None else above @ np.swapaxes(under, -1, -2)
        found.append(gradient + decay * layer)
        above = np.swapaxes(layer, -1, -2) @ above
    return tuple(reversed(found))


def _bases(rows: int, columns: int, count: int, seed: int) -> list[Array]:
    """Random matrices (rows, columns) with orthonormal columns."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return [np.linalg.qr(rng.standard_normal((rows, columns)))[0] for _ in range(count)]


def _significant(sizes: Array, layer: Array) -> Array:
    """The factors of a layer, with those that are rounding set to zero."""
    import numpy as np

    return np.where(np.abs(sizes) <= ROUNDING * np.abs(layer).max(), 0.0, sizes)


def _completed(image: Array, sizes: Array) -> Any:
    """Orthonormal columns along those of an image, any for those that vanish; None where they are not orthogonal."""
    import numpy as np

    alive = sizes > 0
    unit = image[:, alive] / sizes[alive]
    if np.abs(unit.T @ unit - np.eye(unit.shape[1])).max(initial=0.0) > ALIGNED:
        return None
    if alive.all():
        return unit
    full = np.linalg.qr(np.concatenate([unit, np.eye(len(image))], axis=1))[0]
    found = np.empty_like(image)
    found[:, alive] = unit
    found[:, ~alive] = full[:, unit.shape[1] : unit.shape[1] + int((~alive).sum())]
    return found


def _peak(s: float, depth: int) -> float:
    """Where w^(L−2) (s − wᴸ), the pull on a balanced factor per unit of it, is largest."""
    return (s * (depth - 2) / (2 * depth - 2)) ** (1 / depth)


def _pull(w: float, s: float, depth: int) -> float:
    return float(w ** (depth - 2) * (s - w**depth))


def _balanced_root(s: float, depth: int, decay: float) -> float:
    """The factor at which decay balances the pull, on the stable side; 0 where decay is the stronger everywhere."""
    if decay == 0:
        return float(s ** (1 / depth))
    low, high = _peak(s, depth), s ** (1 / depth)
    return _crossing(lambda w: _pull(w, s, depth) - decay, low, high) if _pull(low, s, depth) > decay else 0.0


def _barrier(s: float, depth: int, decay: float) -> float:
    """The factor below which decay wins: 0 without decay and for two layers whose target is above it."""
    peak = _peak(s, depth)
    if decay == 0 or depth == 2 or _pull(peak, s, depth) <= decay:
        return 0.0
    return _crossing(lambda w: decay - _pull(w, s, depth), 0.0, peak)


def _crossing(function: Any, low: float, high: float) -> float:
    """Where a function that is positive at `low` and not at `high` changes sign, to the last digit."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
