"""Who takes part: a rule with its step size, and which way it goes on a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulations.directions import direction
from simulations.networks.network import Weights
from simulations.networks.settings import Setting
from theory.checks import ArgumentError, plain, positive
from theory.rule_ids import FORMS, RULE_IDS, rule
from theory.rules import NORM, SIGMA, Rule

Way = Callable[[Weights, Any], tuple[Weights, Any]]
ADAM, ADAM_STEP = "adam", 1e-3
FIRST_DECAY, SECOND_DECAY, SMALL = 0.9, 0.999, 1e-8
DAMPING = 10  # the norm by this is the singular value at which the speed is greatest
DAMPED_NATURAL = Rule("damped-natural", SIGMA * NORM / (SIGMA**2 + (NORM / DAMPING) ** 2))


@dataclass(frozen=True)
class Contender:
    """A rule and its step size.

    Parameters
    ----------
    name
        As given: ``egd``, ``gd@0.3``.
    rule
        The rule's id, ``damped-natural`` or ``adam``.
    step
        Step size η.
    """

    name: str
    rule: str
    step: float


def contender(name: str, setting: Setting) -> Contender:
    """The contender RULE or RULE@STEP; without a step it takes the setting's, Adam 0.001.

    Raises
    ------
    ArgumentError
        If no rule has this id, it needs a constant curvature or a larger layer, or the step is not positive.
    """
    what, marked, step = name.partition("@")
    if what != ADAM:
        found = law_of(what)
        if found.kind == "newton":
            but = "its steps divide by a constant curvature, and a layer's changes with the weights"
            raise ArgumentError("rules", "leave out newton for a network", but)
        largest = min(setting.task.features, setting.width)
        if found.kind == "rsvd" and found.options["rank"] > largest:
            raise ArgumentError("rules", f"ask rsvd for a rank of at most {largest}", f"is {what}")
        what = found.name if what.partition(":")[0] in FORMS else what
    size = positive("step", step) if marked else ADAM_STEP if what == ADAM else setting.step
    return Contender(f"{what}@{plain(size)}" if marked else what, what, size)


def law_of(name: str) -> Rule:
    """The rule of that id, or the one that is there for networks alone.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    if name == DAMPED_NATURAL.name:
        return DAMPED_NATURAL
    try:
        return rule(name)
    except ArgumentError as error:
        about, must, but = error.parts
        more = f", {DAMPED_NATURAL.name}, {ADAM}" if RULE_IDS[-1] in must else ""
        raise ArgumentError(about, must + more, but) from None


def way_of(who: Contender, setting: Setting, seed: int) -> Way:
    """The function (gradients, state) → (direction, state); the state is None before the first step."""
    if who.rule == ADAM:
        return _adam
    if who.rule == "gd" and setting.norm == "own":
        return descent
    places = ("first",) if setting.layers == "first" else ("first", "second")
    follow = [direction(law_of(who.rule), seed=seed + index) for index in range(len(places))]

    def way(slope: Weights, state: Any) -> tuple[Weights, Any]:
        states = [None] * len(places) if state is None else list(state)
        found = {"first": slope.first, "bias": slope.bias, "second": slope.second}
        for index, place in enumerate(places):
            turned, states[index] = follow[index](found[place].T, states[index])  # fan-out × fan-in
            found[place] = _scaled(turned, setting).T
        return Weights(**found), tuple(states)

    return way


def descent(slope: Weights, state: Any) -> tuple[Weights, Any]:
    """Plain gradient descent on all layers."""
    return slope, state


def _scaled(way: Any, setting: Setting) -> Any:
    """A direction in the precision of the weights, with EGD's norm where all are to be equally long."""
    if setting.norm == "equal":
        size = float(np.linalg.norm(way))
        way = way * (min(way.shape) ** 0.5 / size) if size > 0 else way
    return way.astype(setting.dtype, copy=False)


def _adam(slope: Weights, state: Any) -> tuple[Weights, Any]:
    """Adam on every number (Kingma & Ba 2015, key ``kingma2015``), with its usual constants."""
    if state is None:
        state = (0, *(np.zeros_like(part) for part in (*slope, *slope)))
    count, means, squares = state[0] + 1, state[1:4], state[4:]
    means = tuple(FIRST_DECAY * mean + (1 - FIRST_DECAY) * part for mean, part in zip(means, slope, strict=True))
    squares = tuple(
        SECOND_DECAY * square + (1 - SECOND_DECAY) * part * part for square, part in zip(squares, slope, strict=True)
    )
    scale = 1 / (1 - FIRST_DECAY**count)
    root = 1 / (1 - SECOND_DECAY**count)
    ways = [scale * mean / (np.sqrt(root * square) + SMALL) for mean, square in zip(means, squares, strict=True)]
    return Weights(*ways), (count, *means, *squares)
