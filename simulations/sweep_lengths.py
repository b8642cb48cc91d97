"""What a block of a sweep holds: lengths of its members, predicted and measured, each by the fastest way there is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from simulations import folded_descents, sensitivity
from simulations.descent import descend
from simulations.flow import flow
from simulations.spectra import spectra
from simulations.sweep_parameters import eigenvalues
from simulations.sweeps import SEED, Block, Sweep
from theory import spreads
from theory.chains import derived
from theory.derivation import Derivation
from theory.grids import longest_runs
from theory.members import Members
from theory.models import folded_chain, regression_chain, wedge_chain
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.plateaus import ARRIVAL_SPREAD, LEADING_ORDER, LONGEST_RUN, TWO_ORDERS
from theory.predictions import predict
from theory.rules import Rule

Array = NDArray[np.float64]
Values = dict[str, NDArray[Any]]
Lengths = dict[str, Array]
ITERATED = 10_000  # steps of a linear rule run alone, before its exact propagator
FOLDED = ("epsilon", "theta", "margin", "weight_decay", "start_fast", "start_slow", "step")
ASYMPTOTIC = (LEADING_ORDER, TWO_ORDERS)  # definitions of a prediction alone
KIND = ("shape", "spectrum", "directions")
CHAINS: dict[str, Callable[[Rule, str], Derivation]] = {
    "folded": folded_chain.derive,
    "wedge": wedge_chain.derive,
    "regression": regression_chain.derive,
}


def compute(sweep: Sweep, block: Block) -> dict[str, NDArray[Any]]:
    """Every variable of a block: (definition, rule, members), or without the dimensions that it has not."""
    members = sweep.members(block)
    lengths = [_predict(sweep, how, members) for how in sweep.rules]
    found: dict[str, NDArray[Any]] = {"predicted": _table(sweep, block, lengths)}
    if sweep.measure:
        pairs = [_measure(sweep, how, members) for how in sweep.rules]
        found["measured"] = _table(sweep, block, [measured for measured, _ in pairs])
        found["censored"] = np.isnan(found["measured"])
        found["relative_difference"] = relative_difference(found["predicted"], found["measured"])
        found["evaluations"] = np.array([taken for _, taken in pairs]).reshape(-1, *block.shape)
    names = [how.name for how in sweep.rules]
    if {"gd", "egd"} <= set(names):
        for kind in [name for name in ("predicted", "measured") if name in found]:
            one, other = (found[kind][:, names.index(name)] for name in ("gd", "egd"))
            with np.errstate(divide="ignore", invalid="ignore"):
                found[f"{kind}_ratio"] = one / other
    if sweep.design == "random":
        places = np.arange(block.shape[0]) * block.shape[1]
        found |= {one.name: members[one.name][places] for one in sweep.axes}
    return found


def relative_difference(predicted: Array, measured: Array) -> Array:
    """(measured − predicted) / predicted; 0 where both are equal, NaN where one is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(predicted == measured, 0.0, (measured - predicted) / predicted)


def sensitive(sweep: Sweep, block: Block, found: dict[str, NDArray[Any]]) -> dict[str, int]:
    """Conclusion → members of a block in which it depends on the definition, for one rule or two of them at least."""
    lengths = found["measured" if sweep.measure else "predicted"].reshape(len(sweep.definitions), len(sweep.rules), -1)
    exact = [name not in ASYMPTOTIC for name in sweep.definitions]
    step = sweep.members(block)["step"] if sweep.view == "flow" else 1.0
    read = sensitivity.plateaus(lengths[exact], step)
    alone = {sensitivity.EXISTENCE: sensitivity.existence, sensitivity.MAGNITUDE: sensitivity.magnitude}
    changed = {name: np.any([test(read[:, i]) for i in range(read.shape[1])], axis=0) for name, test in alone.items()}
    pairs = list(itertools.combinations(range(read.shape[1]), 2))
    if pairs:
        changed[sensitivity.ORDER] = np.any([sensitivity.order(read[:, i], read[:, j]) for i, j in pairs], axis=0)
    return {name: int(np.sum(where)) for name, where in changed.items()}


def formulas(sweep: Sweep) -> dict[str, dict[str, str]]:
    """Rule → step of its derivation → equation; empty for a rule without one."""
    found = {}
    for how in sweep.rules:
        chain = _chain(sweep, how)
        found[how.name] = {} if chain is None else {step.name: sp.sstr(step.equation) for step in chain.steps}
    return found


def _chain(sweep: Sweep, how: Rule) -> Derivation | None:
    return derived(CHAINS[sweep.model], how, sweep.view)


def _table(sweep: Sweep, block: Block, lengths: list[Lengths]) -> Array:
    """Lengths of each rule as (definition, rule, members)."""
    none = np.full(math.prod(block.shape), np.nan)
    rows = [[of_rule.get(name, none) for of_rule in lengths] for name in sweep.definitions]
    return np.array(rows, float).reshape(len(rows), len(lengths), *block.shape)


