"""Reading exports back, checked first: what one holds, and its rows by slices.

The library of HDF5 works on files of others in a process of its own (`hdf5_reading`). What is checked here: a plain
file with the right first bytes, small attributes of the right type, datasets that lie in the file itself and fit each
other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.config import Config, recorded
from dnf_studio.core.data.hdf5_reading import SIGNATURE, Hdf5File, Hdf5Object, hdf5_file
from dnf_studio.core.files import explain, source_size
from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.core.sde.sample_settings import MOST_SAMPLES
from dnf_studio.core.storage.checksums import SUM_BYTES
from dnf_studio.core.storage.layout import parse_json
from dnf_studio.core.storage.needed import check_needed
from dnf_studio.core.storage.sample_file import FORMAT, FORMAT_VERSION, Contents
from dnf_studio.errors import DataError, ExportError, SettingError

MAX_TEXT = 1 << 10
OPTIONAL = ("latents", "trajectories", "noise", "log_prob", "forward_trajectories", "forward_noise", "row")
MOST_LABELS = 1 << 16


@dataclass(frozen=True)
class ExportInfo:
    """What an export holds."""

    count: int
    dim: int
    steps: int
    lam: float
    seed: int
    datasets: tuple[str, ...]
    """Datasets with a row for each sample: samples and, where present, latents, trajectories, noise, log_prob and, for
    points of a view, forward_trajectories and forward_noise."""
    checkpoint_sha256: str
    created: str
    creator: str
    complete: bool
    format_version: int
    config: Config
    checkpoint: dict[str, Any]
    """What was known of the checkpoint, as `Checkpoint.summary`."""
    sampling: dict[str, Any]
    """How the samples were drawn."""
    far_samples: int | None = None
    """How many lie beyond 1.5 times the bounding box of the data; None where that is not known."""
    drawn_samples: int | None = None
    """How many were drawn for those that end in the region; None without one."""


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
        return _info(file, Path(path))


def read_rows(path: Path, name: str = "samples", start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Rows start … stop − 1 of a dataset: (n, D) samples or latents, (n, N+1, D) trajectories in sampling order,
    (n, N, D) noise, (n,) log_prob.

    Raises `ExportError` where the file or the dataset cannot be read.
    """
    path = Path(path)
    with _opened(path) as file:
        info = _info(file, path)
        if name not in info.datasets:
            raise ExportError(f"The export '{path}' holds no {name}.")
        return rows_of(file, name, start, stop)


