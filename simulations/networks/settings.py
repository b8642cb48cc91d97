"""Everything that decides a run but its rule and seed, and the settings that have a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from simulations.networks.tasks import KINDS, MOST, Modular, Parity, Task, kind_of, read_like
from theory.checks import ArgumentError, inside, known, nonnegative, positive, whole

BIASES, LAYERS, PRECISIONS, NORMS = ("zero", "normal"), ("first", "all"), ("single", "double"), ("own", "equal")
LENGTHS = ("epochs", "linger")  # how long a run goes on: the same run all the same
DTYPES = {"single": np.float32, "double": np.float64}


@dataclass(frozen=True)
class Setting:
    """A task, a network, and how it is trained.

    Parameters
    ----------
    task
        What is learned.
    width
        Hidden units.
    step
        Step size η, the same for all layers.
    weight_decay
        Coefficient λ of ½ λ (‖W₁‖² + ‖W₂‖²), a part of the loss.
    batch
        Examples of a minibatch; what is left at the end of an epoch's order is not used.
    loss
        ``cross-entropy``, ``mean-square`` or ``hinge``.
    bias
        b₁ at the start: ``zero``, or ``normal`` with the variance of W₁.
    layers
        Where the rule acts: on W₁ (``first``), or on W₁ and W₂ (``all``). The rest follows its gradient.
    norm
        ``own``, or ``equal``: every direction of the rule is given the Frobenius norm √min(m, p) that EGD's has at
        full rank, so that all rules take steps of the same length.
    precision
        ``single`` or ``double``.
    epochs
        Epochs after which a run that has not arrived is censored.
    linger
        Epochs for which it goes on after it has arrived.
    arrival
        Test accuracy at which it has arrived.
    memorised
        Training accuracy at which the training set counts as memorised.
    stop_egd_at
        Validation accuracy from which every rule is plain gradient descent, for good; 0 for never.
    validation
        Share of the held-out pairs (parity: of 2,000 further samples) that make the validation set, for `stop_egd_at`.
    """

    task: Task
    width: int
    step: float
    weight_decay: float
    batch: int
    loss: str
    bias: str = "zero"
    layers: str = "first"
    norm: str = "own"
    precision: str = "single"
    epochs: int = 15_000
    linger: int = 10
    arrival: float = 0.95
    memorised: float = 0.99
    stop_egd_at: float = 0.0
    validation: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("batch", 1), ("epochs", 1), ("linger", 0)):
            whole(name, getattr(self, name), least)
        if self.task.features * self.width > MOST:
            but = f"{self.task.features} inputs × {self.width} units are more"
            raise ArgumentError("width", f"make a layer of at most {MOST:.0e} weights", but)
        positive("step", self.step)
        nonnegative("weight_decay", self.weight_decay)
        losses = ("cross-entropy",) if isinstance(self.task, Modular) else ("mean-square", "hinge")
        known("loss", self.loss, losses)
        for name, choices in (("bias", BIASES), ("layers", LAYERS), ("norm", NORMS), ("precision", PRECISIONS)):
            known(name, getattr(self, name), choices)
        for name in ("arrival", "memorised", "validation"):
            inside(name, getattr(self, name), 0, 1, "(0, 1)")
        if self.stop_egd_at != 0:
            inside("stop_egd_at", self.stop_egd_at, 0, 1, "[0, 1), 0 for never")

    @property
    def dtype(self) -> Any:
        """The type of all weights."""
        return DTYPES[self.precision]

    @property
    def held_back(self) -> float:
        """The share that makes the validation set, zero where nothing is decided by it."""
        return self.validation if self.stop_egd_at else 0.0

    def document(self) -> dict[str, Any]:
        """All values, by name, as JSON has them."""
        found = {"task": kind_of(self.task), **asdict(self.task)}
        return found | {one.name: getattr(self, one.name) for one in fields(self) if one.name != "task"}

    def identity(self) -> dict[str, Any]:
        """The values that decide what a run goes through, without those that say for how long."""
        return {name: value for name, value in self.document().items() if name not in LENGTHS}

    @classmethod
    def from_document(cls, found: dict[str, Any]) -> Setting:
        """The setting that `document` describes."""
        kind = KINDS[found["task"]]
        own = {one.name for one in fields(kind)}
        task = kind(**{name: found[name] for name in found if name in own})
        return cls(task=task, **{name: value for name, value in found.items() if name not in own | {"task"}})

    def changed(self, changes: Sequence[str]) -> Setting:
        """The setting with some values changed, each given as the text ``key=value``.

        Raises
        ------
        ArgumentError
            If a key is not known or a value outside its domain.
        """
        found = self.document()
        for change in changes:
            name, marked, text = change.partition("=")
            if not marked:
                raise ArgumentError("set", "read KEY=VALUE", f"is {change!r}")
            keys = tuple(key for key in found if key != "task")
            known("set", name, keys)
            found[name] = read_like(found[name], text, name)
        return Setting.from_document(found)


def _modular(modulus: int, operation: str) -> Setting:
    """The paper's setting (section 5 and appendix B, key ``sahebpasand2025``)."""
    return Setting(Modular(modulus, operation), 512, step=0.7, weight_decay=1e-4, batch=512, loss="cross-entropy")


def _parity(bits: int, relevant: int, width: int, step: float, weight_decay: float) -> Setting:
    """The paper's setting, with the loss and the step sizes of its published code."""
    return Setting(Parity(bits, relevant), width, step, weight_decay, 32, "mean-square", bias="normal")


PRESETS = {
    f"modular-{modulus}-{operation}": _modular(modulus, operation)
    for operation in ("add", "multiply")
    for modulus in (79, 97, 127)
} | {
    "parity-2": _parity(400, 2, 50, 0.01, 1e-3),
    "parity-3": _parity(100, 3, 100, 0.0416239, 1e-2),
    "parity-4": _parity(50, 4, 100, 0.0230841, 1e-2),
    "modular-37-add": replace(_modular(37, "add"), task=Modular(37, fraction=0.8), width=256, batch=128),  # in seconds
}


def preset(name: str) -> Setting:
    """The setting of that name.

    Raises
    ------
    ArgumentError
        If there is none; the message names the nearest.
    """
    known("preset", name, tuple(PRESETS))
    return PRESETS[name]


def log_spaced(epoch: int, density: int) -> bool:
    """Whether an epoch is among some `density` for each factor of ten; the first ones always are."""
    if epoch <= 1:
        return True
    return math.floor(density * math.log10(epoch)) > math.floor(density * math.log10(epoch - 1))
