"""Small models and checkpoints, and a way to make wrong files out of right ones."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import torch

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.layout import GENERATOR_BYTES
from dnf_studio.core.storage.metadata import metadata_sum

GOLDEN = Path(os.environ.get("DNF_GOLDEN", Path(__file__).parents[2] / "golden"))
SMALL = Config.create({"sde": {"steps": 4}, "network": {"layers": 1, "channels": 8}})


def make_flow(config: Config = SMALL, dim: int = 2, seed: int = 0) -> DiffFlow:
    """A model with random weights and a standardisation that is not the identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scale = Standardisation(tuple(0.1 * j - 0.3 for j in range(dim)), tuple(1 / (j + 3) for j in range(dim)))
        return DiffFlow(dim, config, scale).eval()


def make_run(flow: DiffFlow) -> Checkpoint:
    """A run checkpoint with everything in it."""
    generator = torch.Generator().manual_seed(3)
    tensors = {f"model.{name}": value for name, value in flow.state_dict().items()}
    for name, value in flow.named_parameters():
        tensors |= {f"raw.{name}": value + 1, f"exp_avg.{name}": value * 2, f"exp_avg_sq.{name}": value.square()}
    tensors["generator"] = torch.randint(0, 256, (GENERATOR_BYTES,), dtype=torch.uint8, generator=generator)
    data = DataSummary("rings", "ab" * 32, ("first", "zweite Größe"), -0.962)
    loss = {"stride": 1, "iterations": [1, 2], "losses": [2.5, 1 / 3], "open": []}
    history = {"loss": loss, "changes": [[10, {"sde.steps": 4}]]}
    state = {"updates": 12}
    return Checkpoint(
        "run", flow.config, flow.dim, flow.standardisation, data, 12, 3.25, history,
        {"nll_bound": 2.03, "nll_ode": None}, tensors, state,
    )  # fmt: skip


def split(path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def join(path: Path, header: dict[str, Any], data: bytes, seal: bool = True) -> None:
    """Write a safetensors file; `seal` makes the sum of the metadata right again."""
    metadata = header.get("__metadata__")
    if seal and metadata is not None:
        metadata["metadata_sha256"] = metadata_sum(metadata)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
