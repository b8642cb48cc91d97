"""A picture that has a name: the numbers it is drawn from, how it is drawn, and what is written beneath it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, ArgumentTypeError, known, number, numbers, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Data = Mapping[str, Any]


class Missing(ArgumentError):
    """What a picture is drawn from has not been made yet; the message says how to make it."""


@dataclass(frozen=True)
class Picture:
    """A figure of the index.

    Parameters
    ----------
    name
        Of its module in figures/, of its files and on the command line.
    title
        In a few words.
    data
        Keyword parameters, each with a default, to NumPy arrays by name; strings and single numbers are arrays too.
    draw
        Such a mapping, and axes or None for a new figure, to the figure.
    caption
        Such a mapping to LaTeX whose numbers are those of the data.
    beside
        Parameter → file, of parameters that name a file which lies, if they are left out, where the picture is written.
    """

    name: str
    title: str
    data: Callable[..., Data]
    draw: Callable[..., Figure]
    caption: Callable[[Data], str]
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `data` with their defaults."""
        return {name: entry.default for name, entry in inspect.signature(self.data).parameters.items()}

    def collect(self, **parameters: Any) -> dict[str, Any]:
        """The arrays for these parameters, on one BLAS thread, so that they do not depend on the number of cores.

        Raises
        ------
        ArgumentError
            For a parameter that the picture does not have, or a value outside its domain.
        """
        import numpy as np
        from threadpoolctl import threadpool_limits

        for name in parameters:
            known(f"{self.name}'s parameter", name, tuple(self.parameters))
        with threadpool_limits(1):
            found = self.data(**parameters)
        return {name: np.asarray(value) for name, value in found.items()}

    def figure(self, axes: Any = None, **parameters: Any) -> Figure:
        """The picture for these parameters, on a new figure or in the axes that are passed."""
        return self.draw(self.collect(**parameters), axes)

    def read(self, name: str, text: str) -> Any:
        """The value of a parameter that was given as text: of its default's type, lists separated by commas.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For a parameter that the picture does not have, or text that is no such value.

        Examples
        --------
        >>> one = Picture("one", "", lambda rules=("gd",), sizes=(1.0, 2.0), count=3: {}, None, None)
        >>> one.read("rules", "gd,egd"), one.read("sizes", "0.5"), one.read("count", "4")
        (('gd', 'egd'), (0.5,), 4)
        """
        default = self.parameters[known("set", name, tuple(self.parameters))]
        if isinstance(default, str):
            return text
        if isinstance(default, int):
            return whole(name, text, 0)
        if isinstance(default, float):
            return number(name, text)
        parts = [part.strip() for part in text.split(",")]
        if isinstance(default[0], str):
            return tuple(parts)
        try:
            return numbers(name, parts)
        except ArgumentTypeError:
            raise ArgumentError(name, "hold numbers separated by commas", f"is {text!r}") from None
