"""A sweep over one or two of its axes, ready to be drawn: lengths, what is censored, and where a plateau must end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulations.axes import LOGARITHM
from simulations.sweep_lengths import FOLDED
from simulations.sweep_store import LENGTH, open_sweep
from simulations.sweeps import SEED
from theory.checks import ArgumentError, known
from theory.existence import least_slow_start, wedge_excess
from theory.members import members
from theory.plateaus import LONGEST_RUN
from theory.rule_ids import rule
from theory.rules import Rule

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
CELLS = 400  # along a side, at most: of a larger grid some of the points are taken, evenly
FINE = 400  # points of a derived boundary along a side
KINDS = ("measured", "predicted")


@dataclass(frozen=True, eq=False)
class Side:
    """One axis of a phase diagram: its name and values (n,) in ascending order, numbers or words."""

    name: str
    values: NDArray[Any]
    log: bool

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers, which have room between them."""
        return self.values.dtype.kind == "f"

    def fine(self) -> Array:
        """Points close together from the first to the last value (FINE,)."""
        return (np.geomspace if self.log else np.linspace)(self.values[0], self.values[-1], FINE)


@dataclass(frozen=True, eq=False)
class Border:
    """Where a plateau must end: w₂ − its least value, over the points of the sides (FINE or 1, FINE).

    Parameters
    ----------
    excess
        Not negative where there is a plateau.
    exact
        Whether it holds for what was swept, or is that of the flow for the steps of a rule.
    """

    excess: Array
    exact: bool


@dataclass(frozen=True, eq=False)
class Phase:
    """Plateau lengths over one axis of a sweep, or two.

    Parameters
    ----------
    x, y
        The axes; `y` is None where there is one.
    lengths
        Rule → lengths (y, x), NaN where they are not known; one row for one axis.
    unknown
        Rules of which no length is known.
    ratio
        The GD/EGD ratio (y, x); None where one of both was not swept.
    borders
        Rule → the derived boundary of no plateau, where there is one.
    kind, definition, unit
        ``measured`` or ``predicted`` lengths, of which definition, in what.
    model
        Its id.
    rest
        The other parameters.
    thinned
        Whether points of the sweep are left out.
    """

    x: Side
    y: Side | None
    lengths: dict[str, Array]
    unknown: tuple[str, ...]
    ratio: Array | None
    borders: dict[str, Border]
    kind: str
    definition: str
    unit: str
    model: str
    rest: dict[str, Any]
    thinned: bool


def phase(
    sweep: xr.Dataset | Path | str,
    x: str | None = None,
    y: str | None = None,
    *,
    definition: str | None = None,
    kind: str | None = None,
    at: Mapping[str, Any] | None = None,
) -> Phase:
    """Plateau lengths of a sweep over one or two of its axes.

    Parameters
    ----------
    sweep
        A grid: its Dataset, store or file. No more of it is read than is drawn.
    x, y
        Axes; the first two that vary if left out.
    definition
        Of a plateau; the sweep's first if left out.
    kind
        ``measured`` or ``predicted``; measured where the sweep is.
    at
        Values of the other axes, and the seed; the first of each if left out.

    Raises
    ------
    ArgumentError
        If the sweep is a random design, an axis does not vary, or a value is not one of the sweep's.
    """
    with _opened(sweep) as found:
        document = json.loads(found.attrs["parameters"])
        names = chosen_axes(document["design"], _sizes(found, document), [name for name in (x, y) if name is not None])
        kind = known("kind", kind or next(name for name in KINDS if name in found), [k for k in KINDS if k in found])
        listed = [str(name) for name in found["definition"].values]
        definition = known("definition", definition or listed[0], listed)
        there, rest = _cut(found, names, at or {})
        there = there.isel(definition=listed.index(definition))
        thinned = any(there.sizes[name] > CELLS for name in names)
        there = there.isel({name: _some(there.sizes[name]) for name in names})
        there = there.sortby([name for name in names if there[name].dtype.kind == "f"])
        sides = [_side(there, name, document) for name in names]
        lengths, ratio = _lengths(there, kind, names)
        unit = "steps" if document["view"] == "descent" else "flow time"
    still = document["fixed"] | rest
    return Phase(
        x=sides[0],
        y=sides[1] if len(sides) > 1 else None,
        lengths=lengths,
        unknown=tuple(str(name) for name in there["rule"].values if name not in lengths),
        ratio=ratio,
        borders=_borders(document, sides, still, list(lengths)) if definition == LONGEST_RUN else {},
        kind=kind,
        definition=definition,
        unit=unit,
        model=document["model"],
        rest={name: value for name, value in still.items() if name not in names and value != ""},
        thinned=thinned,
    )


