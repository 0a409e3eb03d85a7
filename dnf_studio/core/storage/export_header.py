"""What the header of an export says: its counts, the shapes of its data sets, where it comes from, its shards.

What is checked here: small attributes of the right type, datasets that fit each other and lie in the file itself, or in
shards beside it (`shards`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnf_studio.config import Config, recorded
from dnf_studio.core.data.hdf5_reading import Hdf5File, Hdf5Object
from dnf_studio.core.sde.sample_settings import MOST_SAMPLES
from dnf_studio.core.storage.layout import parse_json
from dnf_studio.core.storage.needed import check_needed
from dnf_studio.core.storage.sample_file import FORMAT, FORMAT_VERSION, Contents
from dnf_studio.core.storage.shards import Shard, check_beside, check_sources, read_list
from dnf_studio.errors import ExportError, SettingError

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
    shards: tuple[Shard, ...] = ()
    """The files beside this one that have the rows; none where they are in it."""


def info_of(file: Hdf5File, path: Path) -> ExportInfo:
    """What the export at `path`, which is open, holds; raises `ExportError`, and ValueError where it is damaged."""
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
    shards = shards_beside(file, path)
    contents = _contents(file, shards)
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
        shards=shards,
    )


def shards_beside(file: Hdf5File, path: Path) -> tuple[Shard, ...]:
    """The files beside the export that have its rows, as far as can be seen without opening them."""
    if "provenance/shards" not in file.contents.objects:
        return ()
    shards = read_list(_json(file, "provenance/shards"), (file.contents.objects["samples"].shape or (0,))[0])
    check_beside(path, shards)
    return shards


def _counted(file: Hdf5File, name: str, least: int, most: int) -> int | None:
    if name not in file.contents.attributes:
        return None
    count = int(_attribute(file, name, "int"))
    if not least <= count <= most:
        raise ValueError(f"wrong {name}")
    return count


def _contents(file: Hdf5File, shards: tuple[Shard, ...]) -> Contents:
    """The datasets, which must fit each other; raises ValueError where they do not."""
    steps = int(_attribute(file, "steps", "int"))
    shape = dataset_of(file, "samples", shards).shape or ()
    if len(shape) != 2 or min(shape) < 1 or steps < 1:
        raise ValueError("wrong shape of samples")
    present = {name: True for name in OPTIONAL if name in file.contents.objects}
    contents = Contents(shape[0], shape[1], steps, **({"latents": False} | present), labels=_labels(file))
    for name in contents.axes:
        found = dataset_of(file, name, shards)
        if found.dtype != contents.dtype(name) or found.shape != contents.shape(name):
            raise ValueError(f"wrong shape or type of {name}")
    return contents


def _labels(file: Hdf5File) -> int:
    """How many labels the samples have; 0 where none are kept."""
    if "labels" not in file.contents.objects:
        return 0
    shape = dataset_of(file, "label_names").shape or ()
    if len(shape) != 1 or not 1 <= shape[0] <= MOST_LABELS:
        raise ValueError("wrong shape of label_names")
    return shape[0]


def dataset_of(file: Hdf5File, name: str, shards: Sequence[Shard] = ()) -> Hdf5Object:
    """A dataset whose bytes lie in this very file, or that shows all of the `shards` where there are some; raises
    ValueError for another."""
    found = file.contents.objects.get(name)
    if found is None or found.kind != "dataset":
        raise ValueError(f"{name} is no dataset")
    if shards:
        check_sources(name, found.facts, shards)
    elif found.facts.get("elsewhere"):
        raise ValueError(f"{name} is no plain dataset")
    return found


def _attribute(file: Hdf5File, name: str, kind: str) -> Any:  # noqa: ANN401 - str, int or float, as `kind` says
    """A scalar root attribute of the right type and a small size."""
    found, value = file.contents.attributes[name]
    if found != kind or (isinstance(value, str) and len(value) > MAX_TEXT):
        raise ValueError(f"wrong {name}")
    return value


def _text(file: Hdf5File, name: str) -> str:
    value = dataset_of(file, name).facts.get("value")
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
