"""The runs of a comparison that are drawn as one, what they are called, and which come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from figures.curves import relative
from simulations.comparison import Run
from simulations.trajectory import Trajectory

Array = NDArray[np.float64]
Group = list[Run]
Rows = dict[str, list[Group]]  # view → its groups
SAME = 1e-3  # relative curves that differ by less are drawn as one line
LONGEST_LABEL = 26  # characters
PREFERRED = ("gd", "egd")
SHOWN = 3  # rules whose directions are drawn


def merged(runs: Sequence[Run]) -> list[Group]:
    """Runs that no eye could tell apart, together."""
    groups: list[Group] = []
    for run in runs:
        same = next((group for group in groups if _coincide(group[0], run)), None)
        if same is None:
            groups.append([run])
        else:
            same.append(run)
    return groups


def _coincide(one: Run, other: Run) -> bool:
    a, b = one.trajectory, other.trajectory
    if (one.curve is None) != (other.curve is None) or a.stop_reason != b.stop_reason:
        return False
    if not np.isclose(a.times[-1], b.times[-1], rtol=SAME):
        return False
    if not np.allclose(a.arrivals, b.arrivals, rtol=SAME, equal_nan=True):
        return False
    return all(_near(a.times, x, b.times, y) for x, y in zip(_shape(a), _shape(b), strict=True))


def _shape(trajectory: Trajectory) -> list[Array]:
    curves = np.column_stack([trajectory.train_error, trajectory.test_error, trajectory.amplitudes])
    return list(relative(curves).T)


def _near(times: Array, values: Array, others: Array, other: Array) -> bool:
    """Whether every point of one line lies within a hair of the other, up or down or sideways."""
    beside = np.array([np.interp(shift * times, others, other) for shift in (1 - 5 * SAME, 1, 1 + 5 * SAME)])
    return bool(np.all((values >= beside.min(axis=0) - SAME) & (values <= beside.max(axis=0) + SAME)))


def label(group: Group) -> str:
    """The name of a group: its rules, or the first of them and how many more."""
    names = joined(group)
    return names if len(names) <= LONGEST_LABEL else f"{group[0].rule.name} = {len(group) - 1} more"


def joined(group: Group) -> str:
    """All rules of a group."""
    return " = ".join(run.rule.name for run in group)


def preferred(groups: list[Group]) -> list[Group]:
    """The rules whose directions are drawn: gradient descent, egalitarian, then in the order given."""

    def rank(group: Group) -> int:
        return min([PREFERRED.index(run.rule.name) for run in group if run.rule.name in PREFERRED], default=9)

    return sorted(groups, key=rank)[:SHOWN]
