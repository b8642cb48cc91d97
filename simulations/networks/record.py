"""The record of a run: what it left at every epoch, at some epochs, and at the end."""

from __future__ import annotations

import json
import os
import time
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simulations.networks.network import Weights
from simulations.networks.settings import Setting
from theory.checks import ArgumentError

Array = NDArray[Any]
STALE = 600.0  # seconds after which a file that is being written has been given up
CURVES = (
    "train_accuracy",
    "test_accuracy",
    "validation_accuracy",
    "train_loss",
    "test_loss",
    "batch_loss",
    "step_norm",
    "norm_first",
    "norm_second",
    "distance_first",
    "distance_second",
)


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One run of one rule from one seed, finished or on its way; its layout on disk is told in `simulations.networks`.

    Parameters
    ----------
    setting, rule, step, seed
        What was run: `rule` is the rule's id, `step` its step size η.
    epochs
        Epochs gone through, E.
    arrival, memorised, switched
        The first epoch after which the test accuracy, the training accuracy, or (with `stop_egd_at`) the validation
        accuracy had reached its level; None where it has not.
    stop_reason
        Why the run ended, in words; empty while it is on its way.
    curves
        Name → value after epochs 0 … E (E + 1,), of `CURVES`.
    measured_epochs
        Epochs (M,) after which everything in `measures` was measured: 0, 1, 60 for each factor of ten, and at
        `memorised` and `arrival`.
    measures
        Name → values (M, …), of `simulations.networks.measures.MEASURES`.
    kept_epochs
        Epochs (K,) whose weights are kept: 0, 1, 12 for each factor of ten, and at `memorised` and `arrival`.
    kept
        Their weights, with a leading axis (K, …).
    weights
        The weights after epoch E.
    state
        What the rule keeps between steps.
    """

    setting: Setting
    rule: str
    step: float
    seed: int
    epochs: int
    arrival: int | None
    memorised: int | None
    switched: int | None
    stop_reason: str
    curves: dict[str, Array]
    measured_epochs: Array
    measures: dict[str, Array]
    kept_epochs: Array
    kept: Weights
    weights: Weights
    state: Any

    @property
    def censored(self) -> bool:
        """Whether the run has not arrived."""
        return self.arrival is None

    def document(self) -> dict[str, Any]:
        """What was run and how it ended, as JSON has it."""
        names = ("rule", "step", "seed", "epochs", "arrival", "memorised", "switched", "censored", "stop_reason")
        found = {name: getattr(self, name) for name in names}
        return found | {name: float(self.curves[name][-1]) for name in ("train_accuracy", "test_accuracy")}

    def save(self, path: Path) -> None:
        """Write to an npz file, whole or not at all; the same run gives the same bytes."""
        shape, state = _packed(self.state)
        record = {name: getattr(self, name) for name in SIMPLE} | {"setting": self.setting.document(), "state": shape}
        arrays: dict[str, Any] = {"measured_epochs": self.measured_epochs, "kept_epochs": self.kept_epochs}
        arrays |= {f"curves/{name}": values for name, values in self.curves.items()}
        arrays |= {f"measures/{name}": values for name, values in self.measures.items()}
        for group in ("kept", "weights"):
            arrays |= {f"{group}/{one.name}": getattr(getattr(self, group), one.name) for one in fields(Weights)}
        arrays |= {f"state/{index}": values for index, values in enumerate(state)}
        for left in path.parent.glob(f".{path.name}.*"):  # by a process that was killed as it wrote
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                np.savez(file, record=np.array(json.dumps(record)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a file that `save` wrote.

        Raises
        ------
        ArgumentError
            If the file holds no run.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as found:
                record = json.loads(str(found["record"]))
                arrays = {name: found[name] for name in found.files if name != "record"}
            setting, shape = Setting.from_document(record.pop("setting")), record.pop("state")
            return cls(
                setting=setting,
                state=_unpacked(shape, arrays),
                curves=_group(arrays, "curves"),
                measures=_group(arrays, "measures"),
                measured_epochs=arrays["measured_epochs"],
                kept_epochs=arrays["kept_epochs"],
                kept=_weights(arrays, "kept"),
                weights=_weights(arrays, "weights"),
                **record,
            )
        except (OSError, KeyError, TypeError, ValueError, EOFError, AttributeError, zipfile.BadZipFile):
            but = f"{path} is not one, or is damaged: without it, the run begins anew"
            raise ArgumentError("path", "name a run of `train`", but) from None


SIMPLE = ("rule", "step", "seed", "epochs", "arrival", "memorised", "switched", "stop_reason")


def _group(arrays: dict[str, Array], group: str) -> dict[str, Array]:
    return {name.partition("/")[2]: values for name, values in arrays.items() if name.startswith(f"{group}/")}


def _weights(arrays: dict[str, Array], group: str) -> Weights:
    return Weights(*(arrays[f"{group}/{one.name}"] for one in fields(Weights)))


def _packed(state: Any) -> tuple[Any, list[Array]]:
    """A rule's state as JSON, with its arrays taken out: nothing that is read back can be code."""
    arrays: list[Array] = []

    def pack(value: Any) -> Any:
        if isinstance(value, tuple):
            return {"tuple": [pack(one) for one in value]}
        if isinstance(value, np.random.Generator):
            return {"generator": value.bit_generator.state}
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {"array": len(arrays) - 1}
        return value

    return pack(state), arrays


def _unpacked(shape: Any, arrays: dict[str, Array]) -> Any:
    if not isinstance(shape, dict):
        return shape
    if "tuple" in shape:
        return tuple(_unpacked(one, arrays) for one in shape["tuple"])
    if "array" in shape:
        return arrays[f"state/{shape['array']}"]
    rng = np.random.default_rng()
    rng.bit_generator.state = shape["generator"]
    return rng
