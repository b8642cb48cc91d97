"""The chain from the loss of any model to its plateau length."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from theory.checks import ArgumentError, ArgumentTypeError
from theory.derivation import Derivation
from theory.rule_ids import rule as find
from theory.rules import Rule

if TYPE_CHECKING:
    from theory.models.factorized import Factorized
    from theory.models.linear import LinearModel


def derive(model: LinearModel | Factorized, rule: Rule | str, view: str = "flow") -> Derivation:
    """The chain of equations from the loss to the plateau length, each with a check that SymPy carries out.

    The parameters stay symbols: of the model only its kind counts, and the depth of a factorised one.

    Parameters
    ----------
    model
        A model that comes with a derivation.
    rule
        A rule or its id.
    view
        ``flow`` (continuous time) or ``descent`` (steps).

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    ArgumentTypeError
        If `model` has none at all.

    Examples
    --------
    >>> from theory.models.regression import Regression
    >>> derive(Regression.from_spectrum((1, 0.1)), "egd").step("ratio").equation.rhs
    1
    """
    if not hasattr(model, "derive"):
        raise ArgumentTypeError("model", "be a model with a derivation", f"is of type {type(model).__name__}")
    chain: Derivation = model.derive(find(rule), view)
    return chain


def derived(derive: Callable[[Rule, str], Derivation], rule: Rule, view: str) -> Derivation | None:
    """What a model's own `derive` gives for this rule and view, or None where no derivation exists."""
    try:
        return derive(rule, view)
    except ArgumentError:
        return None
