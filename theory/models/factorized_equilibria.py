"""The factors at which weight decay holds the target's pull on a balanced mode: its minimum and its barrier."""

from __future__ import annotations

from collections.abc import Callable


def factor_at_minimum(s: float, depth: int, decay: float) -> float:
    """The factor at which decay balances the pull, on the stable side; 0 where decay is the stronger everywhere."""
    if decay == 0:
        return float(s ** (1 / depth))
    low, high = _peak(s, depth), s ** (1 / depth)
    return _crossing(lambda w: _pull(w, s, depth) - decay, low, high) if _pull(low, s, depth) > decay else 0.0


def factor_at_barrier(s: float, depth: int, decay: float) -> float:
    """The factor below which decay wins: 0 without decay, for two layers, and where decay always wins."""
    peak = _peak(s, depth)
    if decay == 0 or depth == 2 or _pull(peak, s, depth) <= decay:
        return 0.0
    return _crossing(lambda w: decay - _pull(w, s, depth), 0.0, peak)


def _peak(s: float, depth: int) -> float:
    """Where w^(L−2) (s − wᴸ), the pull on a balanced factor per unit of it, is largest."""
    return (s * (depth - 2) / (2 * depth - 2)) ** (1 / depth)


def _pull(w: float, s: float, depth: int) -> float:
    """What pulls a balanced factor w per unit of it, and decay has to hold."""
    return float(w ** (depth - 2) * (s - w**depth))


def _crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at `low` and not at `high` changes sign, to the last digit."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
