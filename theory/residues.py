"""What is left of the error when steps no longer bring it down: nothing, a cycle of two steps, or a bound on it."""

from __future__ import annotations

from dataclasses import dataclass

from theory.checks import ArgumentError
from theory.cycles import cycle, damped, polar_cycle
from theory.discretisation import largest_stable_step
from theory.models.linear import Directions, LinearModel
from theory.models.regression import ETA, FAST, RATE, SLOW
from theory.rules import Rule

NEAR = 1e-9  # of a step: a whole number of steps up to rounding


@dataclass(frozen=True)
class Residue:
    """What is left of the error when steps no longer bring it down.

    Parameters
    ----------
    amplitudes
        The larger |e| of the last two steps along each direction; None where it is not predicted.
    largest
        Bound on the spectral norm of the error in the end; None where none is known.
    """

    amplitudes: tuple[float | None, ...]
    largest: float | None = None


def residue(model: LinearModel, rule: Rule, seen: Directions, step: float) -> Residue:
    """What steps of size η end in, from the start that `seen` describes.

    Parameters
    ----------
    model, rule
        What is trained, and how.
    seen
        The directions from the start.
    step
        Step size η.
    """
    unknown = (None,) * len(seen.values)
    limit = largest_stable_step(model, rule)
    if rule.refresh > 1 or not bool(seen.learns.all()):
        return Residue(unknown)
    if limit is not None and step < limit and (rule.law is None or rule.power == 0 or damped(rule)):
        return Residue((0.0,) * len(seen.values), 0.0)
    if seen.aligned and rule.elementwise:
        pairs = zip(map(float, seen.values), map(float, seen.amplitudes), strict=True)
        return Residue(tuple(_ending(rule, rate, e, step) for rate, e in pairs))
    if (rule.isotropic and rule.vanishing_power == 1) or (rule.power == 1 and model.shape[0] == 1):
        return _rescaled_residue(seen, step)
    if rule.power == 1 and model.shape[0] >= model.shape[1]:
        bound = polar_cycle().function("largest_error", (ETA, FAST, SLOW))
        return Residue(unknown, float(bound(step, float(seen.values[0]), float(seen.values[-1]))))
    return Residue(unknown)


def _rescaled_residue(seen: Directions, step: float) -> Residue:
    """Only the fastest directions stay, in a cycle no longer than the step."""
    if not seen.amplitudes[0] > 0:
        return Residue((None,) * len(seen.values))
    fast = seen.values == seen.values[0]
    return Residue(tuple(None if stays else 0.0 for stays in fast), step)


def _ending(rule: Rule, rate: float, e: float, step: float) -> float | None:
    """The larger end of the cycle along one direction, from the error e."""
    if e == 0:
        return 0.0
    if rule.power == 1:
        rest = e % step
        # a whole number of steps reaches zero, if rounding lets it
        return max(rest, step - rest) if NEAR * step < rest < (1 - NEAR) * step else None
    try:
        found = cycle(rule)
    except ArgumentError:
        return None
    if abs(float(found.function("multiplier", (RATE, ETA))(rate, step))) >= 1:
        return None
    return float(found.function("amplitude", (RATE, ETA))(rate, step))
