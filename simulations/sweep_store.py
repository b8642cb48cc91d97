"""A sweep on disk: a Zarr store whose chunks are the sweep's blocks, each written whole and with its checksum.

A chunk appears under its name only when it is complete (Zarr writes beside it and renames), and ends in a CRC32C that
is checked whenever it is read. A block counts as finished when all its chunks are there and pass.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulations import sweep_lengths
from simulations.sweeps import POINT, SEED, Block, Sweep
from theory.checks import ArgumentError

if TYPE_CHECKING:
    import xarray as xr
    import zarr

COORDINATES = 1 << 20  # values of a coordinate written at once
LENGTH = ("definition", "rule")


@dataclass(frozen=True)
class Variable:
    """An array of a sweep: its leading dimensions, those of the members it has, its type and attributes."""

    leading: tuple[str, ...]
    members: tuple[str, ...]
    dtype: str
    attributes: dict[str, Any]


def variables(sweep: Sweep) -> dict[str, Variable]:
    """The variables that each block of a sweep holds."""
    unit = "steps" if sweep.view == "descent" else "flow time (steps × η)"
    own = tuple(sweep.dimensions)

    def lengths(text: str, units: str = unit, leading: tuple[str, ...] = LENGTH, dtype: str = "f8") -> Variable:
        return Variable(leading, own, dtype, {"long_name": text, "units": units})

    found = {"predicted": lengths("plateau length by the derived expression; NaN where none exists")}
    if sweep.measure:
        found["measured"] = lengths("plateau length of a run; NaN where it is censored")
        found["relative_difference"] = lengths("(measured - predicted) / predicted", "1")
        found["censored"] = lengths("whether the run ended before this length was known", "1", dtype="bool")
        found["evaluations"] = lengths("steps taken, or gradients evaluated", "1", ("rule",), "i8")
    if {"gd", "egd"} <= {how.name for how in sweep.rules}:
        for kind in ("predicted", "measured")[: 1 + sweep.measure]:
            found[f"{kind}_ratio"] = lengths(f"GD/EGD ratio of {kind} lengths", "1", ("definition",))
    if sweep.design == "random":
        for one in sweep.axes:
            words = one.name in ("shape", "spectrum")
            found[one.name] = Variable((), (POINT,), "str" if words else "f8", _parameter(one.name))
    return found


def _parameter(name: str) -> dict[str, str]:
    units = {"theta": "rad", "shape": "", "spectrum": ""}.get(name, "1")
    return {"long_name": name.replace("_", " "), "units": units}


def prepare(sweep: Sweep, path: Path, version: str) -> None:
    """Make an empty store, or accept one of the same sweep and version.

    Raises
    ------
    ArgumentError
        If something else is at `path`.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        return _accept(sweep, path, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        _create(sweep, beside, version)
        os.replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return None


def _accept(sweep: Sweep, path: Path, version: str) -> None:
    found = attributes(path)
    if "sweep" not in found:
        raise ArgumentError("out", "name a new store, or one of this sweep", f"{path} is something else")
    if found["version"] != version:
        but = f"{path} was begun by version {found['version']}, and this is {version}"
        raise ArgumentError("out", "name a store of the same version", but)
    if found["sweep"] != sweep.identity:
        other, mine = json.loads(found["parameters"]), sweep.document()
        names = [name for name in mine if mine[name] != other.get(name)]
        but = f"{path} holds one with other {', '.join(names)}"
        raise ArgumentError("out", "name a new store, or one of this sweep", but)


def attributes(path: Path) -> dict[str, Any]:
    """The attributes of a store; empty for anything else."""
    try:
        found = json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError):
        return {}
    return found if {"sweep", "version", "parameters"} <= set(found) else {}