def _predict(sweep: Sweep, how: Rule, members: Values) -> Lengths:
    if sweep.model == "folded" and how.linear:
        found = Members(**{name: members[name] for name in FOLDED})
        others = spreads.folded_lengths(how, sweep.view, found, sweep.threshold)
        return others | {LONGEST_RUN: longest_runs(how, sweep.view, found)}
    if sweep.model == "regression" and spreads.separate(how, sweep.view):
        return {ARRIVAL_SPREAD: _spreads(sweep, how, members)}
    asymptotic = sweep.model == "folded" and sweep.view == "descent"  # what other rules have there
    if asymptotic or _chain(sweep, how) is None:
        return {}

    def lengths(model: LinearModel, start: Array, step: float, seed: int) -> dict[str, float | None]:
        size = step if sweep.view == "descent" else None
        found = predict(model, how, sweep.view, start, step=size, threshold=sweep.threshold).plateaus
        return {name: length for name, (length, _) in found.items()}

    return _one_by_one(sweep, members, lengths)


def _measure(sweep: Sweep, how: Rule, members: Values) -> tuple[Lengths, NDArray[np.int64]]:
    if sweep.model == "folded" and sweep.view == "descent" and folded_descents.steps_together(how):
        together = Members(**{name: members[name] for name in FOLDED})
        return folded_descents.measure(how, together, threshold=sweep.threshold, max_steps=sweep.max_steps)
    taken = []
    most = min(sweep.max_steps, ITERATED) if how.linear else sweep.max_steps

    def lengths(model: LinearModel, start: Array, step: float, seed: int) -> dict[str, float | None]:
        if sweep.view == "descent":
            run = descend(model, how, step, start, threshold=sweep.threshold, max_steps=most, seed=seed)
        else:
            run = flow(model, how, start, threshold=sweep.threshold)
        taken.append(run.evaluations)
        return run.plateaus

    return _one_by_one(sweep, members, lengths), np.array(taken, np.int64)


def _one_by_one(
    sweep: Sweep, members: Values, lengths: Callable[[LinearModel, Array, float, int], dict[str, float | None]]
) -> Lengths:
    """Definition → lengths (n,), each member on its own."""
    count = len(members[SEED])
    found = {name: np.full(count, np.nan) for name in sweep.definitions}
    for place in range(count):
        at = {name: values[place] for name, values in members.items()}
        model, start = BUILT[sweep.model](at)
        for name, length in lengths(model, start, float(at["step"]), int(at[SEED])).items():
            if name in found and length is not None:
                found[name][place] = length
    return found


def _folded(at: dict[str, Any]) -> tuple[LinearModel, Array]:
    model = Folded(*(float(at[name]) for name in FOLDED[:4]))
    return model, np.array([[at["start_fast"], at["start_slow"]]], float)


def _wedge(at: dict[str, Any]) -> tuple[LinearModel, Array]:
    model = Wedge(*(float(at[name]) for name in ("epsilon", "theta", "weight_decay")))
    return model, np.array([[at["w1"], at["w2"]]], float)


def _regression(at: dict[str, Any]) -> tuple[LinearModel, Array]:
    lone = {name: np.array([value]) for name, value in at.items()}
    _, values = next(_curves(lone))
    model = Regression.from_spectrum(
        values[0], start=float(at["start"]), weight_decay=float(at["weight_decay"]), seed=int(at[SEED])
    )
    return model, model.start()


BUILT: dict[str, Callable[[dict[str, Any]], tuple[LinearModel, Array]]] = {
    "folded": _folded,
    "wedge": _wedge,
    "regression": _regression,
}


def _curves(members: Values) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Members of one shape and number of directions, as places (n,) and their spectra (n, d)."""
    kinds = np.array([f"{s}|{u}|{d:g}" for s, u, d in zip(*(members[k] for k in KIND), strict=True)])
    for kind in np.unique(kinds):
        places = np.flatnonzero(kinds == kind)
        shape, own, directions = (members[name][places[0]] for name in KIND)
        if own:
            yield places, np.broadcast_to(eigenvalues(str(own)), (len(places), len(str(own).split(","))))
        else:
            largest = members["largest"][places].astype(float)[:, None]
            yield places, largest * spectra(str(shape), members["condition"][places].astype(float), int(directions))


def _spreads(sweep: Sweep, how: Rule, members: Values) -> Array:
    """Spreads of arrivals (n,) by the closed form of each direction."""
    found = np.empty(len(members[SEED]))
    for places, values in _curves(members):
        decay, start = (members[name][places].astype(float)[:, None] for name in ("weight_decay", "start"))
        found[places] = spreads.regression_spreads(
            how,
            sweep.view,
            rates=values + decay,
            errors=start * values / (values + decay),
            step=members["step"][places],
            threshold=sweep.threshold,
        )
    return found
