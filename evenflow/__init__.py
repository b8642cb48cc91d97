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
    "audit": "simulations.audit",
    "break_even": "theory.noisy_fit",
    "Cause": "simulations.cause",
    "cause": "simulations.cause",
    "claims": "theory.claims",
    "compare": "simulations.comparison",
    "Comparison": "simulations.comparison",
    "DataSet": "simulations.datasets",
    "Derivation": "theory.derivation",
    "derive": "theory.chains",
    "descend": "simulations.descent",
    "design": "simulations.design",
    "discretise": "simulations.discretisation",
    "energy_balance": "simulations.energy",
    "Ensemble": "simulations.ensembles",
    "ensemble": "simulations.ensembles",
    "ensembles": "simulations.ensembles",
    "expect": "theory.minibatch",
    "Explorer": "figures.explorer",
    "Factorized": "theory.models.factorized",
    "FactorizedModes": "simulations.ensemble_modes",
    "figure": "figures.figure",
    "Finding": "simulations.audit",
    "Findings": "simulations.audit",
    "flow": "simulations.flow",
    "Folded": "theory.models.folded",
    "folded_family": "simulations.families",
    "gain_share": "theory.weak_signals",
    "house_style": "figures.style",
    "LinearModel": "theory.models.linear",
    "load": "simulations.datasets",
    "mean_square_limit": "theory.minibatch",
    "measured_risk": "simulations.noisy_fit",
    "measured_risk_along": "simulations.simplicity",
    "NoisyRegression": "theory.noisy_fit",
    "NoisyTarget": "theory.simplicity",
    "open_sweep": "simulations.sweep_store",
    "outgrown": "theory.natural_steps",
    "phase": "simulations.phases",
    "phase_diagram": "figures.phase",
    "Picture": "figures.picture",
    "picture": "figures.index",
    "plateau_lengths": "theory.grids",
    "polar": "simulations.polar",
    "predict": "theory.predictions",
    "predict_departure": "theory.departure",
    "preset": "simulations.networks.settings",
    "progress_bar": "evenflow.display",
    "Regression": "theory.models.regression",
    "RegressionModes": "simulations.ensemble_modes",
    "Rule": "theory.rules",
    "rule": "theory.rule_ids",
    "run_sweep": "simulations.sweep_runs",
    "sensitivity": "simulations.sensitivity",
    "series": "figures.series",
    "Setting": "simulations.networks.settings",
    "settling_steps": "theory.settling",
    "SIGMA": "theory.rules",
    "spectrum_family": "simulations.families",
    "stationary": "theory.minibatch",
    "Stochastic": "simulations.stochastic",
    "stochastic_descend": "simulations.stochastic",
    "Sweep": "simulations.sweeps",
    "sweep": "simulations.sweeps",
    "train": "simulations.networks.training",
    "TrainingRun": "simulations.networks.record",
    "Trajectory": "simulations.trajectory",
    "Wedge": "theory.models.wedge",
    "wedge_family": "simulations.families",
    "write_picture": "figures.writing",
}

if TYPE_CHECKING:
    from evenflow.display import progress_bar
    from figures.explorer import Explorer
    from figures.figure import figure
    from figures.index import picture
    from figures.phase import phase_diagram
    from figures.picture import Picture
    from figures.series import series
    from figures.style import house_style
    from figures.writing import write_picture
    from simulations.audit import Finding, Findings, audit
    from simulations.cause import Cause, cause
    from simulations.comparison import Comparison, compare
    from simulations.datasets import DataSet, load
    from simulations.descent import descend
    from simulations.design import design
    from simulations.discretisation import discretise
    from simulations.energy import energy_balance
    from simulations.ensemble_modes import FactorizedModes, RegressionModes
    from simulations.ensembles import Ensemble, ensemble, ensembles
    from simulations.families import folded_family, spectrum_family, wedge_family
    from simulations.flow import flow
    from simulations.networks.record import TrainingRun
    from simulations.networks.settings import Setting, preset
    from simulations.networks.training import train
    from simulations.noisy_fit import measured_risk
    from simulations.phases import phase
    from simulations.polar import polar
    from simulations.sensitivity import sensitivity
    from simulations.simplicity import measured_risk_along
    from simulations.stochastic import Stochastic, stochastic_descend
    from simulations.sweep_runs import run_sweep
    from simulations.sweep_store import open_sweep
    from simulations.sweeps import Sweep, sweep
    from simulations.trajectory import Trajectory
    from theory.chains import derive
    from theory.checks import ArgumentError, ArgumentTypeError
    from theory.claims import claims
    from theory.departure import predict_departure
    from theory.derivation import Derivation
    from theory.grids import plateau_lengths
    from theory.minibatch import expect, mean_square_limit, stationary
    from theory.models.factorized import Factorized
    from theory.models.folded import Folded
    from theory.models.linear import LinearModel
    from theory.models.regression import Regression
    from theory.models.wedge import Wedge
    from theory.natural_steps import outgrown
    from theory.noisy_fit import NoisyRegression, break_even
    from theory.predictions import predict
    from theory.rule_ids import rule
    from theory.rules import SIGMA, Rule
    from theory.settling import settling_steps
    from theory.simplicity import NoisyTarget
    from theory.weak_signals import gain_share

__all__ = [
    "SIGMA",
    "ArgumentError",
    "ArgumentTypeError",
    "Cause",
    "Comparison",
    "DataSet",
    "Derivation",
    "Ensemble",
    "Explorer",
    "Factorized",
    "FactorizedModes",
    "Finding",
    "Findings",
    "Folded",
    "LinearModel",
    "NoisyRegression",
    "NoisyTarget",
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
    "audit",
    "break_even",
    "cause",
    "claims",
    "compare",
    "derive",
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
    "gain_share",
    "house_style",
    "load",
    "mean_square_limit",
    "measured_risk",
    "measured_risk_along",
    "open_sweep",
    "outgrown",
    "phase",
    "phase_diagram",
    "picture",
    "plateau_lengths",
    "polar",
    "predict",
    "predict_departure",
    "preset",
    "progress_bar",
    "rule",
    "run_sweep",
    "sensitivity",
    "series",
    "settling_steps",
    "spectrum_family",
    "stationary",
    "stochastic_descend",
    "sweep",
    "train",
    "wedge_family",
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