def _create(sweep: Sweep, path: Path, version: str) -> None:
    import zarr

    group = zarr.open_group(path, mode="w-", zarr_format=3, attributes=provenance(sweep, version))
    sizes = {"definition": len(sweep.definitions), "rule": len(sweep.rules), **sweep.dimensions}
    chunk = {"definition": sizes["definition"], "rule": sizes["rule"]}
    chunk |= dict(zip(sweep.dimensions, sweep.block_shape, strict=True))
    for name, held in variables(sweep).items():
        _array(group, name, (*held.leading, *held.members), sizes, chunk, held.dtype, held.attributes)
    _coordinate(group, "definition", sizes, lambda part: np.array(sweep.definitions[part]), "str", {})
    _coordinate(group, "rule", sizes, lambda part: np.array([how.name for how in sweep.rules[part]]), "str", {})
    _coordinate(group, SEED, sizes, lambda part: np.arange(*part.indices(sweep.seeds)), "i8", {})
    if sweep.design == "grid":
        for one in sweep.axes:
            dtype = "str" if one.name in ("shape", "spectrum") else "f8"
            _coordinate(group, one.name, sizes, one.values, dtype, _parameter(one.name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that other readers may not know consolidated metadata
        zarr.consolidate_metadata(group.store)


def provenance(sweep: Sweep, version: str) -> dict[str, Any]:
    """Where the numbers come from: version, parameters, seeds and formulas, as text that NetCDF can hold too."""
    return {
        "title": f"Plateau lengths of the {sweep.model} model, {sweep.view}",
        "source": f"evenflow {version}",
        "version": version,
        "sweep": sweep.identity,
        "parameters": json.dumps(sweep.document(), ensure_ascii=False),
        "formulas": json.dumps(sweep_lengths.formulas(sweep), ensure_ascii=False),
    }


def _array(
    group: zarr.Group,
    name: str,
    names: tuple[str, ...],
    sizes: dict[str, int],
    chunk: dict[str, int],
    dtype: str,
    about: dict[str, Any],
) -> zarr.Array[Any]:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return group.create_array(
        name,
        shape=tuple(sizes[one] for one in names),
        chunks=tuple(chunk[one] for one in names),
        dtype=dtype,
        fill_value=np.nan if dtype == "f8" else "" if dtype == "str" else 0,
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        dimension_names=names,
        attributes=about,
    )


def _coordinate(
    group: zarr.Group,
    name: str,
    sizes: dict[str, int],
    values: Callable[[slice], NDArray[Any]],
    dtype: str,
    about: dict[str, Any],
) -> None:
    held = _array(group, name, (name,), sizes, {name: min(sizes[name], COORDINATES)}, dtype, about)
    for first in range(0, sizes[name], COORDINATES):
        part = slice(first, min(first + COORDINATES, sizes[name]))
        held[part] = values(part)


@dataclass(frozen=True)
class Done:
    """What is known of a finished block.

    Parameters
    ----------
    computed
        Whether it was computed just now.
    evaluations, censored
        Its steps or gradients, and its censored lengths.
    sensitive
        Conclusion → members in which it depends on the definition of a plateau.
    """

    computed: bool
    evaluations: int
    censored: int
    sensitive: dict[str, int]


def finish(sweep: Sweep, path: Path, block: Block) -> Done:
    """See to it that a block is there: trust it where its checksums hold, compute and write it where they do not.

    Doing it twice, or in two places at once, leaves the same bytes.
    """
    import zarr

    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    found = _read(sweep, group, path, block)
    computed = found is None
    if found is None:
        found = sweep_lengths.compute(sweep, block)
        with zarr.config.set({"array.write_empty_chunks": True}):  # a chunk of NaN is finished too
            for name, one in variables(sweep).items():
                _member(group, name)[_region(sweep, one, block)] = found[name]
    evaluations, censored = (int(np.sum(found.get(name, 0))) for name in ("evaluations", "censored"))
    return Done(computed, evaluations, censored, sweep_lengths.sensitive(sweep, block, found))


def _member(group: zarr.Group, name: str) -> Any:
    return group[name]


def _region(sweep: Sweep, one: Variable, block: Block) -> tuple[slice, ...]:
    along = dict(zip(sweep.dimensions, block.region, strict=True))
    return (*(slice(None) for _ in one.leading), *(along[name] for name in one.members))


def _read(sweep: Sweep, group: zarr.Group, path: Path, block: Block) -> dict[str, NDArray[Any]] | None:
    """The arrays of a finished block; None where a chunk is missing or fails, and then without that chunk."""
    found = {}
    place = dict(zip(sweep.dimensions, block.start, strict=True))
    shape = dict(zip(sweep.dimensions, sweep.block_shape, strict=True))
    for name, one in variables(sweep).items():
        array = _member(group, name)
        index = (*(0 for _ in one.leading), *(place[key] // shape[key] for key in one.members))
        file = path / name / array.metadata.encode_chunk_key(index)
        if not file.is_file():
            return None
        try:
            found[name] = np.asarray(array[_region(sweep, one, block)])
        except (ValueError, RuntimeError):  # the checksum, or what is left to decompress
            file.unlink(missing_ok=True)
            return None
    return found


def open_sweep(path: Path | str, chunks: dict[str, int] | None = None) -> xr.Dataset:
    """A sweep as a Dataset with named axes.

    Parameters
    ----------
    path
        Its store or NetCDF file.
    chunks
        With None, what is indexed is read then; with ``{}``, the arrays are Dask's, block by block.

    Raises
    ------
    ArgumentError
        If `path` holds no sweep.
    """
    import xarray as xr

    path = Path(path)
    if path.is_dir() and attributes(path):
        return xr.open_zarr(path, chunks=chunks)
    if path.is_file():
        return xr.open_dataset(path, engine="h5netcdf", chunks=chunks)
    raise ArgumentError("path", "be the store or file of a sweep", f"is {path}")
