"""Where a spectrum on the page comes from, if not from the hand."""

from __future__ import annotations

import json
from pathlib import Path

from simulations.population import population
from theory.checks import ArgumentError
from theory.models.linear import LinearModel


def spectrum_of(model: LinearModel) -> tuple[list[float], str, str | None]:
    """The eigenvalues of a model's curvature that learn, descending (d,), a sentence about them, and their source.

    Raises
    ------
    ArgumentError
        If the model classifies: its plateau is not the time between arrivals.
    """
    if population(model).classifies:
        raise ArgumentError(
            "spectrum", "be singular values, a regression or a folded model", f"is a {model.name} model"
        )
    values = [float(value) for value in model.eigen[0]]
    learns = [value for value in values if value > 0]
    counted = (
        f"{len(learns)} of {len(values)} directions learn" if len(learns) < len(values) else f"{len(values)} directions"
    )
    source = model.parameters().get("data")
    named = "the model" if source is None else source
    return learns, f"Spectrum of {named}, {counted}; here each starts from the same error.", source


def digits_spectrum() -> list[float]:
    """The spectrum of the digits data set, in units of its largest singular value, descending (61,)."""
    from simulations.datasets import load
    from theory.models.regression import Regression

    found = load("digits")
    values, *_ = spectrum_of(Regression.from_data(found.inputs, found.outputs, name=found.name))
    return [value / values[0] for value in values]


if __name__ == "__main__":  # writes what the page carries, so that it need not load the data
    rounded = [float(f"{value:.12g}") for value in digits_spectrum()]
    Path(__file__).with_name("digits.json").write_text(json.dumps(rounded) + "\n", encoding="utf-8")
