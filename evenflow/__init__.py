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
    "Comparison": "simulations.comparison",
    "Derivation": "theory.derivation",
    "Factorized": "theory.models.factorized",
    "Folded": "theory.models.folded",
    "LinearModel": "theory.models.linear",
    "Regression": "theory.models.regression",
    "Rule": "theory.rules",
    "SIGMA": "theory.rules",
    "Trajectory": "simulations.trajectory",
    "Wedge": "theory.models.wedge",
    "compare": "simulations.comparison",
    "descend": "simulations.descent",
    "discretise": "simulations.discretisation",
    "figure": "figures.compare",
    "flow": "simulations.flow",
    "load": "simulations.datasets",
    "predict": "theory.predictions",
    "rule": "theory.rules",
}

if TYPE_CHECKING:
    from figures.compare import figure
    from simulations.comparison import Comparison, compare
    from simulations.datasets import load
    from simulations.descent import descend
    from simulations.discretisation import discretise
    from simulations.flow import flow
    from simulations.trajectory import Trajectory
    from theory.checks import ArgumentError, ArgumentTypeError
    from theory.derivation import Derivation
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
    "Factorized",
    "Folded",
    "LinearModel",
    "Regression",
    "Rule",
    "Trajectory",
    "Wedge",
    "compare",
    "descend",
    "discretise",
    "figure",
    "flow",
    "load",
    "predict",
    "rule",
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
