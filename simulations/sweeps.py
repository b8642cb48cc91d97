"""Sweeps: plateau lengths over a design of a model's parameters, rules and seeds.

A `Sweep` is a value: what is computed, and in which blocks. `simulations.sweep_lengths` computes a block,
`simulations.sweep_store` keeps blocks on disk, `simulations.sweep_runs` sees to it that all of them are there.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.axes import Axis, Listed, Range
from simulations.folded_descents import steps_together
from simulations.sweep_parameters import DEFAULTS, DEFINITIONS, SHAPED, check_domain, parameter_axis
from theory.checks import ArgumentError, inside, known, whole
from theory.derivation import VIEWS
from theory.rule_ids import rule
from theory.rules import Rule

DESIGNS = ("grid", "random")
LONGEST_SIDE = 10**8  # its values are held in memory, the members are not
# Members of a block, by how they are found: by laws over arrays, by steps together or runs alone, by laws one by one.
CLOSED_FORM, STEPPED, ONE_BY_ONE, PREDICTED = 1 << 15, 1 << 10, 1 << 4, 1 << 8
MOST_STEPS, MOST_STEPS_ALONE = 1_000_000, 100_000
POINT, SEED = "point", "seed"


@dataclass(frozen=True)
class Block:
    """A part of a sweep: where it begins along each dimension of its members, and how far it goes."""

    start: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def region(self) -> tuple[slice, ...]:
        """The part as slices."""
        return tuple(slice(a, a + n) for a, n in zip(self.start, self.shape, strict=True))


@dataclass(frozen=True)
class Sweep:
    """What is swept; `sweep` makes one from plain values.

    Parameters
    ----------
    model
        ``folded``, ``wedge`` or ``regression``.
    axes
        What varies; the other parameters have their default.
    rules
        Update rules.
    seeds
        Number of seeds, 0 to seeds − 1: of random rules and of a regression's bases.
    view
        ``descent`` (lengths in steps) or ``flow`` (in flow time).
    design
        ``grid`` or ``random``.
    points
        Points of a random design.
    draw
        The seed of a random design.
    measure
        Whether lengths are measured, or only predicted.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    max_steps
        Most steps of a descent.
    block
        Most members of a block: part of the definition, as a random design is drawn block by block.

    Raises
    ------
    ArgumentError
        If an argument lies outside its domain, or a value of an axis outside that of its parameter.
    """

    model: str
    axes: tuple[Axis, ...]
    rules: tuple[Rule, ...]
    seeds: int
    view: str
    design: str
    points: int
    draw: int
    measure: bool
    threshold: float
    max_steps: int
    block: int

    def __post_init__(self) -> None:
        known("view", self.view, VIEWS)
        known("design", self.design, DESIGNS)
        inside("threshold", self.threshold, 0, 1, "(0, 1)")
        for name, least in (("seeds", 1), ("draw", 0), ("max_steps", 1), ("block", 1)):
            whole(name, getattr(self, name), least)
        if not self.rules:
            raise ArgumentError("rules", "hold at least one rule", "is empty")
        Listed("rules", tuple(how.name for how in self.rules))
        self._check_design()
        for one in self.axes:
            check_domain(self.model, one)
        for name, count in self.dimensions.items():
            if count > LONGEST_SIDE:
                name = {SEED: "seeds", POINT: "points"}.get(name, name)
                raise ArgumentError(name, f"have at most {LONGEST_SIDE:,} values", f"has {count:,}")
        given = {one.name for one in self.axes}
        if "spectrum" in given and (too := given & SHAPED):
            raise ArgumentError(min(too), "be left out with `spectrum`", "is given")

    def _check_design(self) -> None:
        for one in self.axes:
            if isinstance(one, Range) and self.design == "grid" and not one.count:
                raise ArgumentError(one.name, "say how many points a grid has, LOW:HIGH:COUNT", f"is {one.text}")
            if isinstance(one, Range) and self.design == "random" and one.count:
                raise ArgumentError(one.name, "be LOW:HIGH in a random design", f"is {one.text}")
        if self.design == "random":
            whole("points", self.points, 1)
        for name in ("points", "draw"):
            if self.design == "grid" and getattr(self, name):
                raise ArgumentError(name, "go with a random design", "is given with a grid")

    @property
    def dimensions(self) -> dict[str, int]:
        """Names and lengths of the dimensions of the members, in order."""
        if self.design == "random":
            return {POINT: self.points, SEED: self.seeds}
        return {one.name: one.size for one in self.axes} | {SEED: self.seeds}

    @property
    def definitions(self) -> tuple[str, ...]:
        """Definitions of a plateau, the default one first."""
        return DEFINITIONS[self.model]

    @property
    def size(self) -> int:
        """Number of members."""
        return math.prod(self.dimensions.values())

    @property
    def block_shape(self) -> tuple[int, ...]:
        """Members of a full block along each dimension: the last dimensions whole, as far as they go."""
        left, shape = self.block, []
        for length in reversed(self.dimensions.values()):
            shape.append(min(length, left))
            left = max(1, left // shape[-1])
        return tuple(reversed(shape))

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order of their members."""
        lengths, shape = tuple(self.dimensions.values()), self.block_shape
        for start in itertools.product(*(range(0, n, k) for n, k in zip(lengths, shape, strict=True))):
            yield Block(start, tuple(min(k, n - a) for a, k, n in zip(start, shape, lengths, strict=True)))

    @property
    def block_count(self) -> int:
        """Number of blocks."""
        return math.prod(-(-n // k) for n, k in zip(self.dimensions.values(), self.block_shape, strict=True))

    def members(self, block: Block) -> dict[str, NDArray[Any]]:
        """The value of every parameter, and the seed, of each member of a block (n,)."""
        if self.design == "random":
            drawn = self._drawn(block.start[0], block.shape[0])
            varied = {name: np.repeat(values, block.shape[1]) for name, values in drawn.items()}
            seeds = np.tile(np.arange(self.seeds)[block.region[1]], block.shape[0])
        else:
            sides = [one.values(part) for one, part in zip(self.axes, block.region[:-1], strict=True)]
            sides.append(np.arange(self.seeds)[block.region[-1]])
            *found, seeds = (side.reshape(-1) for side in np.meshgrid(*sides, indexing="ij"))
            varied = {one.name: values for one, values in zip(self.axes, found, strict=True)}
        still = {name: np.full(len(seeds), value) for name, value in DEFAULTS[self.model].items()}
        return still | varied | {SEED: seeds}

    def _drawn(self, first: int, count: int) -> dict[str, NDArray[Any]]:
        """The points of one block of a random design, each axis with a stream of its own."""
        return {
            one.name: one.draw(np.random.default_rng([self.draw, place, first]), count)
            for place, one in enumerate(self.axes)
        }

    def document(self) -> dict[str, Any]:
        """All that determines the numbers, ready for JSON."""
        names = {one.name for one in self.axes}
        names |= SHAPED if "spectrum" in names else set()
        return {
            "model": self.model,
            "axes": {one.name: one.text for one in self.axes},
            "fixed": {name: value for name, value in DEFAULTS[self.model].items() if name not in names},
            "rules": [how.name for how in self.rules],
            "laws": [str(how.law) for how in self.rules],
            "seeds": self.seeds,
            "view": self.view,
            "design": self.design,
            "points": self.points,
            "draw": self.draw,
            "measure": self.measure,
            "threshold": self.threshold,
            "max_steps": self.max_steps,
            "block": self.block,
        }

    @property
    def identity(self) -> str:
        """A hash by which a store tells this sweep from another."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()


def sweep(
    model: str = "folded",
    axes: Mapping[str, Any] | None = None,
    rules: Sequence[Rule | str] = ("gd", "egd"),
    *,
    seeds: int = 1,
    view: str = "descent",
    design: str = "grid",
    points: int | None = None,
    draw: int = 0,
    measure: bool = True,
    threshold: float = 1e-3,
    max_steps: int | None = None,
    block: int | None = None,
) -> Sweep:
    """A sweep from plain values.

    Parameters
    ----------
    axes
        Parameter → values, a range as text (``1e-4:1e-1:20:log``), or an `Axis`.
    max_steps
        Most steps of a descent; by default 1,000,000 where members step together, 100,000 elsewhere.
    block
        Most members of a block; by default as many as its way of measuring finds in a few seconds.
    model, rules, seeds, view, design, points, draw, measure, threshold
        As in `Sweep`; a rule that is given twice counts once.

    Raises
    ------
    ArgumentError
        As `Sweep` does, and for an axis that the model has not.

    Examples
    --------
    >>> sweep("folded", {"epsilon": "1e-3:1e-1:3:log", "theta": [0.5, 1.0]}).dimensions
    {'epsilon': 3, 'theta': 2, 'seed': 1}
    """
    known("model", model, tuple(DEFAULTS))
    if design == "random" and points is None:
        raise ArgumentError("points", "be given for a random design", "is missing")
    chosen = tuple(dict.fromkeys(rule(how) for how in rules))
    for name in axes or {}:
        known("axis", name, tuple(DEFAULTS[model]))
    found = tuple(parameter_axis(name, given) for name, given in (axes or {}).items())
    together = measure and model == "folded" and view == "descent" and all(map(steps_together, chosen))
    unmeasured = PREDICTED if model == "wedge" else CLOSED_FORM
    return Sweep(
        model=model,
        axes=found,
        rules=chosen,
        seeds=seeds,
        view=view,
        design=design,
        points=0 if points is None else points,
        draw=draw,
        measure=measure,
        threshold=threshold,
        max_steps=(MOST_STEPS if together else MOST_STEPS_ALONE) if max_steps is None else max_steps,
        block=(STEPPED if together else ONE_BY_ONE if measure else unmeasured) if block is None else block,
    )
