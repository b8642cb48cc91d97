"""What of a flow's error vanishes next, and which of its columns have died.

A singular value of the gradient obeys dσᵢ/dt = −h(σᵢ) vᵢᵀΛvᵢ, from which the time left to its extinction is read off.
On a straight line, where the polar factor stays as it is, all extinctions are eigenvalues.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from simulations.graded_svd import graded_svd
from simulations.reduced_error import Loss, ReducedError
from simulations.speeds import TINY, Speeds

Array = NDArray[np.float64]
REMAINING = 1e-9  # extinction is extrapolated over this part of the elapsed time,
VANISHED = 1e-9  # or from this part of a singular value, whichever comes first
TOGETHER = 1e-8  # extinctions closer than this, relative to the time, count as one
STRAIGHT = 1e-11  # change of the polar factor since the last restart below which, or within its own rounding, the
# path is a straight line
EARLY = 0.01  # part of a straight line that a run has to follow before it is told to be one
# A direction is extinct when losing the vanished values leaves this part of its column: of the column as it was
# before the line, or when it had fallen to the part VANISHED, so near the extinction that rounding is a larger part.
EMPTIED, EMPTIED_AT_HAND = 1e-9, 1e-4
SHARED = 1e-8  # part of its start that an extinct direction may still have in common with others
ALONE = 1e-6  # of a singular direction, the part that lies off one axis
NOISE = 1e-13  # a column below this part of its start has died, and columns that are as nearly dependent are so,
DEAD = 1e-13  # a column's gradient below this part of the smallest singular value has died


def straight_way(speeds: Speeds, error: ReducedError) -> Array | None:
    """D where the path may be a straight line.

    That needs full column rank: with fewer rows a slow column turns it, however late.
    """
    square = error.z.shape[0] == error.z.shape[1]
    return speeds.polar(error.z, error.rates) if speeds.straight and square else None


def next_loss(speeds: Speeds, error: ReducedError, time: float, begun: float, polar: Array | None) -> Loss | None:
    """What the error loses now: at hand, at the end of a straight line, or in the noise.

    Parameters
    ----------
    speeds
        The law.
    error
        What is left.
    time, begun
        Flow times now, and at the last restart.
    polar
        `straight_way` at the last restart.
    """
    left, values, right = graded_svd(error.gradient)
    way = left @ right
    blur = max(STRAIGHT, 32 * np.finfo(float).eps * float(values[0] / max(values[-1], TINY)))
    if polar is not None and np.abs(way - polar).max() <= blur:
        return _line_loss(error, way, time, begun)
    remaining, bounds = speeds.remaining(values, right, error.rates)
    if not (bounds <= max(REMAINING, VANISHED**speeds.vanishing) * time).any():
        return None if speeds.isotropic else _noise_loss(error)
    # by the bound, which is what is left of the error: a value can be small and have a slow column behind it
    gone = bounds <= bounds.min() + TOGETHER * time
    near = max(REMAINING, VANISHED**speeds.vanishing) ** (1 / speeds.vanishing)  # part of a value that is left
    return Loss(left[:, ~gone], remaining[gone], right[gone] ** 2, EMPTIED_AT_HAND * VANISHED / near)


def _line_loss(error: ReducedError, way: Array, time: float, begun: float) -> Loss | None:
    """What is lost at the end of a straight line, unless it is too early to tell that it is straight."""
    times, lost, share = line_ends(error.z, way, error.rates)
    length = float(times[0])
    if time - begun < EARLY * length:
        return None
    gone = times - length <= TOGETHER * (time + length)
    kept = np.linalg.qr(lost[:, gone], mode="complete")[0][:, gone.sum() :]
    return Loss(kept, times[gone] - length, share[gone], EMPTIED, way, length)


def line_ends(z: Array, way: Array, rates: Array) -> tuple[Array, Array, Array]:
    """Where Z (k, k) loses rank as it goes along −D, while D is the polar factor of Z Λ with Λ (k,) descending.

    On that line Dᵀ Z Λ − tΛ is symmetric, and loses rank at the eigenvalues of Λ^(−½) Dᵀ Z Λ^½, whose upper half has no
    more than the rounding of Z. Returns these times (k,) in ascending order, as columns the left directions that are
    lost then (k, k), and as rows the shares of the columns in them (k, k).
    """
    scale = np.sqrt(rates)
    times, vectors = eigh(np.triu(way.T @ z) * scale / scale[:, None], lower=False)
    right = vectors * scale[:, None]
    return times, way @ (vectors / scale[:, None]), (right / np.sqrt((right**2).sum(axis=0))).T ** 2


def _noise_loss(error: ReducedError) -> Loss | None:
    """What is lost where the columns, each at its own scale, have come to depend on each other but for rounding."""
    if len(error.z) < 2:
        return None
    left, values, right = np.linalg.svd(error.z / np.maximum(error.sizes, TINY), full_matrices=False)
    gone = values <= NOISE * values[0]
    if not gone.any():
        return None
    return Loss(left[:, ~gone], np.zeros(gone.sum()), right[gone] ** 2, EMPTIED_AT_HAND)


def dead_columns(
    speeds: Speeds, error: ReducedError, arrived: NDArray[np.bool_], starts: Array, target: Array
) -> NDArray[np.bool_]:
    """Which columns have died (k,): they stay dead, and are the stiffest of all.

    Parameters
    ----------
    speeds, error
        The law, and what is left.
    arrived
        Which columns have arrived (k,).
    starts, target
        Lengths of the columns at the start, and at which nothing more happens (k,).
    """
    sizes = error.sizes
    if speeds.linear:
        return np.asarray(sizes <= 1e-3 * target)
    least = graded_svd(error.gradient)[1][-1]
    lost = sizes <= NOISE * starts
    return np.asarray((lost | (error.rates * sizes <= DEAD * least)) & arrived)


def lost_alone(loss: Loss, behind: ReducedError, starts: Array) -> NDArray[np.bool_]:
    """Which columns lose the singular direction that they were by themselves, and keep as good as nothing (k,).

    What they keep is what they have in common with others: it goes on to vanish with these.

    Parameters
    ----------
    loss, behind
        What is lost, and what is left then.
    starts
        Lengths of the columns at the start (k,).
    """
    return np.asarray((loss.share.max(axis=0) > 1 - ALONE) & (behind.sizes <= SHARED * starts))


def own_extinctions(speeds: Speeds, error: ReducedError) -> Array:
    """Flow time to the extinction of each column that is a singular direction by itself (k,); NaN for others."""
    _, values, right = graded_svd(error.gradient)
    remaining, _ = speeds.remaining(values, right, error.rates)
    shares = right**2
    place = shares.argmax(axis=0)
    return np.where(shares.max(axis=0) > 1 - ALONE, remaining[place], np.nan)
