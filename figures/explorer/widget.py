"""The explorer in a notebook: an anywidget whose state is traits, which a cell and the page both set."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from figures.explorer.page import filled, usual_step
from figures.explorer.parameters import (
    MODELS,
    PARAMETERS,
    SWITCHED_ON,
    checked,
    checked_batch,
    checked_rules,
    checked_spectrum,
)
from figures.explorer.script import asset, explorer_script, literal, settings
from figures.explorer.spectra import spectrum_of
from simulations.trajectory import Trajectory
from theory.checks import ArgumentError, ArgumentTypeError, known
from theory.models.folded import Folded
from theory.models.linear import LinearModel

Array = NDArray[np.float64]


class Number(traitlets.TraitType[float, float]):
    """A parameter of the page: a number inside its domain."""

    def validate(self, obj: Any, value: Any) -> float:
        """The number, or an ArgumentError."""
        return checked(str(self.name), value)


class Choice(traitlets.TraitType[str, str]):
    """One of the page's models."""

    def validate(self, obj: Any, value: Any) -> str:
        """The model's name, or an ArgumentError."""
        return known(str(self.name), value, MODELS)


class Rules(traitlets.TraitType[tuple[str, ...], Any]):
    """The named rules that are switched on, beside the power law."""

    def validate(self, obj: Any, value: Any) -> tuple[str, ...]:
        """Their names in the page's order, or an ArgumentError."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ArgumentTypeError(str(self.name), "be a sequence of names", f"is {value!r}")
        return checked_rules(value)


class Batch(traitlets.TraitType[int | None, int | None]):
    """Examples per step of the folded model; None stands for all of them, which is no noise."""

    def validate(self, obj: Any, value: Any) -> int | None:
        """The number or None, or an ArgumentError."""
        return checked_batch(value)


class Spectrum(traitlets.TraitType[Array, Any]):
    """Singular values (d,), which travel as a binary buffer."""

    def validate(self, obj: Any, value: Any) -> Array:
        """The values as an array, or an ArgumentError."""
        return np.array(checked_spectrum(value))


class Overlay(traitlets.TraitType[Array, Any]):
    """Points of a line to lay over the test errors (n, 2): flow times, and shares of the test error."""

    def validate(self, obj: Any, value: Any) -> Array:
        """The points as an array, or an ArgumentError."""
        found = np.asarray(value, float)
        if found.ndim != 2 or found.shape[1] != 2:
            raise ArgumentError(str(self.name), "have the shape (n, 2)", f"has {found.shape}")
        if not np.isfinite(found).all():
            raise ArgumentError(str(self.name), "hold finite numbers", "does not")
        return found


def _number(name: str) -> Any:
    return Number(PARAMETERS[name].value, help=PARAMETERS[name].label).tag(sync=True)


def _to_buffer(values: Array, _: object) -> memoryview:
    return memoryview(values.tobytes())


def _from_buffer(buffer: Any, _: object) -> Array:
    return np.frombuffer(buffer, float)


def _to_points(buffer: Any, _: object) -> Array:
    return np.frombuffer(buffer, float).reshape(-1, 2)


class Explorer(anywidget.AnyWidget):
    """The explorer as a widget: what is dragged is read from its traits, and setting a trait moves the page.

    Parameters
    ----------
    spectrum
        Singular values of the inputs' covariance, all positive, at most 1,000 (d,); or a model: a `Folded`, or a
        regression, of whose spectrum the directions that learn are taken. Four values if left out.
    name
        What the spectrum is called, such as the name of a data set.
    traits
        Other settings by the names of the traits; `step` is the step size η, 0.1 or 1/λ₁ where that is less.
        `rules` are the named rules beside the power law, `batch` the examples per step of the folded model: None for
        all, which is no noise.

    Raises
    ------
    ArgumentError
        If a setting lies outside its domain.
    """

    model = Choice("regression").tag(sync=True)
    spectrum = Spectrum(np.array([1.0, 0.1, 0.01, 0.001])).tag(sync=True, to_json=_to_buffer, from_json=_from_buffer)
    rules = Rules(SWITCHED_ON).tag(sync=True)
    alpha = _number("alpha")
    step = _number("step")
    time = _number("time")
    start = _number("start")
    threshold = _number("threshold")
    epsilon = _number("epsilon")
    theta = _number("theta")
    margin = _number("margin")
    weight_decay = _number("weight_decay")
    u1 = _number("u1")
    u2 = _number("u2")
    batch = Batch(None, allow_none=True).tag(sync=True)
    seed = _number("seed")
    overlay = Overlay(np.empty((0, 2))).tag(sync=True, to_json=_to_buffer, from_json=_to_points)
    name = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    remark = traitlets.Unicode("").tag(sync=True)
    _esm = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, spectrum: Iterable[float] | LinearModel | None = None, *, name: str | None = None, **traits: Any
    ) -> None:
        if isinstance(spectrum, Folded):
            given: dict[str, Any] = {"model": "folded", **spectrum.parameters()}
        elif spectrum is None:
            given = {}
        else:
            found, remark, source = spectrum_of(spectrum) if isinstance(spectrum, LinearModel) else (spectrum, "", None)
            values = sorted(checked_spectrum(found), reverse=True)
            given, name = {"spectrum": values, "step": usual_step(values), "remark": remark}, name or source
        settings = [each for each in (*PARAMETERS, "model", "rules", "batch", "overlay") if self.has_trait(each)]
        for unknown in traits:
            known("setting", unknown, settings)
        super().__init__(**{**given, "name": name, **traits})

    def show(self, trajectory: Trajectory) -> None:
        """Lay a run over the page's test errors: one that has no closed form, or steps beside the flow.

        Parameters
        ----------
        trajectory
            A flow, or steps, whose count × η is the flow time. The test error of a regression is drawn as a share of
            what it was at the start.
        """
        times = trajectory.times * (trajectory.step or 1.0)
        whole = 1.0 if trajectory.model == "folded" else trajectory.test_error[0]
        self.overlay = np.column_stack([times, trajectory.test_error / whole])

    @traitlets.default("_esm")
    def _module(self) -> str:
        return module()

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget, and a still picture for where there is no kernel to draw it."""
        from figures.explorer.still import picture

        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        return {**bundle[0], "image/png": picture(self)}, bundle[1]


@functools.cache
def module() -> str:
    """The ES module that a notebook loads: the page's own script and style, and what hosts them there."""
    body = filled(asset("body.html"), {"version": ""})
    parts = {"STYLE": asset("page.css"), "BODY": body, "SETTINGS": settings()}
    constants = [f"const {name} = {literal(value)};" for name, value in parts.items()]
    return "\n".join([*constants, explorer_script(), asset("widget.js")])
