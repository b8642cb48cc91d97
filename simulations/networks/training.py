"""One run: a network trained by one rule from one seed, epoch by epoch."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulations.networks.contenders import Contender, contender, descent, way_of
from simulations.networks.losses import LOSSES
from simulations.networks.measures import MEASURES, Moment
from simulations.networks.network import Weights, gradients, scores, start
from simulations.networks.record import CURVES, TrainingRun
from simulations.networks.settings import Setting, log_spaced
from simulations.threads import AT_ONCE, sharing
from theory.checks import plain, whole

Array = NDArray[Any]
Report = Callable[[int, float, float], None]
DATA, START, ORDER = range(3)  # streams of random numbers of one seed, the same for every rule
MEASURED, KEPT = 60, 12  # epochs for each factor of ten
EVERY = 20.0  # seconds between checkpoints
WORTHWHILE = 4_000_000  # multiplications of a product that are worth handing to a thread


def train(
    setting: Setting,
    how: Contender | str,
    seed: int = 0,
    *,
    begun: TrainingRun | None = None,
    report: Report | None = None,
    save: Callable[[TrainingRun], None] | None = None,
    threads: int = 1,
) -> TrainingRun:
    """Train until the test accuracy has arrived, or for as many epochs as the setting allows.

    Data, initial weights and the order of the examples come from the seed alone: rules differ in nothing else. Taken up
    again from any of its checkpoints, a run ends in the same bits.

    Parameters
    ----------
    setting
        The task, the network, and how it is trained.
    how
        The rule, or RULE@STEP with a step size of its own; ``adam`` is known here too.
    seed
        A whole number.
    begun
        The same run at an earlier epoch, to go on from.
    report
        Called with the epoch, the training and the test accuracy after each epoch.
    save
        Called with the run so far, every 20 seconds and at the end.
    threads
        Threads that share the work of an epoch, with one BLAS thread each; they change no bit.

    Raises
    ------
    ArgumentError
        If the rule is not known or has no meaning here, or the seed or the number of threads is no whole number.
    """
    who = how if isinstance(how, Contender) else contender(how, setting)
    whole("seed", seed, 0)
    whole("threads", threads)
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"), sharing(threads) as helpers:
        run = Training(setting, who, seed, begun, helpers)
        if begun is not None and begun.stop_reason and run.over():
            return begun
        saved = time.monotonic()
        while not run.over():
            run.go_through_an_epoch()
            if report is not None:
                report(run.epoch, run.curves["train_accuracy"][-1], run.curves["test_accuracy"][-1])
            if save is not None and time.monotonic() - saved > EVERY:
                save(run.record())
                saved = time.monotonic()
        found = run.record()
    if save is not None:
        save(found)
    return found


class Training:
    """A run on its way: its network now, and what has been written down of it.

    Parameters
    ----------
    setting, who, seed, begun
        As for `train`.
    helpers
        Threads that share the work.
    """

    def __init__(
        self,
        setting: Setting,
        who: Contender,
        seed: int,
        begun: TrainingRun | None = None,
        helpers: Executor = AT_ONCE,
    ) -> None:
        self.setting, self.who, self.seed, self.helpers = setting, who, seed, helpers
        self.data = setting.task.data(np.random.default_rng([seed, DATA]), setting.held_back, setting.dtype)
        self.start = start(
            setting.task, setting.width, setting.bias, np.random.default_rng([seed, START]), setting.dtype
        )
        self.loss, self.way = LOSSES[setting.loss], way_of(who, setting, seed)
        self.splits = {"train": self.data.train, "test": self.data.test, "validation": self.data.validation}
        # a run that was begun with fewer measures goes on with those
        self.measures = MEASURES if begun is None else {name: MEASURES[name] for name in begun.measures}
        self.reason = ""
        if begun is None:
            self._begin()
        else:
            self._take_up(begun)

    def _begin(self) -> None:
        self.epoch, self.weights, self.state = 0, self.start.copy(), None
        self.reached: dict[str, int | None] = dict.fromkeys(("arrival", "memorised", "switched"))
        self.curves: dict[str, list[float]] = {name: [] for name in CURVES}
        self.measured: list[tuple[int, dict[str, Array]]] = []
        self.kept: list[tuple[int, Weights]] = []
        self._look(np.nan, np.nan)

    def _take_up(self, begun: TrainingRun) -> None:
        self.epoch, self.weights, self.state = begun.epochs, begun.weights.copy(), copy.deepcopy(begun.state)
        self.reached = {name: getattr(begun, name) for name in ("arrival", "memorised", "switched")}
        self.curves = {name: list(map(float, begun.curves[name])) for name in CURVES}
        self.measured = [
            (int(epoch), {name: values[index] for name, values in begun.measures.items()})
            for index, epoch in enumerate(begun.measured_epochs)
        ]
        kept = zip(*begun.kept, strict=True)
        self.kept = [(int(epoch), Weights(*parts)) for epoch, parts in zip(begun.kept_epochs, kept, strict=True)]

    def over(self) -> bool:
        """Whether the run is over, and why."""
        arrived, level = self.reached["arrival"], f"{plain(100 * self.setting.arrival)} %"
        if not np.isfinite(self.curves["train_loss"][-1]):
            self.reason = f"diverged in epoch {self.epoch}"
        elif arrived is not None and self.epoch >= arrived + self.setting.linger:
            self.reason = f"test accuracy reached {level} after epoch {arrived}"
        elif self.epoch >= self.setting.epochs:
            self.reason = f"stopped after {self.epoch} epochs" + (
                "" if arrived is not None else f", before test accuracy reached {level}"
            )
        return bool(self.reason)

    def go_through_an_epoch(self) -> None:
        """Take the steps of an epoch, and look at what came of it."""
        losses, norms = self.take_steps()
        self.weights.flush()
        self.epoch += 1
        self._look(float(np.mean(losses)), float(np.mean(norms)))

    def take_steps(self) -> tuple[list[float], list[float]]:
        """The steps of the next epoch: the loss of each minibatch, and the length of the first layer's steps."""
        setting, train = self.setting, self.data.train
        order = train[np.random.default_rng([self.seed, ORDER, self.epoch]).permutation(len(train))]
        batch = min(setting.batch, len(train))
        losses, norms = [], []
        way = self.way if self.reached["switched"] is None else descent
        helpers = self.helpers if batch * setting.width * setting.task.outputs > WORTHWHILE else AT_ONCE
        for begin in range(0, len(train) - batch + 1, batch):
            rows = order[begin : begin + batch]
            value, slope = gradients(self.weights, self.data, rows, self.loss, setting.weight_decay, helpers)
            direction, self.state = way(slope, self.state)
            norms.append(self._step(direction))
            losses.append(value)
        return losses, norms

    def _step(self, direction: Weights) -> float:
        """Step along a direction; the length of the first layer's step."""
        for part, way in zip(self.weights, direction, strict=True):
            part -= self.setting.dtype(self.who.step) * way
        return self.who.step * _norm(direction.first)

    def _look(self, batch_loss: float, step_norm: float) -> None:
        """Write down how the network does."""
        right, losses = scores(self.weights, self.data, self.loss, self.helpers)
        found = {f"{name}_accuracy": _mean(right, rows) for name, rows in self.splits.items()}
        found |= {f"{name}_loss": _mean(losses, self.splits[name]) for name in ("train", "test")}
        found |= {"batch_loss": batch_loss, "step_norm": step_norm}
        for name in ("first", "second"):
            now, then = getattr(self.weights, name), getattr(self.start, name)
            found |= {f"norm_{name}": _norm(now), f"distance_{name}": _norm(now - then)}
        for name, value in found.items():
            self.curves[name].append(value)
        events = self._events(found)
        if events or log_spaced(self.epoch, MEASURED):
            self._measure()
        if events or log_spaced(self.epoch, KEPT):
            self.kept.append((self.epoch, self.weights.copy()))

    def _events(self, found: dict[str, float]) -> bool:
        """Whether a level was reached for the first time that is worth a closer look."""
        setting = self.setting
        if setting.stop_egd_at and self.reached["switched"] is None:
            self._reach("switched", found["validation_accuracy"], setting.stop_egd_at)
        memorised = self._reach("memorised", found["train_accuracy"], setting.memorised)
        return self._reach("arrival", found["test_accuracy"], setting.arrival) or memorised

    def _reach(self, name: str, value: float, level: float) -> bool:
        first = self.reached[name] is None and value >= level
        if first:
            self.reached[name] = self.epoch
        return first

    def _measure(self) -> None:
        setting = self.setting
        slope = gradients(self.weights, self.data, self.data.train, self.loss, setting.weight_decay)[1]
        if np.isfinite(slope.first).all():
            moment = Moment(setting, self.data, self.start, self.weights, slope)
            self.measured.append((self.epoch, {name: measure(moment) for name, measure in self.measures.items()}))

    def record(self) -> TrainingRun:
        """What there is so far."""
        return TrainingRun(
            setting=self.setting,
            rule=self.who.rule,
            step=self.who.step,
            seed=self.seed,
            epochs=self.epoch,
            **self.reached,
            stop_reason=self.reason,
            curves={name: np.array(values) for name, values in self.curves.items()},
            measured_epochs=np.array([epoch for epoch, _ in self.measured]),
            measures={name: np.array([found[name] for _, found in self.measured]) for name in self.measures},
            kept_epochs=np.array([epoch for epoch, _ in self.kept]),
            kept=Weights(*(np.array(parts) for parts in zip(*(kept for _, kept in self.kept), strict=True))),
            weights=self.weights.copy(),
            state=copy.deepcopy(self.state),  # a generator goes on
        )


def _norm(values: Array) -> float:
    flat = values.ravel()
    return float(np.sqrt(flat @ flat))


def _mean(values: Array, rows: NDArray[np.int64]) -> float:
    """Mean over some rows, NaN over none."""
    return float(values[rows].mean()) if len(rows) else float("nan")
