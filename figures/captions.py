"""Numbers and lists as LaTeX, for captions."""

from __future__ import annotations

from collections.abc import Iterable


def tex(value: float, digits: int = 3) -> str:
    r"""A number with so many digits, to stand inside dollars.

    Examples
    --------
    >>> [tex(value) for value in (0.0, 1603, 0.0123456, 1.5e-5, -2e7, 0.5)]
    ['0', '1603', '0.0123', '1.5\\times 10^{-5}', '-2\\times 10^{7}', '0.5']
    """
    value = float(f"{float(value):.{max(digits, 5)}g}")  # no more digits than a whole number is read with
    if value == int(value) and abs(value) < 1e5:
        return str(int(value))
    text = f"{value:.0f}" if 10**digits <= abs(value) < 1e5 else f"{value:.{digits}g}"
    mantissa, marked, exponent = f"{value:.{digits - 1}e}".partition("e") if abs(value) < 0.005 else text.partition("e")
    if not marked:
        return mantissa
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else f"{mantissa}\\times {power}"


def listed(parts: Iterable[str]) -> str:
    """Words joined by commas and a last *and*.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
