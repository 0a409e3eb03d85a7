"""Checkpoints: safetensors files whose every part is checked before anything is built from it.

The metadata are strings of JSON. Two SHA-256 sums tell an altered file: `sha256` over the tensors,
`metadata_sha256` over everything else. The same content makes the same bytes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.files import atomic_file, explain, source_size
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import MODELS, build_model
from dnf_studio.core.models.fitted_steps import fitted_name
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.layout import (
    MAX_HEADER,
    Header,
    digest,
    entry_of,
    expected_entries,
    formula_describes,
    header_bytes,
    layout_fault,
    read_header,
    value_fault,
)
from dnf_studio.core.storage.metadata import (
    FITTED_VERSION,
    FORMAT,
    FORMAT_VERSION,
    Kind,
    Metadata,
    checked_metadata,
    metadata_of,
)
from dnf_studio.core.storage.needed import needed_by
from dnf_studio.core.storage.run_record import record_fault
from dnf_studio.errors import CheckpointError

MAX_FILE = 1 << 32
STOPPING = "early_stopping"
"""What a run keeps in its state where a validation split chooses its weights."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model (``weights``), or a training run that can be resumed (``run``).

    `tensors` holds ``model.<name>`` for the state dict of the weights that sampling uses; a run
    also ``raw.``, ``exp_avg.`` and ``exp_avg_sq.<parameter>`` and ``generator``, the state of a CPU
    generator as uint8 (5056,), and where a validation split chose the best weights ``average.<parameter>``.
    """

    kind: Kind
    config: Config
    dim: int
    standardisation: Standardisation
    data: DataSummary
    iteration: int
    seconds: float
    history: dict[str, Any]
    metrics: dict[str, float | None]
    tensors: dict[str, Tensor]
    state: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    """SHA-256 checksum of the tensors, as in the file; empty before it is written."""
    plugins: dict[str, str] = field(default_factory=dict)
    """By setting (``data``, ``model``, ``network.kind``), the plug-in that registered what it names."""
    fitted: tuple[int, ...] = ()
    """The numbers of steps that the model has fitted steps for, rising."""
    fitted_networks: tuple[int, ...] = ()
    """Those of them that have a network of their own."""
    unsaved: str = ""
    """Why it can be no file (`GenerativeModel.unsaved`); empty where it can."""

    @classmethod
    def of_model(cls, flow: GenerativeModel) -> Self:
        """A weights checkpoint of a model as it stands, nothing else being known."""
        tensors = {f"model.{name}": _plain(tensor) for name, tensor in flow.state_dict().items()}
        columns = () if flow.image is None else tuple(f"x{j + 1}" for j in range(flow.dim))
        data = DataSummary(flow.config.data, "", columns, None, flow.image, None)
        found = cls("weights", flow.config, flow.dim, flow.standardisation, data, 0, 0.0, {}, {}, tensors)
        fitted, networks = flow.fitted_steps, flow.fitted_networks
        return replace(found, sha256=digest(tensors), fitted=fitted, fitted_networks=networks, unsaved=flow.unsaved)

    @property
    def grid(self) -> TimeGrid:
        """The nodes the model was trained on, as stored."""
        return TimeGrid(*(self.tensors[f"model.{name}"] for name in ("timestamps", "diffusion", "condition")))

    @property
    def needed(self) -> dict[str, str]:
        """`plugins`, and those that have registered what its settings name here."""
        return {**self.plugins, **needed_by(self.config)}

    @property
    def formula_grid(self) -> bool:
        """Whether `config.sde` describes the stored nodes."""
        return formula_describes(self.config.sde, self.grid)

    def build(self) -> GenerativeModel:
        """The model with the weights that sampling uses, in eval mode; torch's global generator is left alone."""
        with torch.random.fork_rng(devices=[]):
            flow = build_model(self.dim, self.config, self.standardisation, self.grid, self.data.image)
        model = {name.removeprefix("model."): t for name, t in self.tensors.items() if name.startswith("model.")}
        for steps in self.fitted:
            network = copy.deepcopy(flow.last_network) if steps in self.fitted_networks else None
            flow.take_fitted(steps, model[fitted_name(steps)], network)
        flow.load_state_dict(model)
        flow.formula_grid = self.formula_grid
        return flow.eval()

    def summary(self) -> dict[str, Any]:
        """All but the tensors and the config, as plain values for JSON."""
        return {
            "format": FORMAT,
            "format_version": FITTED_VERSION if self.fitted else FORMAT_VERSION,
            "kind": self.kind,
            "model": self.config.model,
            "dim": self.dim,
            "standardisation": self.standardisation.as_dict(),
            "data": self.data.as_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "history": self.history,
            "metrics": self.metrics,
            "sha256": self.sha256,
            **({"plugins": needed} if (needed := self.needed) else {}),
            **({"fitted": list(self.fitted)} if self.fitted else {}),
            **({"fitted_networks": list(self.fitted_networks)} if self.fitted_networks else {}),
        }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> Checkpoint:
    """Write a checkpoint, whole or not at all, and return it with its `sha256`.

    Raises `CheckpointError` where the file cannot be written or the checkpoint could not be read
    back: numbers that are not finite, more than 4 MiB of history and names, or a model of a person's own callables.
    """
    if checkpoint.unsaved:
        raise CheckpointError(checkpoint.unsaved)
    tensors = {name: _plain(tensor) for name, tensor in sorted(checkpoint.tensors.items())}
    expected = expected_entries(
        checkpoint.kind,
        checkpoint.config,
        checkpoint.dim,
        STOPPING in checkpoint.state,
        checkpoint.data.image,
        checkpoint.fitted,
        checkpoint.fitted_networks,
    )
    fault = layout_fault({name: entry_of(tensor) for name, tensor in tensors.items()}, expected)
    if fault := fault or value_fault(tensors, checkpoint.fitted):
        raise CheckpointError(f"The checkpoint '{path}' was not written: {fault}.")
    written = replace(checkpoint, tensors=tensors, sha256=digest(tensors), plugins=checkpoint.needed)
    try:
        header = header_bytes(metadata_of(_fields(written), written.sha256), expected)
    except ValueError as problem:
        raise CheckpointError(f"The checkpoint '{path}' was not written: its history is not finite.") from problem
    if len(header) > MAX_HEADER:
        raise CheckpointError(f"The checkpoint '{path}' was not written: names and history need more than 4 MiB.")
    with atomic_file(path, CheckpointError) as partial, partial.open("wb") as file:
        file.write(header)
        for tensor in tensors.values():
            file.write(tensor.numpy().tobytes())
    return written


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote; raises `CheckpointError` for anything else.

    Size, header, settings, and then names, shapes and types of all tensors are checked before the
    tensors are read; their values and sums after.
    """
    path = Path(path)
    size = _size(path)
    try:
        with path.open("rb") as file:
            header, known = _heading(file, size, path)
            data = file.read(size - len(header.raw))
    except OSError as problem:
        raise CheckpointError(f"Cannot read '{path}': {explain(problem)}.") from problem
    tensors = _load(header.raw + data, path)
    if fault := value_fault(tensors, known.fitted):
        raise CheckpointError(f"The checkpoint '{path}' is damaged: {fault}.")
    if digest(tensors) != header.metadata["sha256"]:
        raise CheckpointError(f"The checkpoint '{path}' was altered: its tensors do not match their SHA-256 sum.")
    found = _checkpoint(header, known, tensors)
    if not (found.formula_grid or MODELS[known.config.model].other_nodes):
        raise CheckpointError(f"The checkpoint '{path}' does not fit its own settings: it has other times.")
    return found


def read_heading(path: Path) -> Checkpoint:
    """A checkpoint without its tensors, of which only names, shapes and types are checked: quick for any size.

    Raises `CheckpointError` as `read_checkpoint` does.
    """
    path = Path(path)
    size = _size(path)
    try:
        with path.open("rb") as file:
            return _checkpoint(*_heading(file, size, path), {})
    except OSError as problem:
        raise CheckpointError(f"Cannot read '{path}': {explain(problem)}.") from problem


def _size(path: Path) -> int:
    size = source_size(path, CheckpointError)
    if size > MAX_FILE:
        raise CheckpointError(f"'{path}' is too large for a checkpoint ({size:,} bytes).")
    return size


def _heading(file: BinaryIO, size: int, path: Path) -> tuple[Header, Metadata]:
    """All that precedes the tensors, checked."""
    header = read_header(file, size, path)
    known = checked_metadata(header, path)
    stops_early = STOPPING in known.state
    fitted = known.fitted, known.fitted_networks
    expected = expected_entries(known.kind, known.config, known.dim, stops_early, known.data.image, *fitted)
    fault = layout_fault(header.tensors, expected)
    if fault:
        raise CheckpointError(f"The checkpoint '{path}' does not fit its own settings: {fault}.")
    if known.kind == "run" and (fault := record_fault(known.state, known.history)):
        raise CheckpointError(f"The checkpoint '{path}' is damaged: {fault}.")
    return header, known


def _checkpoint(header: Header, known: Metadata, tensors: dict[str, Tensor]) -> Checkpoint:
    values = {name: getattr(known, name) for name in Metadata.model_fields}
    return Checkpoint(**values, tensors=tensors, sha256=header.metadata["sha256"])


def _load(data: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors of a whole file in memory."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except SafetensorError as problem:
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its tensors cannot be read.") from problem


def _plain(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU; floating-point numbers become float32."""
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", dtype, copy=True).contiguous()


def _fields(checkpoint: Checkpoint) -> dict[str, Any]:
    """What of it stands in the metadata."""
    return {name: getattr(checkpoint, name) for name in Metadata.model_fields}