def chosen_axes(design: str, sizes: Mapping[str, int], asked: Sequence[str] = ()) -> list[str]:
    """One or two axes to draw a sweep over.

    Raises
    ------
    ArgumentError
        If the sweep is no grid, or has no such axes.
    """
    if design != "grid":
        raise ArgumentError("design", "be a grid for a picture", f"is {design}")
    varying = [name for name, size in sizes.items() if size > 1]
    if not varying:
        raise ArgumentError("sweep", "have an axis with two values or more for a picture", "has none")
    for name in asked:
        known("axes", name, varying)
    if len(set(asked)) < len(asked) or len(asked) > 2:
        raise ArgumentError("axes", "name one or two axes, and none twice", f"names {', '.join(asked)}")
    return list(asked) if asked else varying[:2]


@contextlib.contextmanager
def _opened(sweep: xr.Dataset | Path | str) -> Iterator[xr.Dataset]:
    if isinstance(sweep, (str, Path)):
        with open_sweep(sweep) as found:
            yield found
    else:
        yield sweep


def _sizes(found: xr.Dataset, document: dict[str, Any]) -> dict[str, int]:
    """Axis → number of values, in the order in which they were given; of a random design nothing."""
    return {name: found.sizes[name] for name in document["axes"] if name in found.sizes}


def _cut(found: xr.Dataset, names: list[str], at: Mapping[str, Any]) -> tuple[xr.Dataset, dict[str, Any]]:
    """The sweep at one value of every other axis, and these values."""
    others = [str(name) for name in found.sizes if name not in (*LENGTH, *names)]
    for name in at:
        known("at", name, others)
    places = {}
    for name in others:
        values = found[name].values
        hits = np.flatnonzero(values == at[name]) if name in at else np.array([0])
        if not len(hits):
            raise ArgumentError("at", f"give `{name}` a value that was swept", f"is {at[name]}")
        places[name] = int(hits[0])
    rest = {name: found[name].values[place].item() for name, place in places.items() if name != SEED}
    return found.isel(places), rest


def _some(count: int) -> slice:
    return slice(None, None, -(-count // CELLS))


def _side(there: xr.Dataset, name: str, document: dict[str, Any]) -> Side:
    values = there[name].values
    if values.dtype.kind != "f":
        return Side(name, np.array([str(word) for word in values]), False)
    return Side(name, values, document["axes"][name].endswith(f":{LOGARITHM}"))


def _lengths(there: xr.Dataset, kind: str, names: list[str]) -> tuple[dict[str, Array], Array | None]:
    """Rule → lengths (y, x) of all rules that have some, and the ratio."""
    order = [name for name in reversed(names)]

    def table(variable: xr.DataArray) -> Array:
        return variable.transpose(..., *order).values.reshape(-1, there.sizes[names[0]])

    found = {str(name): table(there[kind].sel(rule=name)) for name in there["rule"].values}
    known = {name: lengths for name, lengths in found.items() if not np.isnan(lengths).all()}
    ratio = table(there[f"{kind}_ratio"]) if {"gd", "egd"} <= set(known) else None
    return known, ratio


def _borders(document: dict[str, Any], sides: list[Side], rest: dict[str, Any], names: list[str]) -> dict[str, Border]:
    """The derived boundary of each rule that has one."""
    if document["model"] not in EXCESSES or not all(side.numeric for side in sides):
        return {}
    grid = np.meshgrid(*(side.fine() for side in sides)) if len(sides) > 1 else [sides[0].fine()[None]]
    given = rest | {side.name: values for side, values in zip(sides, grid, strict=True)}
    excess, view = EXCESSES[document["model"]], document["view"]
    borders = {}
    for name in names:
        how = _spectral(name)
        if how is not None:
            exact = view == "flow" or (how.linear and document["model"] == "folded")
            borders[name] = Border(np.broadcast_to(excess(how, view, given), grid[0].shape), exact)
    return borders


def _folded(how: Rule, view: str, given: dict[str, Any]) -> Array:
    start = given["start_fast"], given["start_slow"]
    found, shape = members(**{name: given[name] for name in FOLDED if not name.startswith("start")}, start=start)
    return (found.start_slow - least_slow_start(how, view, found)).reshape(shape)


def _wedge(how: Rule, view: str, given: dict[str, Any]) -> Array:
    return wedge_excess(given["theta"], given["w1"], given["w2"])


EXCESSES: dict[str, Callable[[Rule, str, dict[str, Any]], Array]] = {"folded": _folded, "wedge": _wedge}


def _spectral(name: str) -> Rule | None:
    """The rule of this id if its flow runs through gradient descent's path, or it is Newton's."""
    try:
        how = rule(name)
    except ArgumentError:  # a law of a user's own, from elsewhere
        return None
    return how if how.linear or how.law is not None else None
