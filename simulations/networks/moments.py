"""A run looked at again: its examples, and the network with its gradient at an epoch whose weights are kept."""

from __future__ import annotations

import numpy as np

from simulations.networks.losses import LOSSES
from simulations.networks.measures import Moment
from simulations.networks.network import Weights, gradients
from simulations.networks.record import TrainingRun
from simulations.networks.tasks import Data
from simulations.networks.training import DATA
from theory.checks import ArgumentError


def examples(run: TrainingRun) -> Data:
    """The examples of a run, dealt out again from its seed."""
    setting = run.setting
    return setting.task.data(np.random.default_rng([run.seed, DATA]), setting.held_back, setting.dtype)


def kept(run: TrainingRun, epoch: int) -> Weights:
    """The weights after an epoch.

    Raises
    ------
    ArgumentError
        If those of that epoch are not kept.
    """
    if epoch not in run.kept_epochs:
        but = f"is {epoch}; kept are {', '.join(map(str, run.kept_epochs))}"
        raise ArgumentError("epoch", "be one whose weights are kept", but)
    index = int(np.searchsorted(run.kept_epochs, epoch))
    return Weights(*(part[index] for part in run.kept))


def moment(run: TrainingRun, epoch: int) -> Moment:
    """The network after an epoch, as it was measured then.

    Raises
    ------
    ArgumentError
        If its weights are not kept.
    """
    setting, data, weights = run.setting, examples(run), kept(run, epoch)
    slope = gradients(weights, data, data.train, LOSSES[setting.loss], setting.weight_decay)[1]
    return Moment(setting, data, kept(run, 0), weights, slope)
