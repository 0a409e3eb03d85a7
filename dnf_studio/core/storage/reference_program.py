"""Checkpoints of the reference program: a `.pt` with a state dict, bare or under ``model`` (method.md, section 19).

Such a file is read as plain tensors, its archive and its pickle looked at before torch sees them:
`torch.load(weights_only=True)` is not a boundary by itself, for it unpacks a deflated file of 262 kB to
256 MB, and builds a view of a billion elements out of 1.3 kB. Here the archive must be stored
uncompressed and fit into its own size, the pickle may name only what a state dict needs, and every
tensor must own its numbers.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.files import explain, source_size
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.layout import (
    MAX_DIM,
    digest,
    entry_of,
    expected_entries,
    formula_describes,
    layout_fault,
    value_fault,
)
from dnf_studio.errors import CheckpointError, SettingError, continued

MAX_FILE = 1 << 30
MAX_PICKLE = 1 << 22
MAX_MEMBERS = 10_000
MEMBER = re.compile(
    r"[^/\\\0]{1,255}/(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|"
    r"\.data/serialization_id|data/[0-9]{1,9})"
)
STORAGES = {f"torch {kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")}
PLAIN = STORAGES | {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch Size",
}
CODE = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
POWERS = (0.9, 0.5, 1.0)
"""β of its 2-D and its image settings, and the uniform grid."""
UNKNOWN = "unknown"


def load_tensors(path: Path) -> dict[str, Any]:
    """What `torch.save` put into a file of nested dictionaries of tensors; nothing in it is run.

    Raises `CheckpointError` for a file that is no such archive, contains code, or unpacks to more
    than its own size.
    """
    size = source_size(path, CheckpointError)
    if size > MAX_FILE:
        raise CheckpointError(f"'{path}' is too large for a checkpoint ({size:,} bytes).")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as problem:
        raise CheckpointError(f"Cannot read '{path}': {explain(problem)}.") from problem
    if not data.startswith(b"PK\x03\x04"):
        _check_pickle(data[:MAX_PICKLE], path)
        raise CheckpointError(f"'{path}' is not a file of tensors that PyTorch 1.6 or later saved.")
    _check_pickle(_pickle_of(data, path), path)
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True, mmap=False)
    except Exception as problem:  # a hostile file may make the unpickler raise anything
        raise CheckpointError(f"'{path}' is damaged: PyTorch cannot read it.") from problem
    if not isinstance(found, dict):
        raise CheckpointError(f"'{path}' holds no state dict.")
    for name, tensor in _tensors(found):
        if not tensor.is_contiguous() or tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise CheckpointError(f"'{path}' is damaged: the tensor {name[:100]!r} does not own its numbers.")
    return found


def _pickle_of(data: bytes, path: Path) -> bytes:
    """The pickle of an archive whose directory is in order."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if any(name.endswith((".py", "/constants.pkl")) or "/code/" in name for name in names):
                raise CheckpointError(f"'{path}' contains code, which was not run; a state dict is needed.")
            if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
                raise CheckpointError(f"'{path}' is compressed, which PyTorch never does, and was not unpacked.")
            if sum(member.file_size for member in members) > len(data):
                raise CheckpointError(f"'{path}' is damaged: it would unpack to more than its own size.")
            if len(members) > MAX_MEMBERS or len(names) < len(members) or not all(map(MEMBER.fullmatch, names)):
                raise CheckpointError(f"'{path}' is not a file of tensors: it has too many or strange members.")
            pickles = [member for member in members if member.filename.endswith("/data.pkl")]
            if len(pickles) != 1 or pickles[0].file_size > MAX_PICKLE:
                raise CheckpointError(f"'{path}' is not a file of tensors: it has no pickle, or too large a one.")
            return archive.read(pickles[0])
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OSError) as problem:
        raise CheckpointError(f"'{path}' is damaged: its archive cannot be read.") from problem


def _check_pickle(data: bytes, path: Path) -> None:
    """Refuse a pickle that names anything but what tensors are made of; nothing is unpickled."""
    try:
        for operation, argument, _ in pickletools.genops(data):
            if operation.name in CODE or (operation.name == "GLOBAL" and argument not in PLAIN):
                named = f" ({str(argument).replace(' ', '.')[:100]})" if argument else ""
                raise CheckpointError(f"'{path}' contains code{named}, which was not run; a state dict is needed.")
    except (ValueError, IndexError, EOFError):
        return  # no pickle, or the end of a broken one: what follows is told by whoever reads it


