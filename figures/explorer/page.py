"""The page put together: one HTML file with everything in it, which asks no other file for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from figures.explorer.parameters import PARAMETERS, checked, checked_spectrum
from figures.explorer.script import asset, explorer_script, literal, settings


def page(
    spectrum: Sequence[float] | None = None,
    *,
    name: str | None = None,
    remark: str = "",
    step: float | None = None,
    version: str = "",
) -> str:
    """The page as text.

    Parameters
    ----------
    spectrum
        Singular values of the inputs' covariance from which the page starts, all positive (d,); four values of a
        geometric spectrum if left out.
    name
        What the spectrum is called, such as the name of a data set.
    remark
        A sentence about where it comes from.
    step
        Step size η from which the page starts, from 1e-6 to 10; if left out 0.1, or 1/λ₁ where that is less.
    version
        The release that wrote the page.

    Raises
    ------
    ArgumentError
        If the spectrum holds no value or more than 1,000, or one that is not positive; if the step lies outside.
    """
    values = None if spectrum is None else sorted(checked_spectrum(spectrum), reverse=True)
    size = usual_step(values or [1.0]) if step is None else checked("step", step)
    start = literal(settings(values, size, name, remark))
    script = f"{explorer_script()}\nconst explored = explorer(document, {start});\n"
    style = asset("page.css")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "version": version, "style": style, "script": script, "body": asset("body.html")}
    return filled(asset("page.html"), parts)


def usual_step(spectrum: Sequence[float]) -> float:
    """The step from which a page starts, or 1/λ₁ where that is less, so that gradient descent is stable."""
    step = PARAMETERS["step"]
    return max(step.low, min(step.value, 1 / max(spectrum)))


def filled(template: str, parts: dict[str, str]) -> str:
    """A template with each {{name}} replaced by a part."""
    found = re.sub(r"\{\{(body)\}\}", lambda name: parts[name[1]], template)
    return re.sub(r"\{\{(\w+)\}\}", lambda name: parts[name[1]], found)


def _digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
