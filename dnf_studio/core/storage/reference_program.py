"""Checkpoints of the reference program: a `.pt` with a state dict, bare or under ``model`` (method.md, section 19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import MAX_DIM, Checkpoint, DataSummary
from dnf_studio.core.storage.layout import (
    digest,
    entry_of,
    expected_entries,
    formula_describes,
    layout_fault,
    value_fault,
)
from dnf_studio.core.storage.torch_file import load_tensors
from dnf_studio.errors import CheckpointError, SettingError, continued

__all__ = ["UNKNOWN", "read_reference_checkpoint"]

POWERS = (0.9, 0.5, 1.0)
"""β of its 2-D and its image settings, and the uniform grid."""
UNKNOWN = "unknown"


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