def _tensors(values: dict[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of nested dictionaries, with their names; each dictionary once, also one that holds itself."""
    waiting, seen = [values], {id(values)}
    while waiting:
        for name, value in waiting.pop().items():
            if isinstance(value, Tensor):
                yield str(name), value
            elif isinstance(value, dict) and id(value) not in seen:
                seen.add(id(value))
                waiting.append(value)


def read_reference_checkpoint(path: Path) -> Checkpoint:
    """A `.pt` of the reference program as a weights checkpoint, mean 0 and scale 1.

    Grid, g and condition keep the file's float32 values. Where they are those of the program's
    power grid with constant or linear g, `config.sde` says so (`formula_grid`); else it has their
    ends only. Raises `CheckpointError` for anything that is not exactly such a state dict.
    """
    path = Path(path)
    state = _state_dict(load_tensors(path), path)
    config, dim = _settings(state, path)
    delta = state.pop("delta_t")
    tensors = {f"model.{name}": tensor for name, tensor in sorted(state.items())}
    fault = layout_fault({name: entry_of(t) for name, t in tensors.items()}, expected_entries("weights", config, dim))
    fault = fault or value_fault(tensors) or _delta_fault(delta, state["timestamps"])
    if fault:
        raise CheckpointError(f"'{path}' is not a checkpoint of the reference program: {fault}.")
    tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    data = DataSummary(UNKNOWN, "", tuple(f"x{j + 1}" for j in range(dim)), None, split=None)
    identity = Standardisation.identity(dim)
    return Checkpoint("weights", config, dim, identity, data, 0, 0.0, {}, {}, tensors, sha256=digest(tensors))


def _state_dict(found: dict[str, Any], path: Path) -> dict[str, Tensor]:
    """The tensors of the model, float32 where all were float64; those of its base distribution are left out."""
    inner = found.get("model", found)
    if not isinstance(inner, dict) or not all(isinstance(name, str) for name in inner):
        raise CheckpointError(f"'{path}' holds no state dict.")
    state = {name: value for name, value in inner.items() if not name.startswith("_distribution.")}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"'{path}' is not a checkpoint of the reference program: {name[:100]!r} is no tensor."
            )
    for name in ("timestamps", "diffusion", "condition", "delta_t", "drift.input_embed.weight"):
        if name not in state:
            raise CheckpointError(f"'{path}' is not a checkpoint of the reference program: '{name}' is missing.")
    if all(value.dtype == torch.float64 for value in state.values()):
        return {name: value.float() for name, value in state.items()}
    return state


def _settings(state: dict[str, Tensor], path: Path) -> tuple[Config, int]:
    """The settings, within their bounds, that the shapes and the nodes tell."""
    entry = state["drift.input_embed.weight"]
    t, g = state["timestamps"], state["diffusion"]
    nodes = (t, g, state["condition"])
    sized = entry.dim() == 2 and all(n.dim() == 1 and len(n) >= 2 and n.dtype == torch.float32 for n in nodes)
    if not sized or not 1 <= entry.shape[1] <= MAX_DIM:
        raise CheckpointError(
            f"'{path}' is not a checkpoint of the reference program: its shapes or number types cannot be."
        )
    hidden = [name for name in state if name.startswith("drift.layers.") and name.endswith(".0.weight")]
    sde = {
        "steps": len(t) - 1,
        "t_start": _decimal(t[0]),
        "t_end": _decimal(t[-1]),
        "g_start": _decimal(g[0]),
        "g_end": _decimal(g[-1]),
    }
    network = {"layers": len(hidden), "channels": entry.shape[0], "features": 0}
    try:
        config = Config.create({"data": UNKNOWN, "sde": sde, "network": network})
    except SettingError as problem:
        raise CheckpointError(f"'{path}' cannot be used: {continued(str(problem))}") from problem
    grid = TimeGrid(*nodes)
    for beta in POWERS:
        tried = config.changed({"sde.beta": beta})
        if formula_describes(tried.sde, grid):
            return tried, entry.shape[1]
    return config, entry.shape[1]


def _decimal(value: Tensor) -> float:
    """The number of six digits that this float32 stands for, such as 0.05, or else itself."""
    exact = float(value)
    short = float(f"{exact:.6g}")
    return short if abs(short - exact) <= 2e-7 * abs(exact) else exact


def _delta_fault(delta: Tensor, t: Tensor) -> str | None:
    """The program steps by its stored Δ; the studio by the differences of its times."""
    own = t.diff()
    if delta.shape != own.shape or not torch.allclose(
        delta.double(), own.double(), rtol=1e-3, atol=1e-6 * float(t[-1])
    ):
        return "its steps 'delta_t' are not the differences of its times"
    return None
