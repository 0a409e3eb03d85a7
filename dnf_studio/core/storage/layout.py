"""The tensors that a checkpoint must hold, known from its settings before any model is built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.build import MODELS
from dnf_studio.core.networks.build import make_network
from dnf_studio.core.sde.grid import TimeGrid, make_grid
from dnf_studio.core.storage.safe_header import Entry

__all__ = [
    "GENERATOR_BYTES",
    "digest",
    "entry_of",
    "expected_entries",
    "formula_describes",
    "layout_fault",
    "model_shapes",
    "value_fault",
]

GENERATOR_BYTES = 5056
"""The state of torch's CPU generator."""
SAME = 1e-6
"""Relative difference up to which float32 nodes count as those of a formula."""
Shapes = dict[str, tuple[int, ...]]


def model_shapes(config: Config, dim: int, image: ImageShape | None = None) -> tuple[Shapes, Shapes]:
    """Shapes of the buffers and of the parameters of the model of `dim` and `config`, by name.

    `image` is the size of points that are images. No memory is taken, however large the networks are.
    """
    nodes = (config.sde.steps + 1,)
    buffers: Shapes = {"timestamps": nodes, "diffusion": nodes, "condition": nodes}
    parameters: Shapes = {}
    # What is drawn at random is drawn on the processor: on the meta device torch imports sympy for it, half a second
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        network = make_network(dim, config, image)
    trained = dict(network.named_parameters())
    for name in MODELS[config.model].networks:
        for part, tensor in network.state_dict().items():
            (parameters if part in trained else buffers)[f"{name}.{part}"] = tuple(tensor.shape)
    return buffers, parameters


def expected_entries(
    kind: str, config: Config, dim: int, stops_early: bool = False, image: ImageShape | None = None
) -> dict[str, Entry]:
    """Every tensor of a checkpoint of `kind`, sorted by name.

    A run that `stops_early` has its newest average beside the best weights.
    """
    buffers, parameters = model_shapes(config, dim, image)
    entries = {f"model.{name}": Entry("F32", shape) for name, shape in (buffers | parameters).items()}
    if kind == "run":
        for part in ("raw", "exp_avg", "exp_avg_sq", *(("average",) if stops_early else ())):
            entries |= {f"{part}.{name}": Entry("F32", shape) for name, shape in parameters.items()}
        entries["generator"] = Entry("U8", (GENERATOR_BYTES,))
    return dict(sorted(entries.items()))


def entry_of(tensor: Tensor) -> Entry | None:
    """The description of a tensor, or None for a type that no checkpoint holds."""
    dtype = {torch.float32: "F32", torch.uint8: "U8"}.get(tensor.dtype)
    return Entry(dtype, tuple(tensor.shape)) if dtype else None


def layout_fault(found: Mapping[str, Entry | None], expected: Mapping[str, Entry]) -> str | None:
    """What is wrong with the names, shapes or types of tensors, as the end of a sentence, or None."""
    if missing := sorted(expected.keys() - found.keys()):
        return f"the tensor '{missing[0]}' is missing"
    if strange := sorted(found.keys() - expected.keys()):
        return f"it holds an unknown tensor {strange[0][:100]!r}"
    for name, entry in expected.items():
        other = found[name]
        if other is None or other.dtype != entry.dtype:
            return f"the tensor '{name}' has the wrong number type"
        if other.shape != entry.shape:
            return f"the tensor '{name}' has the shape {list(other.shape)} where its settings need {list(entry.shape)}"
    return None


def value_fault(tensors: Mapping[str, Tensor]) -> str | None:
    """What is wrong with the numbers of well-formed tensors, as the end of a sentence, or None."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return f"the tensor '{name}' holds numbers that are not finite"
    if not bool((tensors["model.timestamps"].diff() > 0).all()):
        return "its times do not increase"
    if not bool((tensors["model.diffusion"] > 0).all()):
        return "its diffusion coefficient g is not positive everywhere"
    return None


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over name, type, shape and bytes of every tensor, sorted by name."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()


def formula_describes(sde: SDEConfig, grid: TimeGrid) -> bool:
    """Whether `grid` is what `make_grid(sde)` makes, up to float32, the networks' time input being t."""
    own = make_grid(sde)
    pairs = ((grid.t, own.t), (grid.g, own.g), (grid.condition, own.condition))
    return all(
        a.shape == b.shape and torch.allclose(a.detach().cpu().double(), b, rtol=SAME, atol=1e-12) for a, b in pairs
    )
