"""Run a sweep to its end, in this process, on a local cluster or a Dask scheduler, from the last finished block on."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import logging
import multiprocessing
import os
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulations import sweep_lengths, sweep_store
from simulations.sweep_store import Done
from simulations.sweeps import Sweep
from simulations.threads import cores
from theory.checks import ArgumentError, known, whole

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

FORMATS = ("zarr", "netcdf")
EXTRA = ("xarray", "zarr", "dask", "distributed", "h5netcdf", "h5py")
PATIENCE = 4.0  # seconds for a scheduler to answer, and again for a worker to be there
# Dask makes workers give every freed page back at once, which the arrays of a few hundred kB that steps are kept in
# would ask for again and again.
SPAWNED = {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 25, "OMP_NUM_THREADS": 1}
AHEAD = 4  # blocks submitted for each thread of the cluster
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """A finished sweep.

    Parameters
    ----------
    path
        Its store or file.
    store
        The store that its blocks are in: of a NetCDF file the one beside it.
    blocks, computed
        Blocks it has, and how many of them were computed by this run.
    evaluations, censored
        Steps or gradients of all its runs, and lengths that are censored.
    sensitive
        Conclusion → members in which it depends on the definition of a plateau, as in `simulations.sensitivity`.
    """

    path: Path
    store: Path
    blocks: int
    computed: int
    evaluations: int
    censored: int
    sensitive: dict[str, int]


def run_sweep(
    sweep: Sweep,
    out: Path | str,
    *,
    version: str,
    form: str = "zarr",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Finish every block of a sweep in a store; what is already there and passes its checksums stays.

    Parameters
    ----------
    sweep
        What to compute.
    out
        Directory of the Zarr store; with ``netcdf`` the file, made from a store beside it (`out` with ``.zarr``), which
        stays, as the same call goes on from it.
    version
        Of the program, for the record: a store is only continued by the version that began it.
    form
        ``zarr`` or ``netcdf``.
    workers
        Processes of a local Dask cluster, by default one for each core; with 1 the work is done in this process.
    scheduler
        Address of a running Dask scheduler, whose workers see `out`; in place of a local cluster.
    progress
        Called with the blocks finished and their number.

    Raises
    ------
    ArgumentError
        If `out` holds something else, a scheduler does not answer, workers do not start (as for a script that calls
        this without ``if __name__ == "__main__":``), or a package of the extra ``sweep`` is missing.
    OSError
        If the store cannot be written, as on a full disk. The same call then goes on where it stopped.
    """
    require()
    known("format", form, FORMATS)
    if workers is not None and scheduler is not None:
        raise ArgumentError("workers", "be left out with `scheduler`", "is given")
    target = Path(out).absolute()
    store = target if form == "zarr" else target.with_name(target.name + ".zarr")
    if form == "netcdf":
        _accept_file(sweep, target, version)
    count = min(cores() if workers is None else whole("workers", workers, 1), sweep.block_count)
    with _deriving(sweep) as derived, _client(scheduler, count) as client, _undone_if_refused(store):
        derived.result()
        sweep_store.prepare(sweep, store, version)
        done = _here(sweep, store) if client is None else _there(client, sweep, store)
        total, computed, evaluations, censored = sweep.block_count, 0, 0, 0
        sensitive: Counter[str] = Counter()
        for number, block in enumerate(done, 1):
            computed, evaluations = computed + block.computed, evaluations + block.evaluations
            censored += block.censored
            sensitive.update(block.sensitive)
            if progress is not None:
                progress(number, total)
    if form == "netcdf":
        _write_netcdf(store, target)
    return Outcome(target, store, total, computed, evaluations, censored, dict(sensitive))


def require() -> None:
    """Refuse to go on without the packages of the extra ``sweep``, in one line that names the command."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        but = f'{", ".join(missing)} {verb} not installed: pip install "evenflow[sweep]"'
        raise ArgumentError("sweep", "have its packages", but)


def _here(sweep: Sweep, store: Path) -> Iterator[Done]:
    return (sweep_store.finish(sweep, store, block) for block in sweep.blocks())


def _there(client: Client, sweep: Sweep, store: Path) -> Iterator[Done]:
    """Blocks as they are finished; only some are submitted at a time, as a sweep can have millions."""
    from distributed import as_completed

    blocks = sweep.blocks()
    ahead = AHEAD * max(1, sum(client.nthreads().values()))

    def submit(count: int) -> list[Any]:
        return [
            client.submit(sweep_store.finish, sweep, store, block, pure=False)
            for block in itertools.islice(blocks, count)
        ]

    finished = as_completed(submit(ahead), loop=client.loop)
    for future in finished:
        yield future.result()
        for following in submit(1):
            finished.add(following)


@contextlib.contextmanager
def _undone_if_refused(store: Path) -> Iterator[None]:
    """Leave no new store of a sweep that cannot be: a rule may turn out not to fit only where it runs."""
    begun = store.exists()
    try:
        yield
    except ArgumentError:
        if not begun:
            shutil.rmtree(store, ignore_errors=True)
        raise


@contextlib.contextmanager
def _deriving(sweep: Sweep) -> Iterator[Future[Any]]:
    """Derive the formulas that a store holds while the workers of a cluster start; they are kept from then on."""
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(sweep_lengths.formulas, sweep)


@contextlib.contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client | None]:
    """A client of the scheduler, or of a local cluster; None where one process does it all."""
    if scheduler is None and workers == 1:
        yield None
        return
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            yield stack.enter_context(Client(stack.enter_context(_cluster(workers))))
        else:
            yield stack.enter_context(_connected(scheduler))


def _cluster(workers: int) -> LocalCluster:
    import dask
    from distributed import LocalCluster

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)  # a worker that imports a script without a guard: the script itself says so
    try:
        with dask.config.set({"distributed.nanny.pre-spawn-environ": SPAWNED}):
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",  # whichever is free: several sweeps can run at once
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError:
        but = 'did not; a script must keep its calls under `if __name__ == "__main__":`'
        raise ArgumentError("workers", "be able to start", but) from None


def _connected(address: str) -> Client:
    from distributed import Client

    try:
        with ThreadPoolExecutor(1) as beside:  # a notebook runs an event loop of its own in this thread
            beside.submit(_greeted, address).result()
    except Exception as error:  # whatever answers there may be no scheduler
        why = "is no address" if isinstance(error, ValueError) else "does not answer as one"
        raise ArgumentError("scheduler", "be the address of a running Dask scheduler", f"{address!r} {why}") from None
    client = Client(address, timeout=PATIENCE, set_as_default=False)
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close()
        raise ArgumentError("scheduler", "have at least one worker", f"{address} has none") from None
    return client


def _greeted(address: str) -> None:
    asyncio.run(asyncio.wait_for(_greet(address), PATIENCE))


async def _greet(address: str) -> None:
    from distributed.comm.core import connect
    from distributed.security import Security

    comm = await connect(address, timeout=PATIENCE, **Security().get_connection_args("client"))
    await comm.close()


def _accept_file(sweep: Sweep, path: Path, version: str) -> None:
    if not path.exists():
        return
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf") as found:
            same = found.attrs["sweep"] == sweep.identity and found.attrs["version"] == version
    except (OSError, ValueError, KeyError):
        same = False
    if not same:
        raise ArgumentError("out", "name a new file, or one of this sweep and version", f"{path} is something else")


def _write_netcdf(store: Path, path: Path) -> None:
    """Copy a store into a NetCDF file, block by block, which then appears whole."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with sweep_store.open_sweep(store, chunks={}) as found:
            found.to_netcdf(beside, engine="h5netcdf")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
