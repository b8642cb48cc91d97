"""Ensembles beside what a user would write instead, in one run: `python benchmarks/ensembles.py`.

10,000 factorised modes of two layers, targets 0.01 to 10, product 1e-3 at the start, each to its own located arrival
(gradient descent) or extinction (EGD). Closed forms serve as the reference; the engines do without them. Peers run at
rtol 1e-8 with the arrival as an event. All on one BLAS thread; diffrax takes as many cores as XLA wants.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

from simulations.engines import integrator_for
from simulations.ensemble_modes import FactorizedModes, RegressionModes
from simulations.ensembles import ensemble
from theory.derivation import compiled
from theory.models.factorized_chain import derive as derive_factorized
from theory.models.factorized_mode import DECAY, END, START, TARGET
from theory.models.factorized_mode import THRESHOLD as PART
from theory.models.regression import ERROR0, RATE
from theory.models.regression_chain import derive
from theory.modes import GROWING, SHRINKING, factorized_path
from theory.rule_ids import rule

COUNT, SAMPLE, CHECKED = 10_000, 100, 20
THRESHOLD, RTOL = 1e-3, 1e-8
SPEEDS: dict[str, Callable[[Any], Any]] = {"gd": lambda g: g, "egd": np.sign}


def timed(function: Callable[[], Any], repeats: int = 5) -> tuple[float, Any]:
    """Least wall-clock seconds of several calls, and the last result."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - begun)
    return min(times), result


def members(balanced: bool) -> FactorizedModes:
    """The ensemble of the claim; unbalanced starts keep the product and spread the factors by up to e² to 1."""
    spread = np.zeros(COUNT) if balanced else np.random.default_rng(0).uniform(-1, 1, COUNT)
    targets = np.geomspace(0.01, 10, COUNT)
    return FactorizedModes(targets, np.sqrt(1e-3) * np.exp([spread, -spread]))


def end_of(name: str, found: Any) -> Any:
    """What is located: the arrival, or under EGD the extinction."""
    return found.arrivals if name == "gd" else found.extinctions


def reference(name: str, modes: FactorizedModes, index: int) -> Any:
    """The end of one member by quadrature with 30 digits, in a variable of its own: the product."""
    mpmath.mp.dps = 30
    first, second = (mpmath.mpf(float(w)) for w in modes.factors[:, index])
    s, a = mpmath.mpf(float(modes.targets[index])), first * second
    if name == "egd":
        apart = first - second
        return mpmath.quad(lambda x: 1 / mpmath.sqrt(apart**2 + 4 * x), [a, s])
    apart, end = first**2 - second**2, s + mpmath.mpf(THRESHOLD) * (a - s)
    places = [a, *[a * (s / a) ** (mpmath.mpf(k) / 8) for k in range(1, 8)], *[s * (1 - 4.0**-k) for k in range(1, 5)]]
    return mpmath.quad(lambda x: 1 / ((s - x) * mpmath.sqrt(apart**2 + 4 * x**2)), [*sorted(places), end])


def closed_balanced(name: str, modes: FactorizedModes) -> Any:
    """The balanced end by the chain's own law (n,)."""
    laws, start = derive_factorized(rule(name)).laws, modes.factors.prod(axis=0)
    end = modes.targets + THRESHOLD * (start - modes.targets)
    if name == "egd":
        return compiled(laws["extinction"], (TARGET, START))(modes.targets, start)
    return compiled(laws["arrival"].subs(DECAY, 0), (TARGET, START, END, PART))(modes.targets, start, end, THRESHOLD)


def field(name: str, s: Any, module: Any = np) -> Callable[[Any, Any], Any]:
    """dw/dt of factors (2, …), for the peers."""

    def rates(_: Any, w: Any) -> Any:
        w = w.reshape(2, -1)
        gradient = module.stack([w[1], w[0]]) * (w[0] * w[1] - s)
        return -(gradient if name == "gd" else module.sign(gradient)).ravel()

    return rates


