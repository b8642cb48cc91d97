"""How the gradient's singular directions line up with the directions that carry the solution which generalises.

Those of a modular task are waves over the residues: for each frequency f, cos and sin of 2πfi/N on either block of
inputs, a group of four dimensions (of two where f = N/2). N = p and i = a for addition; for multiplication N = p − 1
and a = gⁱ with a primitive root g, the zero apart. Those of parity are the relevant bits, one group. The alignment of
a direction is the share of its squared length that falls on its best group: 1 where it is a wave, or lies among the
relevant bits. What a random direction has on average is known exactly (`theory.concentration`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import primitive_root

from simulations.bases import rank_cut
from simulations.networks.settings import Setting
from simulations.networks.tasks import Modular, Parity, Task
from theory.concentration import best_share

Array = NDArray[Any]
SEVERAL = 8  # directions of a modular task's gradient that are looked at


@dataclass(frozen=True, eq=False)
class Carriers:
    """The directions that carry a task's solution.

    Parameters
    ----------
    basis
        Orthonormal columns (inputs, m).
    groups
        The group of each (m,): a frequency from 1 on, or 1 for all relevant bits.
    expected
        The alignment of a random direction, on average.
    count
        How many of a gradient's singular directions are looked at.
    """

    basis: Array
    groups: NDArray[np.int64]
    expected: float
    count: int

    def energies(self, directions: Array) -> Array:
        """Squared length (g, k) of directions (inputs, k) within each group."""
        squares = (self.basis.T @ directions) ** 2
        return np.array([squares[self.groups == one].sum(axis=0) for one in np.unique(self.groups)])

    def alignment(self, directions: Array) -> Array:
        """The share of the best group (k,) of directions (inputs, k) of any length; 0 for a vanished one."""
        total = (directions**2).sum(axis=0)
        best = self.energies(directions).max(axis=0, initial=0.0)
        return np.divide(best, total, out=np.zeros_like(best), where=total > 0)


@functools.lru_cache(maxsize=8)
def carriers(task: Task) -> Carriers:
    """The directions that carry a task's solution."""
    if isinstance(task, Parity):
        relevant = np.eye(task.bits)[:, : task.relevant]
        return Carriers(relevant, np.ones(task.relevant, int), task.relevant / task.bits, task.relevant)
    places = _places(task)
    waves, frequencies = _waves(len(places))
    block = np.zeros((task.modulus, len(frequencies)))
    block[places] = waves
    alone = len(places) % 2 == 0  # the frequency N/2 has no sine
    share = best_share((len(places) - 1) // 2, int(alone), task.features)
    return Carriers(np.kron(np.eye(2), block), np.tile(frequencies, 2), float(share), SEVERAL)


def _places(task: Modular) -> NDArray[np.int64]:
    """The residues in the order in which the operation adds up their places (N,)."""
    if task.operation == "add":
        return np.arange(task.modulus)
    root = int(primitive_root(task.modulus))
    return np.array([pow(root, power, task.modulus) for power in range(task.modulus - 1)])


def _waves(length: int) -> tuple[Array, NDArray[np.int64]]:
    """Orthonormal cosines and sines (N, N − 1) of the frequencies 1 … N/2, and the frequency of each (N − 1,)."""
    columns, frequencies = [np.zeros((length, 0))], []
    for frequency in range(1, length // 2 + 1):
        angle = 2 * np.pi * (frequency * np.arange(length) % length) / length
        both = [np.cos(angle)] if 2 * frequency == length else [np.cos(angle), np.sin(angle)]
        columns.append(np.array([wave / math.sqrt(wave @ wave) for wave in both]).T)
        frequencies += [frequency] * len(both)
    return np.concatenate(columns, axis=1), np.array(frequencies, int)


def gradient_alignment(setting: Setting, values: Array, directions: Array) -> float:
    """The mean alignment of a gradient's leading singular directions, as many as `Carriers.count` and its rank allow.

    Parameters
    ----------
    setting
        What is trained.
    values
        Singular values (r,) of the gradient of W₁, in descending order.
    directions
        The input-side singular vectors (inputs, k) of the largest.
    """
    found, shape = carriers(setting.task), (setting.task.features, setting.width)
    leading = directions[:, : min(found.count, int(rank_cut(values, shape).sum()))]
    return float(found.alignment(leading).mean()) if leading.shape[1] else math.nan


def unit_alignment(setting: Setting, first: Array) -> float:
    """The mean alignment of the hidden units' incoming weights, the columns of W₁ (inputs, hidden)."""
    return float(carriers(setting.task).alignment(np.asarray(first, float)).mean())
