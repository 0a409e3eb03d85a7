"""Reading exports back, checked first: what one holds, and its rows by slices.

The library of HDF5 works on files of others in a process of its own (`hdf5_reading`). What is checked here: a plain
file with the right first bytes, small attributes of the right type, datasets that fit each other and lie in the file
itself, or in shards beside it (`shards`), whose rows are read from them and never by way of libhdf5's own search.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.hdf5_reading import SIGNATURE, Hdf5File, hdf5_file
from dnf_studio.core.files import explain, source_size
from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.core.storage.checksums import SUM_BYTES
from dnf_studio.core.storage.export_header import ExportInfo, dataset_of, info_of, shards_beside
from dnf_studio.core.storage.sample_file import FORMAT
from dnf_studio.core.storage.shards import Shard
from dnf_studio.errors import DataError, ExportError

Sums = dict[str, NDArray[np.uint8]]
"""SHA-256 sums of the blocks of each dataset, (K, 32)."""
MOST_OPEN = 240
"""Datasets of shards that are kept open while the file that shows them is."""


def is_export(path: Path) -> bool:
    """Whether an HDF5 file says of itself that it is an export, or cannot be opened to ask it.

    What is wrong with one is for `read_export` to tell.
    """
    try:
        with _opened(path) as file:
            return file.contents.attributes.get("format") == ("str", FORMAT)
    except ExportError:
        return True


def read_export(path: Path) -> ExportInfo:
    """What the export at `path` holds; raises `ExportError` for anything else than a whole, sound one."""
    with _opened(Path(path)) as file:
        return info_of(file, Path(path))


def read_rows(path: Path, name: str = "samples", start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Rows start … stop − 1 of a dataset: (n, D) samples or latents, (n, N+1, D) trajectories in sampling order,
    (n, N, D) noise, (n,) log_prob.

    Raises `ExportError` where the file or the dataset cannot be read.
    """
    path = Path(path)
    with _opened(path) as file:
        info = info_of(file, path)
        if name not in info.datasets:
            raise ExportError(f"The export '{path}' holds no {name}.")
        return rows_of(file, name, start, stop)


def rows_of(file: Hdf5File, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
    """Rows start … stop − 1 of a dataset of an export that is open, in an array of their own.

    Raises `ExportError` where the file was changed since it was opened.
    """
    try:
        if file.contents.objects[name].facts.get("sources"):
            return _rows_of_shards(file, name, start, stop)
        rows, shape = file.rows(name), file.contents.objects[name].shape or ()
        if rows is None:
            return file.values(name, *slice(start, stop).indices(shape[0])[:2])
        return rows[slice(start, stop)].reshape(-1, *shape[1:]).copy()
    except DataError as problem:
        raise ExportError(str(problem)) from None


def _rows_of_shards(file: Hdf5File, name: str, start: int, stop: int | None) -> NDArray[Any]:
    """`rows_of` where the rows are in shards, each of which is looked at before its first row is read."""
    found, shards = file.contents.objects[name], shards_beside(file, file.path)
    start, stop, _ = slice(start, stop).indices(shards[-1].stop if shards else 0)
    shape = (found.shape or ())[1:]
    parts = [np.empty((0, *shape), found.dtype)]
    for shard in shards:
        first, end = max(start, shard.first), min(stop, shard.stop)
        if first < end:
            rows = _shard_rows(file, name, shard)[first - shard.first : end - shard.first]
            parts.append(rows.reshape(-1, *shape))
    return np.concatenate(parts)


def _shard_rows(file: Hdf5File, name: str, shard: Shard) -> FileRows:
    """A dataset of a shard, remembered with the others of it: to look at one takes a process."""
    if (known := file.beside.get((shard.name, name))) is not None:
        return known
    whole = info_of(file, file.path)
    with opened_shard(file.path.parent / shard.name, whole, shard) as (part, _):
        found = {(shard.name, one): part.rows(one) for one in whole.datasets}
    while file.beside and len(file.beside) + len(found) > MOST_OPEN:
        file.beside.pop(next(iter(file.beside)), None)
    file.beside |= {key: rows for key, rows in found.items() if rows is not None}
    if (rows := found[shard.name, name]) is None:
        raise ExportError(f"The shard '{shard.name}' keeps its rows as no shard does; draw the export again.")
    return rows


@contextmanager
def opened_shard(path: Path, whole: ExportInfo, shard: Shard) -> Iterator[tuple[Hdf5File, ExportInfo]]:
    """The `shard` at `path` of the export `whole`, open for reading, and what it holds.

    Raises `ExportError` where it is none of that export.
    """
    with opened_export(path) as (file, part):
        same = all(
            getattr(part, name) == getattr(whole, name)
            for name in ("dim", "steps", "lam", "seed", "checkpoint_sha256", "datasets")
        )
        drawn = [one.sampling | {"first": one.sampling.get("first", 0), "count": 0} for one in (part, whole)]
        alike = drawn[0] == drawn[1] | {"first": shard.first}
        if not same or not alike or part.count != shard.rows or part.shards:
            raise ExportError(
                f"The shard '{path}' is of another export; put the one that was written in its place, or draw the "
                "export again."
            )
        yield file, part


def label_names(file: Hdf5File) -> tuple[str, ...]:
    """What the labels of an export that is open are called; raises ValueError where that cannot be read."""
    names = dataset_of(file, "label_names").facts.get("value")
    if not isinstance(names, list):
        raise ValueError("wrong label_names")
    return tuple(map(str, names))


def read_checksums(path: Path) -> Sums | None:
    """The SHA-256 sums (K, 32) of each dataset's blocks of `BLOCK` rows; None where an older file has none.

    Raises `ExportError` where the file cannot be read, or the sums are not those of its datasets.
    """
    with opened_export(Path(path)) as (file, info):
        return checksums_of(file, info)


def checksums_of(file: Hdf5File, info: ExportInfo) -> Sums | None:
    """`read_checksums` of an export that is open; raises ValueError where the sums are not those of its datasets."""
    if "checksums" not in file.contents.objects:
        return None
    sums = {name: (inside := f"checksums/{name}", dataset_of(file, inside)) for name in info.datasets}
    shape = -(-info.count // BLOCK), SUM_BYTES
    if any(found.shape != shape or found.dtype != np.uint8 for _, found in sums.values()):
        raise ValueError("wrong checksums")
    return {name: rows_of(file, inside) for name, (inside, _) in sums.items()}


@contextmanager
def opened_export(path: Path) -> Iterator[tuple[Hdf5File, ExportInfo]]:
    """The export at `path`, open for reading, and what it holds; raises as `read_export` does."""
    with _opened(path) as file:
        yield file, info_of(file, path)


@contextmanager
def _opened(path: Path) -> Iterator[Hdf5File]:
    """The file, opened for reading; whatever is wrong in it is one sentence."""
    source_size(path, ExportError)
    try:
        with path.open("rb") as raw:
            signature = raw.read(len(SIGNATURE))
    except OSError as problem:
        raise ExportError(f"Cannot read '{path}': {explain(problem)}.") from problem
    if signature != SIGNATURE:
        raise ExportError(f"'{path}' is not an HDF5 file.")
    with hdf5_file(path, ExportError, f"The export '{path}' is damaged or truncated and cannot be read.") as file:
        yield file
