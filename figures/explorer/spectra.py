"""Where a spectrum on the page comes from, if not from the hand."""

from __future__ import annotations

from theory.models.linear import LinearModel


def spectrum_of(model: LinearModel) -> tuple[list[float], str, str | None]:
    """The eigenvalues of a model's curvature that learn, descending (d,), a sentence about them, and their source."""
    values = [float(value) for value in model.eigen[0]]
    learns = [value for value in values if value > 0]
    counted = (
        f"{len(learns)} of {len(values)} directions learn" if len(learns) < len(values) else f"{len(values)} directions"
    )
    source = model.parameters().get("data")
    named = "the model" if source is None else source
    return learns, f"Spectrum of {named}, {counted}; here each starts from the same error.", source
