"""Numbers and lists as LaTeX, for captions."""

from __future__ import annotations

import math
from collections.abc import Iterable

WHOLE = 1e-9  # of a number, by which it may miss a whole one


def tex(value: float, digits: int = 3) -> str:
    r"""A number with so many digits, to stand inside dollars; *none* for NaN.

    Examples
    --------
    >>> [tex(value) for value in (0, 1603, 27846.4, 0.0123456, 1.5e-5, -2e7, 0.5)]
    ['0', '1603', '27800', '0.0123', '1.5\\times 10^{-5}', '-2\\times 10^{7}', '0.5']
    """
    value = float(value)
    if not math.isfinite(value):
        return r"\text{none}" if math.isnan(value) else r"\infty"
    near = round(value)
    if abs(value - near) <= WHOLE * abs(value) and abs(near) < 1e5:
        return str(near)
    rounded = float(f"{value:.{digits}g}")
    if 5e-3 <= abs(rounded) < 1e5:
        return f"{rounded:.{max(digits, 5)}g}"
    mantissa, _, exponent = f"{rounded:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else f"{mantissa}\\times {power}"


def code(text: object) -> str:
    r"""A name in typewriter letters.

    Examples
    --------
    >>> code("mine:MY_RULE")
    '\\texttt{mine:MY\\_RULE}'
    """
    escaped = str(text).replace("_", r"\_")
    return rf"\texttt{{{escaped}}}"


def listed(parts: Iterable[str]) -> str:
    """Words joined by commas and a last *and*.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
