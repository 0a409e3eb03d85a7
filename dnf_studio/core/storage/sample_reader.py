"""Reading exports back, checked first: what one holds, and its rows by slices.

HDF5's library is no boundary against hostile files. What can be checked is: a plain file with the
right first bytes, small attributes of the right type, datasets that lie in the file itself and fit
each other.
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
from dnf_studio.core.files import source_size
from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.core.sde.sample_settings import MOST_SAMPLES
from dnf_studio.core.storage.checksums import SUM_BYTES
from dnf_studio.core.storage.layout import parse_json
from dnf_studio.core.storage.sample_file import FORMAT, FORMAT_VERSION, Contents
from dnf_studio.errors import ExportError, SettingError

__all__ = ["ExportInfo", "is_export", "read_checksums", "read_export", "read_rows"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_TEXT = 1 << 10
MAX_JSON = 1 << 22
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
            found = file.attrs.get("format")
            return isinstance(found, str) and found == FORMAT
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
    with _opened(Path(path)) as file:
        info = _info(file, Path(path))
        if name not in info.datasets:
            raise ExportError(f"The export '{path}' holds no {name}.")
        rows: NDArray[np.float32] = file[name][slice(start, stop)]
        return rows


def read_checksums(path: Path) -> dict[str, NDArray[np.uint8]] | None:
    """The SHA-256 sums (K, 32) of each dataset's blocks of `BLOCK` rows; None where an older file has none.

    Raises `ExportError` where the file cannot be read, or the sums are not those of its datasets.
    """
    with _opened(Path(path)) as file:
        info = _info(file, Path(path))
        if "checksums" not in file:
            return None
        sums = {name: _dataset(file, f"checksums/{name}") for name in info.datasets}
        rows = file["checksums"].attrs.get("rows")
        wrong = [x for x in sums.values() if x.shape != (-(-info.count // BLOCK), SUM_BYTES) or x.dtype != np.uint8]
        if wrong or not isinstance(rows, np.integer) or rows != BLOCK:
            raise ValueError("wrong checksums")
        return {name: found[:] for name, found in sums.items()}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, opened for reading; whatever h5py finds wrong in it is one sentence."""
    import h5py

    source_size(path, ExportError)
    try:
        with path.open("rb") as raw:
            signature = raw.read(len(SIGNATURE))
        if signature != SIGNATURE:
            raise ExportError(f"'{path}' is not an HDF5 file.")
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except BlockingIOError as problem:
        raise ExportError(f"Cannot read '{path}': another program is writing it.") from problem
    except PermissionError as problem:
        raise ExportError(f"Cannot read '{path}': permission denied.") from problem
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as problem:
        raise ExportError(f"The export '{path}' is damaged or truncated and cannot be read.") from problem


def _info(file: Any, path: Path) -> ExportInfo:  # noqa: ANN401 - h5py has no types
    if "format" not in file.attrs or _attribute(file, "format", str) != FORMAT:
        raise ExportError(f"'{path}' is an HDF5 file, but not an export of DNF Studio.")
    version = _attribute(file, "format_version", np.integer)
    if version > FORMAT_VERSION:
        raise ExportError(
            f"The export '{path}' was written by a newer DNF Studio (format {version}, known here is "
            f"{FORMAT_VERSION}); update DNF Studio to read it."
        )
    if not _attribute(file, "complete", np.integer):
        raise ExportError(f"The export '{path}' was not written to its end.")
    contents = _contents(file)
    lam = float(_attribute(file, "lambda", np.floating))
    if not math.isfinite(lam):
        raise ValueError("wrong λ")
    return ExportInfo(
        count=contents.count,
        dim=contents.dim,
        steps=contents.steps,
        lam=lam,
        seed=int(_attribute(file, "seed", np.integer)),
        datasets=tuple(contents.axes),
        checkpoint_sha256=_attribute(file, "checkpoint_sha256", str),
        created=_attribute(file, "created", str),
        creator=_attribute(file, "creator", str),
        complete=True,
        format_version=int(version),
        config=_config(file),
        checkpoint=_json(file, "provenance/checkpoint"),
        sampling=_json(file, "provenance/sampling"),
        far_samples=_counted(file, "far_samples", 0, contents.count),
        drawn_samples=_counted(file, "drawn_samples", contents.count, MOST_SAMPLES),
    )


def _counted(file: Any, name: str, least: int, most: int) -> int | None:  # noqa: ANN401 - h5py has no types
    if name not in file.attrs:
        return None
    count = int(_attribute(file, name, np.integer))
    if not least <= count <= most:
        raise ValueError(f"wrong {name}")
    return count


def _contents(file: Any) -> Contents:  # noqa: ANN401 - h5py has no types
    """The datasets, which must fit each other; raises ValueError where they do not."""
    steps = int(_attribute(file, "steps", np.integer))
    shape = _dataset(file, "samples").shape
    if len(shape) != 2 or min(shape) < 1 or steps < 1:
        raise ValueError("wrong shape of samples")
    present = {name: True for name in OPTIONAL if name in file}
    contents = Contents(shape[0], shape[1], steps, **({"latents": False} | present), labels=_labels(file))
    for name in contents.axes:
        found = _dataset(file, name)
        if found.dtype != contents.dtype(name) or found.shape != contents.shape(name):
            raise ValueError(f"wrong shape or type of {name}")
    return contents


def _labels(file: Any) -> int:  # noqa: ANN401 - h5py has no types
    """How many labels the samples have; 0 where none are kept."""
    if "labels" not in file:
        return 0
    shape = _dataset(file, "label_names").shape
    if len(shape) != 1 or not 1 <= shape[0] <= MOST_LABELS:
        raise ValueError("wrong shape of label_names")
    return int(shape[0])


def _dataset(file: Any, name: str) -> Any:  # noqa: ANN401 - h5py has no types
    """A dataset whose bytes lie in this very file."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is no part of the file")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise ValueError(f"{name} is no plain dataset")
    return found


def _attribute(file: Any, name: str, kind: type) -> Any:  # noqa: ANN401 - h5py has no types
    """A scalar root attribute of the right type and a small size."""
    if file.attrs.get_id(name).shape != ():
        raise ValueError(f"{name} is no scalar")
    value = file.attrs[name]
    if not isinstance(value, kind) or (isinstance(value, str) and len(value) > MAX_TEXT):
        raise ValueError(f"wrong {name}")
    return value


def _text(file: Any, name: str) -> str:  # noqa: ANN401 - h5py has no types
    found = _dataset(file, name)
    if found.shape != ():
        raise ValueError(f"{name} is no scalar")
    raw = found[()]
    if not isinstance(raw, bytes) or len(raw) > MAX_JSON:
        raise ValueError(f"wrong {name}")
    return raw.decode("utf-8")


def _json(file: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - h5py has no types
    value = parse_json(_text(file, name))
    if not isinstance(value, dict):
        raise ValueError(f"wrong {name}")
    return value


def _config(file: Any) -> Config:  # noqa: ANN401 - h5py has no types
    try:
        return Config.create(recorded(parse_json(_text(file, "provenance/config"))))
    except SettingError as problem:
        raise ValueError("wrong config") from problem
