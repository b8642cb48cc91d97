"""What can be set on the page, with its domain: the same for its controls, its address and a widget's traits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from theory.checks import ArgumentError, known, number, numbers, plain, whole

MOST_DIRECTIONS = 1000
SEEDS = 25  # runs with noise of a rule
MOST_EXAMPLES = 10_000_000  # that they take together, each an equal share; about a second
MOST_BATCH = MOST_EXAMPLES // SEEDS // 400  # so that each has 400 steps: twice a plateau of up to 150, and 100 to end
MODELS = ("regression", "folded")
NAMED = ("gd", "egd", "ngd", "newton")  # rules with a switch of their own, beside the power law
SWITCHED_ON = ("gd", "egd")


@dataclass(frozen=True)
class Parameter:
    """A number that a slider sets.

    Parameters
    ----------
    label
        As read aloud.
    low, high
        Its domain, both ends included.
    value
        Where it starts.
    log
        Whether the slider runs over decades; if not, `grain` is its step.
    whole
        Whether it is a whole number.
    of
        The model to which it belongs; None for both.
    """

    label: str
    low: float
    high: float
    value: float
    log: bool = False
    grain: float | None = None
    whole: bool = False
    of: str | None = None


PARAMETERS = {
    "alpha": Parameter("exponent α of the power law", 0, 2, 0.5, grain=0.01),
    "step": Parameter("step size η", 1e-6, 10, 0.1, log=True),
    "time": Parameter("flow time t to look at", 1e-4, 1e10, 10, log=True),
    "directions": Parameter("number of directions", 2, MOST_DIRECTIONS, 4, log=True, whole=True, of="regression"),
    "condition": Parameter("condition number κ", 1, 1e8, 1000, log=True, of="regression"),
    "start": Parameter("error at the start e₀", 0.01, 100, 1, log=True, of="regression"),
    "threshold": Parameter("arrival at q, a share of e₀", 1e-6, 0.5, 1e-3, log=True, of="regression"),
    "epsilon": Parameter("variance ε of the second feature", 1e-8, 0.9, 0.01, log=True, of="folded"),
    "theta": Parameter("angle θ of the test boundary, radians", 0.01, 1.56, math.pi / 4, grain=0.01, of="folded"),
    "margin": Parameter("margin s of the training inputs", 0, 6, 1, grain=0.05, of="folded"),
    "weight_decay": Parameter("weight decay λ", 0, 1, 0, grain=0.005, of="folded"),
    "u1": Parameter("first weight at the start", -5, 10, 1, grain=0.1, of="folded"),
    "u2": Parameter("second weight at the start", -5, 20, 3, grain=0.1, of="folded"),
    "seed": Parameter("seed of the examples", 0, 9999, 0, grain=1, whole=True, of="folded"),
}


def checked(name: str, value: object) -> float:
    """A parameter's value inside its domain, or refused.

    Raises
    ------
    ArgumentError
        If it is not finite or lies outside.
    """
    parameter, found = PARAMETERS[name], number(name, value)
    if not parameter.low <= found <= parameter.high:
        raise ArgumentError(name, f"lie between {parameter.low:g} and {parameter.high:g}", f"is {plain(found)}")
    return whole(name, value, 0) if parameter.whole else found


def checked_batch(value: object) -> int | None:
    """Examples per step, or None for all of them, or refused.

    Raises
    ------
    ArgumentError
        If it is not a whole number from 1 to 1,000.
    """
    if value is None:
        return None
    found = whole("batch", value)
    if found > MOST_BATCH:
        raise ArgumentError("batch", f"be at most {MOST_BATCH:,}, or None for all examples", f"is {found:,.9g}")
    return found


def checked_spectrum(values: Iterable[float]) -> tuple[float, ...]:
    """Singular values that the page can show, in their order (d,), or refused.

    Raises
    ------
    ArgumentError
        If there is none or more than 1,000, or one is not positive.
    """
    found = numbers("spectrum", values)
    if len(found) > MOST_DIRECTIONS:
        raise ArgumentError("spectrum", f"hold at most {MOST_DIRECTIONS:,} numbers", f"holds {len(found):,}")
    if min(found) <= 0:
        raise ArgumentError("spectrum", "hold positive numbers", f"holds {plain(min(found))}")
    return found


def checked_rules(names: Iterable[str]) -> tuple[str, ...]:
    """Which of the named rules are switched on, in the page's order, or refused.

    Raises
    ------
    ArgumentError
        If one is not a rule with a switch.
    """
    found = {known("rules", name, NAMED) for name in names}
    return tuple(name for name in NAMED if name in found)