def solve_ivp_loop(name: str, method: str, modes: FactorizedModes, horizon: Any) -> float:
    """Seconds for all members, from a sample spread over them."""
    part = 0.0 if name == "egd" else THRESHOLD
    chosen = np.linspace(0, COUNT - 1, SAMPLE).astype(int)

    def run() -> None:
        for index in chosen:
            s, start = modes.targets[index], modes.factors[:, index]
            left = part * (s - start.prod())

            def ended(_: float, w: Any, s: float = s, left: float = left) -> float:
                return float(s - w[0] * w[1] - left)

            ended.terminal = True
            solve_ivp(
                field(name, s), (0, 2 * horizon[index]), start, method=method, rtol=RTOL, atol=1e-11, events=ended
            )

    return timed(run, 1)[0] * COUNT / SAMPLE


def stacked(name: str, modes: FactorizedModes, horizon: Any) -> float:
    """Seconds of one solve_ivp over all members to the longest time, without any event."""
    rates, start = field(name, modes.targets), modes.factors.ravel()
    return timed(lambda: solve_ivp(rates, (0, horizon.max()), start, "RK45", rtol=RTOL, atol=1e-11), 1)[0]


def by_diffrax(name: str, modes: FactorizedModes, horizon: Any) -> tuple[str, float, float, Any]:
    """Best of three solvers under vmap, in double precision, with the arrival as an event: compile, run, ends (n,)."""
    import diffrax
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    part = 0.0 if name == "egd" else THRESHOLD

    def one(solver: Any, start: Any, s: Any, until: Any) -> Any:
        left = part * (s - start[0] * start[1])

        def ended(t: Any, y: Any, args: Any, **_: Any) -> Any:
            return s - y[0] * y[1] - left

        event = diffrax.Event(ended, optimistix.Newton(1e-10, 1e-10))
        control = diffrax.PIDController(rtol=RTOL, atol=1e-11)
        term = diffrax.ODETerm(lambda t, w, s: field(name, s, jnp)(t, w))
        options = {"stepsize_controller": control, "event": event, "throw": False}
        return diffrax.diffeqsolve(term, solver, 0.0, until, None, start, s, **options).ts[-1]

    best = ("", np.inf, np.inf, None)
    for solver in (diffrax.Tsit5(), diffrax.Dopri5(), diffrax.Dopri8()):
        run = jax.jit(jax.vmap(lambda w, s, until, solver=solver: one(solver, w, s, until)))
        arguments = modes.factors.T, modes.targets, 1.5 * horizon
        first, _ = timed(lambda run=run, arguments=arguments: jax.block_until_ready(run(*arguments)), 1)
        again, ends = timed(lambda run=run, arguments=arguments: jax.block_until_ready(run(*arguments)))
        if again < best[2]:
            best = (type(solver).__name__, first - again, again, np.asarray(ends))
    return best


def race(name: str, balanced: bool) -> None:
    """Time every engine and every peer on one ensemble, and print the ratios."""
    modes, goal = members(balanced), "arrival" if name == "gd" else "extinction"
    print(f"\n{name}, {'balanced' if balanced else 'unbalanced'}: {COUNT} members to their {goal}")
    exact_time, exact = timed(lambda: ensemble(modes, name))
    _forget()
    compile_time = timed(lambda: integrator_for(factorized_path(rule(name), 2, GROWING), 1e-13), 1)[0]
    ours, found = timed(lambda: ensemble(modes, name, engine="heyoka"), 9)
    scipy_time, slow = timed(lambda: ensemble(modes, name, engine="scipy"), 1)
    horizon, ends, steps = end_of(name, exact), end_of(name, found), found.steps
    checked = np.random.default_rng(1).choice(COUNT, CHECKED, replace=False)
    with_mpmath = max(float(abs(ends[i] / reference(name, modes, i) - 1)) for i in checked)
    print(f"  closed form      {exact_time:8.3f} s")
    print(
        f"  heyoka           {ours:8.3f} s, compile {compile_time:.3f} s, steps {steps.mean():.1f} (most {steps.max()})"
    )
    report("SciPy engine", scipy_time, ours, compile_time)
    print(f"  heyoka's largest relative error against mpmath, {CHECKED} members: {with_mpmath:.1e}")
    print(
        f"    against the propagator {relative(ends, horizon):.1e}; SciPy's {relative(end_of(name, slow), horizon):.1e}"
    )
    if balanced:
        print(f"    against the chain's closed form {relative(ends, closed_balanced(name, modes)):.1e}")
    loops = {method: solve_ivp_loop(name, method, modes, horizon) for method in ("LSODA", "DOP853", "RK45")}
    for method, seconds in loops.items():
        report(f"loop of {method}", seconds, ours, compile_time)
    if name == "gd":  # without events EGD chatters at its extinctions for ever
        report("stacked RK45", stacked(name, modes, horizon), ours, compile_time)
    if importlib.util.find_spec("diffrax"):
        solver, compiled, seconds, peers = by_diffrax(name, modes, horizon)
        report(f"diffrax {solver}", seconds, ours, compile_time, compiled)
        print(f"    its largest relative error {relative(peers, horizon):.1e}")


