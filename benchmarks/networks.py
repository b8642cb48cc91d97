"""An epoch at p = 97 beside the same epoch by others, in one run: `python benchmarks/networks.py [mod_add.py]`.

Nine minibatches of 512 of the modular-97-add preset by gd and egd, with and without the evaluation of all pairs that
follows. The peer is the code published with arXiv:2510.04930, if its file main-results/mod_add.py is named (its
functions are taken as they are, JAX compiles them), or else the same epoch in PyTorch: dense one-hot inputs, autograd,
torch.linalg.svd. Each repeat times five epochs of ours and five of theirs; what is printed is the least milliseconds of
an epoch of either, and the median of ours by theirs. BLAS has one thread for both; ours shares an epoch's work among up
to four threads, and XLA among as many as it wants. With `--one-core` one core is left to everything, and the times are
those of the processor, which count no time in which others had it. Last comes by how much the two updates from the same
weights differ.
"""

from __future__ import annotations

import ast
import functools
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from simulations.networks.campaign import THREADS
from simulations.networks.contenders import contender
from simulations.networks.network import gradients, scores
from simulations.networks.settings import PRESETS
from simulations.networks.training import Training
from simulations.threads import cores, sharing

SETTING = PRESETS["modular-97-add"]
MODULUS, BATCH, STEP, DECAY = 97, SETTING.batch, SETTING.step, SETTING.weight_decay
REPEATS, EPOCHS, ONE_CORE = 10, 5, "--one-core"
Update = Callable[[Any, Any, Any], Any]
Peer = tuple[dict[str, Update], Callable[..., Any], Callable[[Any], Any], Callable[[Any], Any]]


def published(file: Path) -> Peer:
    """Updates, accuracy, and ways into and out of arrays, from the published file up to its training loop."""
    import jax

    tree = ast.parse(file.read_text().replace("p = 127", f"p = {MODULUS}"))
    loop = next(index for index, node in enumerate(tree.body) if isinstance(node, ast.For))
    tree.body = [ast.Import([ast.alias("time")]), *tree.body[:loop]]
    space: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), str(file), "exec"), space)
    updates = {"gd": space["update"], "egd": space["egd_update"]}
    return updates, space["accuracy"], jax.numpy.asarray, jax.block_until_ready


def pytorch() -> Peer:
    """The same in PyTorch, as one would write it."""
    import torch

    torch.set_num_threads(1)

    def forward(weights: Any, inputs: Any) -> Any:
        return torch.relu(inputs @ weights[0] + weights[1]) @ weights[2]

    def update(weights: Any, inputs: Any, targets: Any, even: bool = False) -> Any:
        weights = [part.detach().requires_grad_() for part in weights]
        loss = torch.nn.functional.cross_entropy(forward(weights, inputs), targets.argmax(1))
        loss = loss + 0.5 * DECAY * ((weights[0] ** 2).sum() + (weights[2] ** 2).sum())
        slope = list(torch.autograd.grad(loss, weights))
        if even:
            left, _, right = torch.linalg.svd(slope[0], full_matrices=False)
            slope[0] = left @ right
        return [(part - STEP * way).detach() for part, way in zip(weights, slope, strict=True)]

    def accuracy(weights: Any, inputs: Any, targets: Any) -> Any:
        return float((forward(weights, inputs).argmax(1) == targets.argmax(1)).float().mean())

    updates = {"gd": update, "egd": lambda *given: update(*given, even=True)}
    return updates, accuracy, torch.as_tensor, lambda found: found


class Theirs:
    """The peer's epochs, on our examples, from our weights."""

    def __init__(self, peer: Peer, name: str, ours: Training) -> None:
        updates, self.accuracy, self.array, self.wait = peer
        self.update, data = updates[name], ours.data
        first, second = np.divmod(np.arange(MODULUS**2), MODULUS)
        one = np.eye(MODULUS, dtype=np.float32)
        inputs, targets = np.hstack([one[first], one[second]]), one[data.targets]
        self.train = self.array(inputs[data.train]), self.array(targets[data.train])
        self.test = self.array(inputs[data.test]), self.array(targets[data.test])
        self.weights = [self.array(part) for part in ours.weights.copy()]

    def take_steps(self, order: Any) -> None:
        """An epoch, shuffled and sliced as theirs is."""
        shuffled = [part[self.array(order)] for part in self.train]
        for begin in range(0, len(order) - BATCH + 1, BATCH):
            self.weights = self.update(self.weights, *(part[begin : begin + BATCH] for part in shuffled))
        self.wait(self.weights)

    def evaluate(self) -> None:
        """Both accuracies."""
        for split in (self.train, self.test):
            float(self.accuracy(self.weights, *split))


def seconds(function: Callable[[], Any]) -> float:
    """Seconds of a call."""
    clock = time.process_time if ONE_CORE in sys.argv else time.perf_counter
    begun = clock()
    function()
    return clock() - begun


def compare(name: str, peer: Peer, helpers: Executor) -> str:
    """Times and ratios of one rule's epochs."""
    ours = Training(SETTING, contender(name, SETTING), 0, helpers=helpers)
    theirs, rng = Theirs(peer, name, ours), np.random.default_rng(0)
    orders = [rng.permutation(len(ours.data.train)) for _ in range(EPOCHS)]

    def mine(look: bool) -> None:
        for _ in orders:
            ours.take_steps()
            if look:
                scores(ours.weights, ours.data, ours.loss, helpers)

    def others(look: bool) -> None:
        for order in orders:
            theirs.take_steps(order)
            if look:
                theirs.evaluate()

    rows = []
    for _ in range(REPEATS + 1):  # the first warms up
        rows.append(
            [[seconds(functools.partial(side, look)) / EPOCHS for side in (mine, others)] for look in (False, True)]
        )
    found = []
    for place, words in enumerate(("steps alone", "with evaluation")):
        least, other = (1e3 * min(row[place][side] for row in rows[1:]) for side in (0, 1))
        middle = statistics.median(row[place][0] / row[place][1] for row in rows[1:])
        found.append(f"{words} {least:.1f} by {other:.1f} ms = {least / other:.2f}, median {middle:.2f}")
    return f"{name:4s} {'; '.join(found)}"


def difference(name: str, peer: Peer) -> float:
    """Largest difference between the two updates of W₁ from the start, relative to the largest of its changes."""
    ours = Training(SETTING, contender(name, SETTING), 0)
    theirs = Theirs(peer, name, ours)
    _, slope = gradients(ours.weights, ours.data, ours.data.train[:BATCH], ours.loss, DECAY)
    way, _ = ours.way(slope, None)
    updated = theirs.update(theirs.weights, *(part[:BATCH] for part in theirs.train))
    step = ours.weights.first - np.asarray(updated[0])
    return float(np.abs(STEP * way.first - step).max() / np.abs(step).max())


def main() -> None:
    """Time both rules."""
    arguments = [one for one in sys.argv[1:] if one != ONE_CORE]
    if ONE_CORE in sys.argv:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    peer = published(Path(arguments[0])) if arguments else pytorch()
    with threadpool_limits(1), sharing(min(cores(), THREADS)) as helpers:
        for name in ("gd", "egd"):
            print(compare(name, peer, helpers), flush=True)
            print(f"     first update of W₁ differs by {difference(name, peer):.1e} of its largest change", flush=True)


if __name__ == "__main__":
    main()
