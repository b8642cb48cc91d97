"""The rules that there are, by the ids that name them on the command line, and a user's own by module and name."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy as sp

from theory.checks import SMALLEST, ArgumentError, ArgumentTypeError, known, number, plain
from theory.newton_schulz import MOST_STEPS, PRESETS, polynomial
from theory.rules import INDEX, NORM, SIGMA, Rule

MOST_POWER = 10
REFRESH = ":refresh="


def _power(alpha: float) -> Rule:
    if abs(alpha) > MOST_POWER:
        raise ArgumentError("rules", f"give `power` an α from -{MOST_POWER} to {MOST_POWER}", f"has {plain(alpha)}")
    return Rule(f"power:{plain(alpha)}", SIGMA ** (1 - sp.nsimplify(alpha, rational=True)))


def _damped(delta: float) -> Rule:
    if delta < SMALLEST:
        raise ArgumentError("rules", "give `damped` a positive δ, as in damped:0.01", f"has {delta:g}")
    return Rule(f"damped:{plain(delta)}", SIGMA / sp.sqrt(SIGMA**2 + sp.nsimplify(delta, rational=True) ** 2))


def _count(rule: str, value: float, least: int = 1) -> int:
    if value != int(value) or value < least:
        raise ArgumentError("rules", f"give `{rule}` a whole number of at least {least}", f"has {value:g}")
    return int(value)


def _truncated(rank: float) -> Rule:
    rank = _count("truncated", rank)
    return Rule(f"truncated:{rank}", sp.Piecewise((1, rank >= INDEX), (0, True)))


@functools.cache  # a large law is looked through once
def _schulz(steps: float = 5, preset: str = "jordan2024") -> Rule:
    steps = _count("newton-schulz", steps)
    if steps > MOST_STEPS:
        raise ArgumentError("rules", f"give `newton-schulz` at most {MOST_STEPS} steps", f"has {steps}")
    if preset not in PRESETS:
        raise ArgumentError("rules", f"end `newton-schulz` with one of {', '.join(PRESETS)}", f"has {preset!r}")
    ending = f":{steps}:{preset}" if preset != "jordan2024" else f":{steps}" if steps != 5 else ""
    return Rule(f"newton-schulz{ending}", polynomial(SIGMA / NORM, steps, PRESETS[preset]))


def _momentum(beta: float) -> Rule:
    if not 0 <= beta < 1:
        raise ArgumentError("rules", "give `momentum` a β in [0, 1)", f"has {beta:g}")
    return Rule(f"momentum:{plain(beta)}", kind="momentum", options={"beta": beta})


def _grokfast(memory: float = 0.98, gain: float = 2.0) -> Rule:
    if not 0 <= memory < 1:
        raise ArgumentError("rules", "give `grokfast` a memory in [0, 1)", f"has {memory:g}")
    if gain < 0:
        raise ArgumentError("rules", "give `grokfast` a gain of zero or more", f"has {gain:g}")
    ending = f":{plain(memory)}:{plain(gain)}" if (memory, gain) != (0.98, 2.0) else ""
    return Rule(f"grokfast{ending}", kind="grokfast", options={"memory": memory, "gain": gain})


def _rsvd(rank: float, iterations: float = 2) -> Rule:
    rank, iterations = _count("rsvd", rank), _count("rsvd", iterations, 0)
    ending = f":{iterations}" if iterations != 2 else ""
    return Rule(f"rsvd:{rank}{ending}", kind="rsvd", options={"rank": rank, "iterations": iterations})


@dataclass(frozen=True)
class _Form:
    """How an id is read: what makes the rule, the values after colons, and how many of these must be given."""

    make: Callable[..., Rule]
    values: tuple[str, ...] = ()
    needed: int = 0
    example: str = ""

    def read(self, head: str, given: list[str]) -> Rule:
        """The rule with these values, given as text."""
        name = ":".join([head, *given])
        if given and not self.values:
            known("rules", name, RULE_IDS)
        if len(given) > len(self.values):
            raise ArgumentError("rules", f"give `{head}` no values but {':'.join(self.values)}", f"holds {name!r}")
        if len(given) < self.needed:
            wanted = ":".join([head, *self.values[: self.needed]])
            raise ArgumentError("rules", f"read {wanted}, as in {head}:{self.example}", f"holds {name!r}")
        return self.make(*(self._value(index, head, given) for index in range(len(given))))

    def _value(self, index: int, head: str, given: list[str]) -> float | str:
        if self.values[index] == "PRESET":
            return given[index]
        try:
            return number("rules", given[index])
        except ArgumentTypeError:
            wanted = ":".join([head, *self.values[: len(given)]])
            raise ArgumentError(
                "rules", f"read {wanted} with a number", f"holds {':'.join([head, *given])!r}"
            ) from None


FORMS = {
    "gd": _Form(lambda: Rule("gd", SIGMA)),
    "egd": _Form(lambda: Rule("egd", sp.Integer(1))),
    "ngd": _Form(lambda: Rule("ngd", 1 / SIGMA)),
    "newton": _Form(lambda: Rule("newton", kind="newton")),
    "power": _Form(_power, ("ALPHA",), 1, "0.5"),
    "damped": _Form(_damped, ("DELTA",), 1, "0.01"),
    "truncated": _Form(_truncated, ("RANK",), 1, "3"),
    "newton-schulz": _Form(_schulz, ("STEPS", "PRESET")),
    "frobenius": _Form(lambda: Rule("frobenius", SIGMA / NORM)),
    "random-basis": _Form(lambda: Rule("random-basis", kind="random_basis")),
    "column-norm": _Form(lambda: Rule("column-norm", kind="column_norm", options={"floor": 0.01})),
    "momentum": _Form(_momentum, ("BETA",), 1, "0.9"),
    "grokfast": _Form(_grokfast, ("MEMORY", "GAIN")),
    "rsvd": _Form(_rsvd, ("RANK", "ITERATIONS"), 1, "3"),
}
RULE_IDS = (
    "gd",
    "egd",
    "ngd",
    "newton",
    "power:ALPHA",
    "damped:DELTA",
    "truncated:RANK",
    "newton-schulz[:STEPS]",
    "frobenius",
    "random-basis",
    "column-norm",
    "momentum:BETA",
    "grokfast",
    "rsvd:RANK",
)


def rule(name: str | Rule) -> Rule:
    """The rule of that id, such as ``egd``, ``power:0.5`` or a user's own ``module:NAME``.

    Longer forms: ``newton-schulz:STEPS:PRESET`` with the presets ``jordan2024``, ``cubic``, ``quintic`` and
    ``polar-express``; ``grokfast:MEMORY:GAIN``; ``rsvd:RANK:ITERATIONS`` with the number of power iterations; and
    ``:refresh=M`` after the id of any rule that has singular directions, which are then kept for M steps.
    ``truncated:RANK`` with a rank above that of the gradient is ``egd``.

    Parameters
    ----------
    name
        The id; a rule is returned as it is.

    Raises
    ------
    ArgumentError
        If no rule has this id; the message lists the known ones and names the nearest.

    Examples
    --------
    >>> rule("power:0.5").law
    sqrt(sigma)
    >>> rule("egd:refresh=10").refresh
    10
    """
    if isinstance(name, Rule):
        return name
    if not isinstance(name, str):
        raise ArgumentTypeError("rules", "name rules by their ids", f"holds {name!r}")
    before, marked, count = name.partition(REFRESH)
    if marked:
        return _refreshed(rule(before), count)
    head, *values = name.split(":")
    if head not in FORMS and values:
        return _own(head, ":".join(values))
    if head not in FORMS:
        known("rules", name, RULE_IDS)
    return FORMS[head].read(head, values)


def _refreshed(how: Rule, text: str) -> Rule:
    try:
        count = _count("refresh", number("rules", text))
    except ArgumentTypeError:
        raise ArgumentError("rules", "read refresh=STEPS with a number", f"holds refresh={text!r}") from None
    if not how.keeps_directions:
        raise ArgumentError("rules", "refresh a rule that has singular directions", f"asks it of {how.name}")
    return replace(how, name=f"{how.name}{REFRESH}{count}", refresh=count) if count > 1 else how


def _own(module: str, attribute: str) -> Rule:
    """A user's own rule: a Rule, or a SymPy expression in SIGMA, found in a module."""
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the user's module raises
        why = " ".join(str(error).split())
        near = difflib.get_close_matches(module, [head for head in FORMS if FORMS[head].values], n=1, cutoff=0.7)
        hint = (
            f" (did you mean {near[0]}:{FORMS[near[0]].values[0]}?)" if near else f", which cannot be imported: {why}"
        )
        raise ArgumentError(
            "rules", f"be one of {', '.join(RULE_IDS)}, or module:NAME", f"is {f'{module}:{attribute}'!r}{hint}"
        ) from None
    if isinstance(found, sp.Expr):
        strange = found.free_symbols - {SIGMA, NORM, INDEX}
        if strange:
            names = ", ".join(sorted(map(str, strange)))
            raise ArgumentError(
                "rules", "name a law with no symbols but SIGMA, NORM and INDEX", f"{attribute} uses {names}"
            )
        found = Rule(attribute, found)
    if not isinstance(found, Rule):
        raise ArgumentError("rules", f"name a Rule or an expression in {module}", f"{attribute} is {found!r}")
    return found