def _forget() -> None:
    """Do without anything that has been compiled before, in this process or on disk."""
    import heyoka

    integrator_for.cache_clear()
    heyoka.llvm_state.clear_memcache()
    heyoka.llvm_state.set_diskcache_enabled(False)


def report(peer: str, seconds: float, ours: float, compiling: float, peers_compiling: float = 0.0) -> None:
    """One line: a peer's time and its ratio to heyoka's, without and with what is compiled first."""
    both = (seconds + peers_compiling) / (ours + compiling)
    note = f" (it compiles {peers_compiling:.3f} s)" if peers_compiling else ""
    print(f"  {peer:16s} {seconds:8.3f} s, {seconds / ours:.1f} times ours; {both:.1f} with both compiled first{note}")


def relative(found: Any, wanted: Any) -> float:
    """Largest relative difference."""
    return float(np.abs(found / wanted - 1).max())


def extinctions() -> None:
    """Located extinctions of aligned starts against their closed forms, and how many there are."""
    print(f"\nextinctions located without closed forms, {COUNT} members")
    rng = np.random.default_rng(2)
    rates, errors = 10 ** rng.uniform(-6, 3, COUNT), 10 ** rng.uniform(-8, 2, COUNT) * rng.choice([-1, 1], COUNT)
    for name in ("egd", "power:0.5", "power:0.1", "ngd"):
        wanted = derive(rule(name)).function("extinction", (RATE, ERROR0))(rates, np.abs(errors))
        found = ensemble(RegressionModes(rates, errors), name, engine="heyoka").extinctions
        _missed("regression", name, found, wanted)
    targets, starts = 10 ** rng.uniform(-6, 3, COUNT), 10 ** rng.uniform(-8, 3, COUNT)
    for depth in (2, 3, 5):
        wanted = derive_factorized(rule("egd"), "flow", depth).function("extinction", (TARGET, START))(targets, starts)
        found = ensemble(FactorizedModes.balanced(targets, starts, depth), "egd", engine="heyoka").extinctions
        _missed(f"{depth} layers", "egd", found, wanted)


def _missed(model: str, name: str, found: Any, wanted: Any) -> None:
    there = np.isfinite(found)
    worst = relative(found[there], wanted[there])
    print(f"  {model:10s} {name:10s} found {there.sum()}, missed {(~there).sum()}, largest relative error {worst:.1e}")


def bad_member() -> None:
    """One member that is not a number, among good ones."""
    modes = members(False)
    spoiled = modes.factors.copy()
    spoiled[0, 4321] = np.nan
    found = ensemble(FactorizedModes(modes.targets, spoiled), "gd", engine="heyoka")
    same = np.isfinite(found.arrivals).sum()
    print(f"\none bad member: {found.failed.tolist()} is {str(found.outcomes[4321])!r}, {same} others arrived")


def main() -> None:
    """Every race, then the counts."""
    print(f"{os.cpu_count()} cores; heyoka and SciPy on one")
    with threadpool_limits(1):
        integrator_for(factorized_path(rule("gd"), 2, SHRINKING), 1e-13)  # loads LLVM, which is no compile time
        for name in SPEEDS:
            for balanced in (True, False):
                race(name, balanced)
        extinctions()
        bad_member()


if __name__ == "__main__":
    main()
