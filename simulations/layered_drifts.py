"""What the flows of factorised models conserve, each measured under all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulations.layered_flow import layered_flow
from simulations.layered_trajectory import conserved_drift
from theory.models.factorized import Factorized
from theory.models.factorized_layers import Layers
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]


def largest_drifts(model: Factorized, rules: Sequence[Rule | str], start: Layers) -> Array:
    """The largest relative drift of each rule's conserved quantity (row) under each rule's flow (column), (r, r).

    Parameters
    ----------
    model
        What is trained.
    rules
        Power laws with α < 2.
    start
        One matrix for each layer.
    """
    laws = [rule(name) for name in rules]
    runs = [layered_flow(model, how, start) for how in laws]
    return np.array([[conserved_drift(model, how, run.layers, run.times).max() for run in runs] for how in laws])
