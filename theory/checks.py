"""One grammar for refusing bad input: *Argument `x` must …, but …*."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any

TIGHTEST, COARSEST = 1e-13, 1e-2  # relative tolerances
SMALLEST, LARGEST = 1e-100, 1e100  # within which squares and products stay numbers


class ArgumentError(ValueError):
    """An argument of the right type has a value outside its domain."""

    def __init__(self, name: str, must: str, but: str) -> None:
        super().__init__(f"Argument `{name}` must {must}, but {but}.")
        self.parts = name, must, but

    def __reduce__(self) -> tuple[type[ArgumentError], tuple[str, str, str]]:  # for other processes
        return type(self), self.parts


class ArgumentTypeError(TypeError):
    """An argument has the wrong type."""

    def __init__(self, name: str, must: str, but: str) -> None:
        super().__init__(f"Argument `{name}` must {must}, but {but}.")
        self.parts = name, must, but


def number(name: str, value: Any) -> float:
    """Return `value` as a finite float, or refuse it."""
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentTypeError(name, "be a number", f"is {value!r}") from None
    if not math.isfinite(result):
        raise ArgumentError(name, "be finite", f"is {result}")
    if abs(result) > LARGEST:
        raise ArgumentError(name, f"be at most {LARGEST:g} in size", f"is {plain(result)}")
    return result


def _not_tiny(name: str, value: float, zero: str = "zero or ") -> float:
    if value != 0 and abs(value) < SMALLEST:
        raise ArgumentError(name, f"be {zero}at least {SMALLEST:g} in size", f"is {plain(value)}")
    return value


def plain(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers as text, in six digits or as many more as it takes to tell them apart.

    Examples
    --------
    >>> apart(0.5, 0.25), apart(1.0000000012, 1.0)
    (('0.5', '0.25'), ('1.000000001', '1'))
    """
    texts = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(6, 17))
    return next((pair for pair in texts if pair[0] != pair[1]), (plain(one), plain(other)))


def positive(name: str, value: object) -> float:
    """Return `value` as a float greater than zero, or refuse it."""
    result = number(name, value)
    if result <= 0:
        raise ArgumentError(name, "be positive", f"is {plain(result)}")
    return _not_tiny(name, result, "")


def nonnegative(name: str, value: object) -> float:
    """Return `value` as a float of at least zero, or refuse it."""
    result = number(name, value)
    if result < 0:
        raise ArgumentError(name, "be zero or positive", f"is {plain(result)}")
    return result


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an integer of at least `least`, or refuse it."""
    result = number(name, value)
    if result != int(result) or result < least or isinstance(value, bool):
        raise ArgumentError(name, f"be a whole number of at least {least}", f"is {plain(result)}")
    return int(result)


def tolerance(value: object) -> float:
    """Return a solver's relative tolerance, or refuse one that rounding or coarseness makes meaningless."""
    result = number("rtol", value)
    if not TIGHTEST <= result <= COARSEST:
        raise ArgumentError("rtol", f"be at least {TIGHTEST:g} and at most {COARSEST:g}", f"is {plain(result)}")
    return result


def inside(name: str, value: object, low: float, high: float, interval: str) -> float:
    """Return `value` as a float strictly between `low` and `high`; `interval` words the domain."""
    result = number(name, value)
    if not low < result < high:
        raise ArgumentError(name, f"lie in {interval}", f"is {plain(result)}")
    return _not_tiny(name, result, "" if low >= 0 else "zero or ")


def numbers(name: str, values: object) -> tuple[float, ...]:
    """Return a non-empty sequence of finite floats, or refuse it."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        values = (values,)
    result = tuple(_not_tiny(name, number(name, value)) for value in values)
    if not result:
        raise ArgumentError(name, "hold at least one number", "is empty")
    return result


def length(name: str, values: Sequence[float], allowed: Sequence[int]) -> None:
    """Refuse a sequence whose length is not among `allowed`."""
    if len(values) not in allowed:
        wanted = " or ".join(str(n) for n in sorted(set(allowed)))
        raise ArgumentError(name, f"hold {wanted} numbers", f"holds {len(values)}")


def ends(name: str, values: Sequence[float]) -> tuple[float, float]:
    """Return the first and last number of a range, or refuse them."""
    length(name, values, [2])
    first, last = (number(name, value) for value in values)
    if not first < last:
        raise ArgumentError(name, "hold two numbers that ascend", f"holds {plain(first)}, {plain(last)}")
    return first, last


def known(name: str, value: str, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`; otherwise list them and name the nearest."""
    if value not in choices:
        if not isinstance(value, str):
            raise ArgumentTypeError(name, f"be one of {', '.join(choices)}", f"is {value!r}")
        lower = {choice.lower(): choice for choice in choices}
        near = difflib.get_close_matches(value.lower(), lower, n=1, cutoff=0.5)
        hint = f" (did you mean {lower[near[0]]}?)" if near else ""
        raise ArgumentError(name, f"be one of {', '.join(choices)}", f"is {value!r}{hint}")
    return value
