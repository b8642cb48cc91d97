"""The search along a family for the value at which an exact law meets its target, and what is said where none does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import NoReturn

import numpy as np

from simulations.design_target import Lengths, Target
from simulations.families import Family
from theory.checks import ArgumentError
from theory.predictions import predict
from theory.rules import Rule

CLOSING, NEAREST = 12, 1e-6  # points in the first of its intervals, and how near its end, where the end has no value
SEARCHED = 60  # points of the first search for a change of sign, evenly spread in the logarithm


def solve(law: Callable[[float], Lengths], family: Family, target: Target) -> tuple[float, float]:
    """The value at which a law meets its target, by bisection in the logarithm, and the length or ratio there.

    Parameters
    ----------
    law
        Maps a value of the unknown parameter to the lengths of the rules.
    family, target
        Where to look, and for what.

    Raises
    ------
    ArgumentError
        If no value meets the target, with what the family does have.
    """
    lengths: list[Lengths] = []

    def known() -> Iterator[tuple[float, float]]:
        for value, one in _walk(law, family, target):
            lengths.append(one)
            length = target.value(one)
            if length is not None:
                yield value, length

    jumps = []
    for (low, below), (high, above) in itertools.pairwise(known()):
        if min(below, above) <= target.wanted <= max(below, above):
            ends = _bisected(lambda value: target.value(law(value)), (low, below), (high, above), target.wanted)
            value, predicted = min(ends, key=lambda pair: abs(pair[1] - target.wanted))
            if target.met(law(value)):
                return value, predicted
            jumps.append(ends)
    found = [length for one in lengths if (length := target.value(one)) is not None]
    if not found:
        _refuse_lengths(lengths, family, target)
    _refuse_target(found, jumps, family, target)


def _walk(law: Callable[[float], Lengths], family: Family, target: Target) -> Iterator[tuple[float, Lengths]]:
    """Values from the family's range in ascending order, each with its lengths, found when it is asked for."""
    grid = [float(value) for value in np.geomspace(family.low, family.high, SEARCHED)]
    first = law(grid[0])
    if target.value(first) is None:  # a ratio of two lengths that vanish there: come close to it
        near = [grid[0] + float(share) * (grid[1] - grid[0]) for share in np.geomspace(NEAREST, 0.5, CLOSING)]
        yield from ((value, law(value)) for value in near)
    else:
        yield grid[0], first
    yield from ((value, law(value)) for value in grid[1:])


def _refuse_lengths(lengths: list[Lengths], family: Family, target: Target) -> NoReturn:
    """Say whose plateau is not known, or is zero and cannot divide."""
    for place, how in enumerate(target.rules):
        name, own = ("over" if place else "rule"), [one[place] for one in lengths]
        if all(length is None for length in own):
            but = f"{how.name} has none as a {target.view}"
            but += ", only as a flow" if target.view == "descent" and _has_flow(how, family) else ""
            raise ArgumentError(name, "have a plateau that is predicted exactly", but)
    but = f"that of {target.rules[-1].name} is 0 whatever the {family.unknown}"
    raise ArgumentError("over", "have a plateau to divide by", but)


def _has_flow(how: Rule, family: Family) -> bool:
    """Whether the plateau of a rule's flow is predicted exactly in the middle of a family."""
    model = family.build(math.sqrt(family.low * family.high))
    found = predict(model, how, "flow", model.start(family.start)).plateaus
    return any(kind == "exact" for _, kind in found.values())


def _refuse_target(
    found: list[float], jumps: list[tuple[tuple[float, float], tuple[float, float]]], family: Family, target: Target
) -> NoReturn:
    """Say what the family has instead."""
    least, most, who = min(found), max(found), target.rules[0].name
    but = f"is {target.wanted:g}"
    if least == most:
        raise ArgumentError(target.name, f"be {least:g}, which {who} has whatever the {family.unknown}", but)
    if jumps:
        (low, below), (_, above) = jumps[0]
        jump = f"jumps from {below:g} to {above:g} at {family.unknown} = {low:.6g}"
        raise ArgumentError(target.name, "be one that this family has", f"{but}, where it {jump}")
    raise ArgumentError(target.name, f"lie between {least:g} and {most:g}, which this family has", but)


def _bisected(
    law: Callable[[float], float | None], one: tuple[float, float], other: tuple[float, float], wanted: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Between two values whose lengths lie on either side: the last two, each with its length."""
    while True:
        middle = math.sqrt(one[0] * other[0])
        if middle in (one[0], other[0]) or not min(one[0], other[0]) < middle < max(one[0], other[0]):
            break
        length = law(middle)
        if length is None:
            break
        if length == wanted:
            return (middle, length), (middle, length)
        if (length - wanted) * (one[1] - wanted) > 0:
            one = (middle, length)
        else:
            other = (middle, length)
    return one, other
