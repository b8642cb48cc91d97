"""What the networks learn: arithmetic modulo a prime, and the parity of a few bits among many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import isprime

from simulations.networks.inputs import Dense, Inputs, Pairs
from theory.checks import ArgumentError, inside, known, number, plain, whole

Rows = NDArray[np.int64]
OPERATIONS = ("add", "multiply")
MOST = 10**15  # numbers in an array; what is larger than memory is refused where it is made
VALIDATION_DRAWS = 2_000  # parity: further samples of which a validation set is drawn


@dataclass(frozen=True, eq=False)
class Data:
    """The examples of a task, and which of them are for what.

    Parameters
    ----------
    inputs
        All N examples.
    targets
        Classes 0, 1, … (N,) of whole numbers, or signs ±1 (N,).
    train, test, validation
        Rows (·,) of the examples to train on, to test on, and to decide on during training; no row is in two of them.
    """

    inputs: Inputs
    targets: NDArray[Any]
    train: Rows
    test: Rows
    validation: Rows


@dataclass(frozen=True)
class Modular:
    """The class a + b or a · b modulo a prime p, from the pair (a, b), one-hot a beside one-hot b.

    Parameters
    ----------
    modulus
        The prime p.
    operation
        ``add`` or ``multiply``.
    fraction
        Share of all p² pairs to train on; the others are held out.
    """

    modulus: int
    operation: str = "add"
    fraction: float = 0.5

    def __post_init__(self) -> None:
        whole("modulus", self.modulus, 2)
        if not isprime(int(self.modulus)):
            raise ArgumentError("modulus", "be a prime number", f"is {plain(self.modulus)}")
        if int(self.modulus) ** 2 > MOST:
            raise ArgumentError("modulus", f"have at most {MOST:.0e} pairs", f"{plain(self.modulus)} has more")
        known("operation", self.operation, OPERATIONS)
        inside("fraction", self.fraction, 0, 1, "(0, 1)")
        self._split(0.0)

    def _split(self, validation: float) -> tuple[int, int]:
        """Numbers of pairs to train on, and to train or decide on; what is left is there to test."""
        pairs = self.modulus**2
        trained = int(pairs * self.fraction)
        used = trained + round((pairs - trained) * validation)
        if trained == 0 or used == pairs:
            but = f"{plain(self.fraction)} of {pairs} pairs leaves none to {'test' if trained else 'train'} on"
            raise ArgumentError("fraction", "leave pairs to train and to test on", but)
        return trained, used

    @property
    def features(self) -> int:
        """Inputs of the network."""
        return 2 * self.modulus

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return self.modulus

    @property
    def seen(self) -> float:
        """Share of the inputs to test on that are expected among those to train on: none, as pairs are dealt out."""
        return 0.0

    def data(self, rng: np.random.Generator, validation: float, dtype: Any) -> Data:
        """The pairs, dealt out at random; `validation` is a share of those held out, and `dtype` that of weights.

        Raises
        ------
        ArgumentError
            If nothing is left to test on.
        """
        modulus = self.modulus
        first, second = np.divmod(np.arange(modulus**2), modulus)
        targets = (first + second if self.operation == "add" else first * second) % modulus
        order = rng.permutation(modulus**2)
        trained, used = self._split(validation)
        return Data(Pairs(modulus, dtype), targets, order[:trained], order[used:], order[trained:used])


@dataclass(frozen=True)
class Parity:
    """The product of the first k of n bits ±1.

    Parameters
    ----------
    bits
        The n bits of an input.
    relevant
        The k bits of which the parity is taken.
    train, test
        Numbers of samples, all drawn independently. Of few bits there are few inputs, 2ⁿ, and some of those to test on
        are also trained on: how many, `seen` says.
    """

    bits: int
    relevant: int
    train: int = 2_000
    test: int = 10_000

    def __post_init__(self) -> None:
        for name in ("bits", "relevant", "train", "test"):
            whole(name, getattr(self, name), 1)
        if (self.train + self.test) * self.bits > MOST:
            but = f"{plain(self.train + self.test)} samples of {plain(self.bits)} bits have more"
            raise ArgumentError("bits", f"be at most {MOST:.0e} in all samples", but)
        if self.relevant > self.bits:
            raise ArgumentError("relevant", f"be at most the number of bits, {self.bits}", f"is {self.relevant}")

    @property
    def features(self) -> int:
        """Inputs of the network."""
        return self.bits

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return 1

    @property
    def seen(self) -> float:
        """Share of the inputs to test on that are expected among those to train on: 1 − (1 − 2⁻ⁿ)^train."""
        return -math.expm1(self.train * math.log1p(-(2.0**-self.bits)))

    def data(self, rng: np.random.Generator, validation: float, dtype: Any) -> Data:
        """Samples (N, n) of `dtype`; a validation set is a share of 2,000 further ones."""
        ends = np.cumsum([self.train, self.test, round(VALIDATION_DRAWS * validation)])
        signs = (2 * rng.integers(2, size=(int(ends[-1]), self.bits), dtype=np.int8) - 1).astype(dtype)
        rows = np.arange(ends[-1])
        train, test, rest = rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] :]
        return Data(Dense(signs), signs[:, : self.relevant].prod(axis=1), train, test, rest)


Task = Modular | Parity
KINDS: dict[str, type[Modular] | type[Parity]] = {"modular": Modular, "parity": Parity}


def kind_of(task: Task) -> str:
    """The name of a task's kind."""
    return next(name for name, kind in KINDS.items() if isinstance(task, kind))


def read_like(value: Any, text: str, name: str) -> Any:
    """What a text says, of the type of the value that it replaces; what domain a number has is its setting's to say."""
    if isinstance(value, str):
        return text
    found = number(name, text)
    return int(found) if isinstance(value, int) and found.is_integer() else found