def rows_of(file: Hdf5File, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
    """Rows start … stop − 1 of a dataset of an export that is open, in an array of their own.

    Raises `ExportError` where the file was changed since it was opened.
    """
    try:
        rows, shape = file.rows(name), file.contents.objects[name].shape or ()
        if rows is None:
            return file.values(name, *slice(start, stop).indices(shape[0])[:2])
        return rows[slice(start, stop)].reshape(-1, *shape[1:]).copy()
    except DataError as problem:
        raise ExportError(str(problem)) from None


def label_names(file: Hdf5File) -> tuple[str, ...]:
    """What the labels of an export that is open are called; raises ValueError where that cannot be read."""
    names = _dataset(file, "label_names").facts.get("value")
    if not isinstance(names, list):
        raise ValueError("wrong label_names")
    return tuple(map(str, names))


def read_checksums(path: Path) -> dict[str, NDArray[np.uint8]] | None:
    """The SHA-256 sums (K, 32) of each dataset's blocks of `BLOCK` rows; None where an older file has none.

    Raises `ExportError` where the file cannot be read, or the sums are not those of its datasets.
    """
    with _opened(Path(path)) as file:
        info = _info(file, Path(path))
        if "checksums" not in file.contents.objects:
            return None
        sums = {name: (inside := f"checksums/{name}", _dataset(file, inside)) for name in info.datasets}
        shape = -(-info.count // BLOCK), SUM_BYTES
        if any(found.shape != shape or found.dtype != np.uint8 for _, found in sums.values()):
            raise ValueError("wrong checksums")
        return {name: rows_of(file, inside) for name, (inside, _) in sums.items()}


@contextmanager
def opened_export(path: Path) -> Iterator[tuple[Hdf5File, ExportInfo]]:
    """The export at `path`, open for reading, and what it holds; raises as `read_export` does."""
    with _opened(path) as file:
        yield file, _info(file, path)


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


def _info(file: Hdf5File, path: Path) -> ExportInfo:
    if file.contents.attributes.get("format") != ("str", FORMAT):
        raise ExportError(f"'{path}' is an HDF5 file, but not an export of DNF Studio.")
    version = _attribute(file, "format_version", "int")
    if version > FORMAT_VERSION:
        raise ExportError(
            f"The export '{path}' was written by a newer DNF Studio (format {version}, known here is "
            f"{FORMAT_VERSION}); update DNF Studio to read it."
        )
    if not _attribute(file, "complete", "int"):
        raise ExportError(f"The export '{path}' was not written to its end.")
    contents = _contents(file)
    lam = float(_attribute(file, "lambda", "float"))
    if not math.isfinite(lam):
        raise ValueError("wrong λ")
    return ExportInfo(
        count=contents.count,
        dim=contents.dim,
        steps=contents.steps,
        lam=lam,
        seed=int(_attribute(file, "seed", "int")),
        datasets=tuple(contents.axes),
        checkpoint_sha256=_attribute(file, "checkpoint_sha256", "str"),
        created=_attribute(file, "created", "str"),
        creator=_attribute(file, "creator", "str"),
        complete=True,
        format_version=int(version),
        config=_config(file, path),
        checkpoint=_json(file, "provenance/checkpoint"),
        sampling=_json(file, "provenance/sampling"),
        far_samples=_counted(file, "far_samples", 0, contents.count),
        drawn_samples=_counted(file, "drawn_samples", contents.count, MOST_SAMPLES),
    )


def _counted(file: Hdf5File, name: str, least: int, most: int) -> int | None:
    if name not in file.contents.attributes:
        return None
    count = int(_attribute(file, name, "int"))
    if not least <= count <= most:
        raise ValueError(f"wrong {name}")
    return count


def _contents(file: Hdf5File) -> Contents:
    """The datasets, which must fit each other; raises ValueError where they do not."""
    steps = int(_attribute(file, "steps", "int"))
    shape = _dataset(file, "samples").shape or ()
    if len(shape) != 2 or min(shape) < 1 or steps < 1:
        raise ValueError("wrong shape of samples")
    present = {name: True for name in OPTIONAL if name in file.contents.objects}
    contents = Contents(shape[0], shape[1], steps, **({"latents": False} | present), labels=_labels(file))
    for name in contents.axes:
        found = _dataset(file, name)
        if found.dtype != contents.dtype(name) or found.shape != contents.shape(name):
            raise ValueError(f"wrong shape or type of {name}")
    return contents


def _labels(file: Hdf5File) -> int:
    """How many labels the samples have; 0 where none are kept."""
    if "labels" not in file.contents.objects:
        return 0
    shape = _dataset(file, "label_names").shape or ()
    if len(shape) != 1 or not 1 <= shape[0] <= MOST_LABELS:
        raise ValueError("wrong shape of label_names")
    return shape[0]


def _dataset(file: Hdf5File, name: str) -> Hdf5Object:
    """A dataset whose bytes lie in this very file."""
    found = file.contents.objects.get(name)
    if found is None or found.kind != "dataset" or found.facts.get("elsewhere"):
        raise ValueError(f"{name} is no plain dataset")
    return found


def _attribute(file: Hdf5File, name: str, kind: str) -> Any:  # noqa: ANN401 - str, int or float, as `kind` says
    """A scalar root attribute of the right type and a small size."""
    found, value = file.contents.attributes[name]
    if found != kind or (isinstance(value, str) and len(value) > MAX_TEXT):
        raise ValueError(f"wrong {name}")
    return value


def _text(file: Hdf5File, name: str) -> str:
    value = _dataset(file, name).facts.get("value")
    if not isinstance(value, str):
        raise ValueError(f"wrong {name}")
    return value


def _json(file: Hdf5File, name: str) -> dict[str, Any]:
    value = parse_json(_text(file, name))
    if not isinstance(value, dict):
        raise ValueError(f"wrong {name}")
    return value


def _config(file: Hdf5File, path: Path) -> Config:
    values = parse_json(_text(file, "provenance/config"))
    if isinstance(needed := _json(file, "provenance/checkpoint").get("plugins"), dict):
        check_needed(needed, values, f"export '{path}'", ExportError)
    try:
        return Config.create(recorded(values))
    except SettingError as problem:
        raise ValueError("wrong config") from problem
