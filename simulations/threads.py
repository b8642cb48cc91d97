"""Threads that share the work of one process, where NumPy gives up the interpreter."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np


class AtOnce(Executor):
    """Does what it is given at once, in the thread that gives it."""

    def submit(self, function: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """The result, in a future that is over."""
        done: Future[Any] = Future()
        done.set_result(function(*given, **named))
        return done


AT_ONCE = AtOnce()


def sharing(threads: int) -> Executor:
    """So many threads, to be closed after use, in which numbers overflow in silence; for one, the caller's own."""
    if threads == 1:
        return AtOnce()
    return ThreadPoolExecutor(threads, initializer=functools.partial(np.seterr, over="ignore", invalid="ignore"))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
