"""Opening what there is: models, checkpoints, what a file is, and the data that a model was trained on."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.core.files import as_path, explain, source_size
from dnf_studio.errors import CheckpointError, StudioError, UnknownNameError

if TYPE_CHECKING:
    from dnf_studio.core.data.catalogue import DatasetInfo
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint

MOST_BYTES = 1 << 28
"""Size of the largest data file that is read just to say what could be left out; reading it takes seconds."""
FileKind = Literal["checkpoint", "reference", "export", "data"]
SUFFIXES: dict[str, FileKind] = {
    ".safetensors": "checkpoint",
    ".pt": "reference",
    ".pth": "reference",
}


def load(name_or_path: str | PathLike[str], device: str = "cpu", *, sha256: str | None = None) -> GenerativeModel:
    """A model, ready to sample: a bundled name, a ``.safetensors``, a run folder, or a reference-program ``.pt``.

    Parameters
    ----------
    name_or_path
        One of the bundled models, a file, or the folder that a run is logged in, meaning its newest weights.
    device
        auto, cpu, cuda or mps.
    sha256
        The sum of its tensors, as ``inspect`` tells it: another model under this name is refused.

    Raises
    ------
    UnknownNameError, CheckpointError
        Where there is no such model, its file is not sound, or it has another sum.
    SettingError
        Where there is no such device.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> model = dnf.load("diffflow-rings")
    >>> model
    DiffFlow(dim=2, steps=30, data='rings', parameters=215812, device='cpu')
    """
    from dnf_studio.core.hardware import choose_device
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.origins import remember

    place = choose_device(Config().changed({"training.device": device}).training.device)
    checkpoint = open_checkpoint(name_or_path)
    if sha256 is not None and (own := checkpoint.sha256 or digest(checkpoint.tensors)) != sha256:
        raise CheckpointError(
            f"'{name_or_path}' is another model than was asked for: its SHA-256 sum is {own[:12]}…, not {sha256[:12]}…."
        )
    return remember(checkpoint.build().to(place), checkpoint)


def open_checkpoint(name_or_path: str | PathLike[str]) -> Checkpoint:
    """What a checkpoint, or the newest one in the folder of a run, holds, checked but not built.

    Raises `UnknownNameError` or `CheckpointError`.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> dnf.open_checkpoint("diffflow-rings").config.sde.steps
    30
    """
    named = as_path(name_or_path, CheckpointError)
    path = assets.checkpoint_path(str(name_or_path)) or named
    if not os.path.exists(path) and path.name == str(path) and not path.suffix:
        raise UnknownNameError("model", str(path), assets.checkpoint_names())
    if os.path.isdir(path):
        from dnf_studio.core.storage.run_folder import newest_checkpoint

        return newest_checkpoint(path)[1]
    kind = file_kind(path)
    if kind == "checkpoint":
        from dnf_studio.core.storage.checkpoint import read_checkpoint

        return read_checkpoint(path)
    if kind == "reference":
        from dnf_studio.core.storage.reference_program import read_reference_checkpoint

        return read_reference_checkpoint(path)
    raise CheckpointError(f"'{path}' is {'an export' if kind == 'export' else 'a data file'}, not a checkpoint.")


def data_of(checkpoint: Checkpoint) -> Dataset | None:
    """The data that a model was trained on, or None where it is not here or no longer the same.

    A file of more than `MOST_BYTES`, of which every value would be read, counts as not here.
    """
    from dnf_studio.core.data.catalogue import open_configured
    from dnf_studio.core.data.naming import split_selection

    file, _ = split_selection(checkpoint.config.data)
    if os.path.isfile(file) and os.path.getsize(file) > MOST_BYTES:
        return None
    try:
        dataset = open_configured(checkpoint.config, checkpoint.data.split)
    except StudioError:
        return None
    return dataset if dataset.fingerprint == checkpoint.data.fingerprint else None


def file_kind(path: Path) -> FileKind:
    """What `path` is by its first bytes, or by its suffix where they tell nothing.

    An HDF5 file is an export where it says so itself, else data. Raises `CheckpointError` where it cannot be read.
    """
    source_size(path, CheckpointError)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise CheckpointError(f"Cannot read '{path}': {explain(error)}.") from error
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        from dnf_studio.core.storage.sample_reader import is_export

        return "export" if is_export(path) else "data"
    if head.startswith((b"\x93NUMPY", b"PAR1")):
        return "data"
    if head[8:9] == b"{" and not head[5:8].strip(b"\0"):
        return "checkpoint"
    return SUFFIXES.get(path.suffix.lower(), "data")


def datasets() -> tuple[DatasetInfo, ...]:
    """The built-in data sets, each with its name, dimension and, where it is known, its entropy.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> dnf.datasets()[0].name
    'rings'
    """
    from dnf_studio.core.data.catalogue import dataset_infos

    return dataset_infos()
