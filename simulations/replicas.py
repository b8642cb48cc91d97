"""What is kept of many replicas of one run: means, scatter, and the length of each one's plateau."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from simulations import plateaus
from simulations.population import Population
from theory.plateaus import FIRST_BELOW, LEFT_FOR_GOOD, LONGEST_RUN

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lengths:
    """One length per replica, in steps.

    Parameters
    ----------
    values
        Lengths (n,); of a censored replica, what was seen of it.
    censored
        Whether the run ended before the length was known (n,).
    """

    values: Array
    censored: NDArray[np.bool_]

    def quantile(self, level: float) -> float:
        """The least length that a share `level` of the replicas does not exceed; infinite where censored."""
        ordered = np.sort(np.where(self.censored, np.inf, self.values))
        return float(ordered[max(0, int(np.ceil(level * len(ordered))) - 1)])

    @property
    def median(self) -> float:
        """The median, infinite where half of the replicas or more are censored."""
        return self.quantile(0.5)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval that holds the central share `level` of the replicas."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def median_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the median from the order of the replicas, whatever their distribution."""
        count = len(self.values)
        ordered = np.sort(np.where(self.censored, np.inf, self.values))
        below = int(np.argmax(bdtr(np.arange(count), count, 0.5) > (1 - level) / 2))
        return float(ordered[max(0, below - 1)]), float(ordered[min(count - 1, count - below)])


class Running:
    """Mean and scatter over replicas of arrays kept at T steps, group by group."""

    def __init__(self, length: int, shape: tuple[int, ...]) -> None:
        self.count = np.zeros(length)
        self.mean, self.scatter = np.zeros((length, *shape)), np.zeros((length, *shape))

    def add(self, index: int, values: Array) -> None:
        """Take in one group's values (n, …) at one step."""
        size, before = len(values), self.count[index]
        mean = values.mean(axis=0)
        shift = mean - self.mean[index]
        self.count[index] = before + size
        self.mean[index] += shift * size / self.count[index]
        self.scatter[index] += ((values - mean) ** 2).sum(axis=0) + shift**2 * before * size / self.count[index]

    def error(self) -> Array:
        """Standard error of the mean."""
        count = self.count[0]
        error: Array = np.sqrt(self.scatter / (count * (count - 1)))
        return error


class Tally:
    """What is kept of the replicas while they run."""

    def __init__(self, numbers: Population, recorded: NDArray[np.int64]) -> None:
        c, d = numbers.minimiser.shape
        self.numbers, self.place = numbers, {int(step): index for index, step in enumerate(recorded)}
        self.weights, self.second = Running(len(recorded), (c, d)), Running(len(recorded), (d, d))
        self.test, self.share = Running(len(recorded), ()), Running(len(recorded), ())
        self.whole = np.zeros((0, 0), bool)
        self.lengths: list[dict[str, tuple[float, bool]]] = []

    def open(self, replicas: int, count: int) -> None:
        """Begin a group of replicas."""
        if self.numbers.classifies:
            self.whole = np.zeros((replicas, count + 1), bool)

    def add(self, done: int, weights: Array) -> None:
        """Take in the weights (n, c, d) of the group after one more step."""
        index = self.place.get(done)
        if index is None and not self.numbers.classifies:
            return
        test = self.numbers.test_error(weights)
        if self.numbers.classifies:
            self.whole[:, done] = test >= 1.0
        if index is not None:
            error = weights - self.numbers.minimiser
            self.weights.add(index, weights)
            self.second.add(index, error.swapaxes(-1, -2) @ error)
            self.test.add(index, test)
            self.share.add(index, np.where(test >= 1.0, float(self.numbers.classifies), 0.0))

    def close(self) -> None:
        """End a group: measure its plateaus."""
        self.lengths += [measure(row) for row in self.whole]

    def plateaus(self) -> dict[str, Lengths]:
        """The lengths of all replicas, by definition."""
        names = self.lengths[0] if self.lengths else {}
        found = {name: zip(*(each[name] for each in self.lengths), strict=True) for name in names}
        return {name: Lengths(np.array(values, float), np.array(cut)) for name, (values, cut) in found.items()}


def measure(whole: NDArray[np.bool_]) -> dict[str, tuple[float, bool]]:
    """Lengths of one replica at 100 % test error (T,), each with whether it is censored; alike without noise."""
    broken, at_end = np.flatnonzero(~whole), bool(whole[-1])
    longest, last = plateaus.longest_run(whole), len(whole) - 1 - int(np.argmax(whole[::-1]))
    open_run = len(whole) - (int(broken[-1]) + 1 if len(broken) else 0)
    return {
        LONGEST_RUN: (longest, at_end and open_run == longest),
        FIRST_BELOW: (int(broken[0]) if len(broken) else len(whole), len(broken) == 0),
        LEFT_FOR_GOOD: (last + 1 if whole.any() else 0, at_end),
    }
