"""Evenflow: why training stalls along some singular directions, and what evening out the speeds does.

>>> import evenflow as ef
>>> comparison = ef.compare(ef.Folded(epsilon=0.01), ["gd", "newton"])
>>> comparison.run("gd", "descent").plateaus()[0]["measured"]
1603.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "ArgumentError": "theory.checks",
    "ArgumentTypeError": "theory.checks",
    "compare": "simulations.comparison",
    "Comparison": "simulations.comparison",
    "Derivation": "theory.derivation",
    "descend": "simulations.descent",
    "discretise": "simulations.discretisation",
    "energy_balance": "simulations.energy",
    "Ensemble": "simulations.ensembles",
    "ensemble": "simulations.ensembles",
    "ensembles": "simulations.ensembles",
    "expect": "theory.minibatch",
    "Factorized": "theory.models.factorized",
    "FactorizedModes": "simulations.ensembles",
    "figure": "figures.compare",
    "flow": "simulations.flow",
    "Folded": "theory.models.folded",
    "LinearModel": "theory.models.linear",
    "load": "simulations.datasets",
    "mean_square_limit": "theory.minibatch",
    "progress_bar": "evenflow.display",
    "open_sweep": "simulations.sweep_store",
    "house_style": "figures.style",
    "Picture": "figures.picture",
    "picture": "figures.index",
    "write_picture": "figures.writing",
    "plateau_lengths": "theory.grids",
    "design": "simulations.design",
    "folded_family": "simulations.design",
    "spectrum_family": "simulations.design",
    "polar": "simulations.polar",
    "predict": "theory.predictions",
    "preset": "simulations.networks.settings",
    "predict_departure": "theory.departure",
    "Regression": "theory.models.regression",
    "RegressionModes": "simulations.ensembles",
    "Rule": "theory.rules",
    "rule": "theory.rules",
    "run_sweep": "simulations.sweep_runs",
    "series": "figures.series",
    "Setting": "simulations.networks.settings",
    "SIGMA": "theory.rules",
    "stationary": "theory.minibatch",
    "Stochastic": "simulations.stochastic",
    "stochastic_descend": "simulations.stochastic",
    "Sweep": "simulations.sweeps",
    "sweep": "simulations.sweeps",
    "train": "simulations.networks.training",
    "TrainingRun": "simulations.networks.record",
    "Trajectory": "simulations.trajectory",
    "Wedge": "theory.models.wedge",
}

if TYPE_CHECKING:
    from evenflow.display import progress_bar
    from figures.compare import figure
    from figures.index import picture
    from figures.picture import Picture
    from figures.series import series
    from figures.style import house_style
    from figures.writing import write_picture
    from simulations.comparison import Comparison, compare
    from simulations.datasets import load
    from simulations.descent import descend
    from simulations.design import design, folded_family, spectrum_family
    from simulations.discretisation import discretise
    from simulations.energy import energy_balance
    from simulations.ensembles import Ensemble, FactorizedModes, RegressionModes, ensemble, ensembles
    from simulations.flow import flow
    from simulations.networks.record import TrainingRun
    from simulations.networks.settings import Setting, preset
    from simulations.networks.training import train
    from simulations.polar import polar
    from simulations.stochastic import Stochastic, stochastic_descend
    from simulations.sweep_runs import run_sweep
    from simulations.sweep_store import open_sweep
    from simulations.sweeps import Sweep, sweep
    from simulations.trajectory import Trajectory
    from theory.checks import ArgumentError, ArgumentTypeError
    from theory.departure import predict_departure
    from theory.derivation import Derivation
    from theory.grids import plateau_lengths
    from theory.minibatch import expect, mean_square_limit, stationary
    from theory.models.factorized import Factorized
    from theory.models.folded import Folded
    from theory.models.linear import LinearModel
    from theory.models.regression import Regression
    from theory.models.wedge import Wedge
    from theory.predictions import predict
    from theory.rules import SIGMA, Rule, rule

__all__ = [
    "SIGMA",
    "ArgumentError",
    "ArgumentTypeError",
    "Comparison",
    "Derivation",
    "Ensemble",
    "Factorized",
    "FactorizedModes",
    "Folded",
    "LinearModel",
    "Picture",
    "Regression",
    "RegressionModes",
    "Rule",
    "Setting",
    "Stochastic",
    "Sweep",
    "TrainingRun",
    "Trajectory",
    "Wedge",
    "compare",
    "descend",
    "design",
    "discretise",
    "energy_balance",
    "ensemble",
    "ensembles",
    "expect",
    "figure",
    "flow",
    "folded_family",
    "house_style",
    "load",
    "mean_square_limit",
    "open_sweep",
    "picture",
    "plateau_lengths",
    "polar",
    "predict",
    "predict_departure",
    "preset",
    "progress_bar",
    "rule",
    "run_sweep",
    "series",
    "spectrum_family",
    "stationary",
    "stochastic_descend",
    "sweep",
    "train",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts fast."""
    if name not in _WHERE:
        raise AttributeError(f"module 'evenflow' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
