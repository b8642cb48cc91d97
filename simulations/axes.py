"""The axes of a sweep: listed values or a range, of which a grid takes points and a random design draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.checks import ArgumentError, ArgumentTypeError, number, plain, positive

LOGARITHM = "log"
ALL = slice(None)


@dataclass(frozen=True)
class Listed:
    """Values one by one.

    Parameters
    ----------
    name
        The parameter.
    entries
        Its values, numbers or words, all of one kind and no two alike.

    Raises
    ------
    ArgumentError
        If there is none, or one stands twice.
    """

    name: str
    entries: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.entries:
            raise ArgumentError(self.name, "hold at least one value", "is empty")
        if len(set(self.entries)) < len(self.entries):
            raise ArgumentError(self.name, "hold no value twice", f"holds {self.text}")

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.entries)

    @property
    def text(self) -> str:
        """How the command line takes it."""
        if isinstance(self.entries[0], float):
            return ",".join(map(plain, self.entries))
        return (";" if "," in "".join(self.entries) else ",").join(self.entries)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to check against the parameter's domain."""
        return self.entries

    def values(self, part: slice = ALL) -> NDArray[Any]:
        """The values, or a part of them (n,)."""
        return np.array(self.entries[part])

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[Any]:
        """Values drawn at random (count,)."""
        return self.values()[generator.integers(self.size, size=count)]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`.

    Parameters
    ----------
    name
        The parameter.
    low, high
        Its least and greatest value.
    count
        Points of a grid; 0 in a random design, which draws from the range.
    log
        Whether they are even in the logarithm.

    Raises
    ------
    ArgumentError
        If the range is empty or reversed, or starts at or below zero in the logarithm.
    """

    name: str
    low: float
    high: float
    count: int = 0
    log: bool = False

    def __post_init__(self) -> None:
        low = (positive if self.log else number)(self.name, self.low)
        if not low < number(self.name, self.high):
            raise ArgumentError(self.name, "go from low to high", f"goes from {plain(low)} to {plain(self.high)}")
        if self.count == 1:
            raise ArgumentError(self.name, "have at least two points in its range", "has 1")

    @property
    def size(self) -> int:
        """Number of points of a grid."""
        return self.count

    @property
    def text(self) -> str:
        """How the command line takes it."""
        parts = [plain(self.low), plain(self.high), *([str(self.count)] if self.count else [])]
        return ":".join([*parts, *([LOGARITHM] if self.log else [])])

    @property
    def ends(self) -> tuple[float, float]:
        """The values to check against the parameter's domain."""
        return self.low, self.high

    def values(self, part: slice = ALL) -> NDArray[np.float64]:
        """The points of a grid, both ends among them, or a part of them (n,)."""
        share = np.arange(*part.indices(self.count)) / (self.count - 1)
        even = self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share
        return np.where(share == 1, self.high, even)

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Values drawn evenly over the range or its logarithm (count,)."""
        if not self.log:
            return generator.uniform(self.low, self.high, count)
        drawn = np.exp(generator.uniform(math.log(self.low), math.log(self.high), count))
        return np.clip(drawn, self.low, self.high)


Axis = Listed | Range


def axis(name: str, given: Any) -> Axis:
    """An axis from an `Axis`, a value, a sequence of values, or text.

    Text reads ``A,B,…`` for values, ``LOW:HIGH:COUNT`` for a grid and ``LOW:HIGH`` for a random design; ``:log`` at
    the end makes a range even in the logarithm.

    Raises
    ------
    ArgumentError
        If it is empty or reversed, or does not read so.

    Examples
    --------
    >>> axis("epsilon", "1e-3:1e-1:3:log").values().round(12).tolist()
    [0.001, 0.01, 0.1]
    """
    if isinstance(given, Listed | Range):
        return given
    if isinstance(given, str) and ":" in given:
        return _range(name, given)
    if isinstance(given, str):
        given = [part.strip() for part in given.split(",")] if given.strip() else []
    values = list(given) if isinstance(given, Sequence | np.ndarray) else [given]
    try:
        return Listed(name, tuple(number(name, value) for value in values))
    except ArgumentTypeError:
        raise ArgumentTypeError(name, "hold numbers, or read LOW:HIGH:COUNT", f"holds {values!r}") from None


def words(name: str, given: Any, separator: str = ",") -> Listed:
    """An axis whose values are words, from text with separators or a sequence."""
    if isinstance(given, str):
        given = [part.strip() for part in given.split(separator) if part.strip()]
    return Listed(name, tuple(map(str, given)))


def _range(name: str, text: str) -> Range:
    parts = [part.strip() for part in text.split(":")]
    log = parts[-1] == LOGARITHM
    parts = parts[:-1] if log else parts
    if len(parts) not in (2, 3):
        raise ArgumentError(name, "read LOW:HIGH:COUNT, LOW:HIGH or either with :log", f"is {text!r}")
    try:
        ends = [number(name, part) for part in parts]
    except ArgumentTypeError:
        raise ArgumentError(name, "hold numbers around its colons", f"is {text!r}") from None
    return Range(name, ends[0], ends[1], _count(name, ends[2]) if len(ends) == 3 else 0, log)


def _count(name: str, given: float) -> int:
    if given < 1 or given != int(given):
        raise ArgumentError(name, "have a whole number of points of at least 1, LOW:HIGH:COUNT", f"has {plain(given)}")
    return int(given)
