"""The rules that tell equal speeds along the gradient's own directions from anything else that EGD changes.

``--rules controls`` stands for all of them:

==============================  =======================================================================================
rule                            what it keeps of EGD, and what not
==============================  =======================================================================================
``gd``                          nothing
``egd``                         everything
``frobenius``                   a length that does not depend on the gradient's; speeds as unequal as they were
``frobenius@STEP``              the same with EGD's own length: STEP is η√r, r the full rank
``random-basis``                equal speeds and the length, along directions that are not the gradient's
``column-norm``                 equal lengths for each hidden unit, along no singular direction
``newton-schulz``               EGD by five steps of a polynomial: speeds between 0.68 and 1.13
``rsvd:RANK``                   EGD in a sketched subspace of two thirds, and of one third, of the full rank (of the
                                paper's ranks where it has this setting)
``egd:refresh=10``              EGD along directions that are up to nine steps old
``damped-natural``              more than equal: small singular values faster than large ones, down to the damping
``adam``                        another way to even out speeds, number by number
==============================  =======================================================================================

All take the same number of steps. Their lengths differ: ``--set norm=equal`` gives every direction EGD's norm (``gd``
is then ``frobenius``, which is there once; Adam keeps its own length), and ``--tune`` gives each rule the step size
that suits it best (`tuning`).
"""

from __future__ import annotations

from collections.abc import Sequence

from simulations.networks.contenders import ADAM, DAMPED_NATURAL
from simulations.networks.published import EPOCHS
from simulations.networks.settings import PRESETS, Setting
from theory.checks import plain

NAME = "controls"


def expanded(rules: Sequence[str], setting: Setting) -> list[str]:
    """These rules, each once, with the members in place of ``controls``.

    Examples
    --------
    >>> expanded(["gd", "egd"], PRESETS["modular-97-add"])
    ['gd', 'egd']
    """
    found = [one for name in rules for one in (controls(setting) if name.strip() == NAME else [name])]
    return list(dict.fromkeys(found))


def controls(setting: Setting) -> list[str]:
    """The ids of all controls for a setting."""
    sketches = [f"rsvd:{rank}" for rank in _ranks(setting)]
    before = ["gd", "egd", "frobenius", *_as_long(setting), "random-basis", "column-norm", "newton-schulz"]
    return [*before, *sketches, "egd:refresh=10", DAMPED_NATURAL.name, ADAM]


def _as_long(setting: Setting) -> list[str]:
    """Frobenius rescaling to EGD's length, where that is not everybody's."""
    length = setting.step * _full(setting) ** 0.5
    return [] if setting.norm == "equal" else [f"frobenius@{plain(length)}"]


def _full(setting: Setting) -> int:
    """The full rank of a gradient of W₁."""
    return min(setting.task.features, setting.width)


def _ranks(setting: Setting) -> list[int]:
    for preset, row in EPOCHS.items():
        if PRESETS[preset].task == setting.task and PRESETS[preset].width == setting.width:
            return [int(rule.partition(":")[2]) for rule in row if rule.startswith("rsvd:")]
    return sorted({max(1, round(_full(setting) * part / 3)) for part in (1, 2)}, reverse=True)
