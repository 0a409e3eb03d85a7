"""The header of a safetensors file, read without trust, and the tensors that a checkpoint of ours must hold."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.build import MODELS
from dnf_studio.core.models.fitted_steps import fitted_name, fitted_network_name
from dnf_studio.core.networks.build import make_network
from dnf_studio.core.sde.deviations import MOST_LOG, anchors
from dnf_studio.core.sde.grid import TimeGrid, make_grid
from dnf_studio.core.sde.solvers.fitted import COLUMNS, ROWS_A_STEP, rows_fault
from dnf_studio.errors import CheckpointError, DataError

MAX_HEADER = 1 << 22
"""Bytes: half for what `check_keepable` allows the data, half for settings, history and the table of tensors."""
MAX_TENSORS = 10_000
MAX_DIM = 10_000
MOST_FITTED = 64
"""Numbers of steps that a file has fitted steps for, at most."""
ITEM_BYTES = {"F32": 4, "U8": 1}


@dataclass(frozen=True)
class Entry:
    """One tensor of the file."""

    dtype: str
    """``F32`` or ``U8``."""
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """The size of the tensor's data."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Header:
    """What precedes the data."""

    metadata: dict[str, str]
    tensors: dict[str, Entry]
    """The tensors by name, in the order of their data."""
    raw: bytes
    """The bytes before the first tensor."""


def check_keepable(data: DataSummary, standardisation: Standardisation) -> None:
    """Raise `DataError` for data whose models no checkpoint could keep: before they are trained, not after."""
    dim = len(standardisation.mean)
    if dim > MAX_DIM:
        raise DataError(f"The data has {dim:,} columns, and a model has at most {MAX_DIM:,}; choose some of them.")
    size = sum(len(json.dumps(values.as_dict(), ensure_ascii=False).encode()) for values in (data, standardisation))
    if size > MAX_HEADER // 2:
        raise DataError(
            f"The names of the data's {dim:,} columns are so long that no checkpoint could keep them; shorten them."
        )


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON holds anything
    """The value of strict JSON; raises ValueError for NaN, infinities, doubled keys and deep nesting."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def header_bytes(metadata: Mapping[str, str], tensors: Mapping[str, Entry]) -> bytes:
    """The header for tensors whose data follow in the order of `tensors`, padded to 8 bytes."""
    described: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start = 0
    for name, entry in tensors.items():
        end = start + entry.bytes
        described[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(described, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def read_header(file: BinaryIO, size: int, path: Path) -> Header:
    """Read and check the header of an opened file of `size` bytes; raises `CheckpointError`."""
    first = file.read(8)
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
    if not 2 <= length <= MAX_HEADER:
        raise CheckpointError(f"'{path}' is not a checkpoint of DNF Studio, or its beginning is damaged.")
    text = file.read(length)
    if len(text) < length:
        raise CheckpointError(f"The checkpoint '{path}' is truncated within its header.")
    if text[:1] != b"{":
        raise CheckpointError(f"'{path}' is not a checkpoint of DNF Studio, or its beginning is damaged.")
    try:
        described = parse_json(text)
        metadata = described.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()) or len(described) > MAX_TENSORS:
            raise ValueError("wrong metadata or too many tensors")
        tensors, end = _entries(described)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its header is not valid.") from problem
    expected = 8 + length + end
    if size != expected:
        fault = "truncated" if size < expected else "damaged"
        raise CheckpointError(
            f"The checkpoint '{path}' is {fault}: it has {size:,} bytes where its header says {expected:,}."
        )
    return Header(metadata, tensors, first + text)


def _entries(described: Mapping[str, Any]) -> tuple[dict[str, Entry], int]:
    """The tensors in the order of their data, which must follow each other without a gap, and where they end."""
    tensors: dict[str, Entry] = {}
    end = 0
    for name, value in sorted(described.items(), key=lambda item: item[1]["data_offsets"]):
        if set(value) != {"dtype", "shape", "data_offsets"} or value["dtype"] not in ITEM_BYTES:
            raise ValueError(f"wrong description of {name}")
        shape = tuple(value["shape"])
        if len(shape) > 8 or not all(type(n) is int and 0 < n < 1 << 40 for n in shape):
            raise ValueError(f"wrong shape of {name}")
        tensors[name] = Entry(value["dtype"], shape)
        if value["data_offsets"] != [end, end + tensors[name].bytes]:
            raise ValueError(f"wrong place of {name}")
        end += tensors[name].bytes
    return tensors, end


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key appears twice")
    return values


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
    if config.sde.backward_deviation != "g":
        known = len(anchors(config.sde.steps))
        buffers["backward_deviations"] = known, known
    parameters: Shapes = {}
    # What is drawn at random is drawn on the processor: on the meta device torch imports sympy for it, half a second
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        network = make_network(dim, config, image)
    trained = dict(network.named_parameters())
    for name in MODELS[config.model].networks_of(config):
        for part, tensor in network.state_dict().items():
            (parameters if part in trained else buffers)[f"{name}.{part}"] = tuple(tensor.shape)
    return buffers, parameters


def expected_entries(
    kind: str,
    config: Config,
    dim: int,
    stops_early: bool = False,
    image: ImageShape | None = None,
    fitted: Sequence[int] = (),
    fitted_networks: Sequence[int] = (),
) -> dict[str, Entry]:
    """Every tensor of a checkpoint of `kind`, sorted by name.

    A run that `stops_early` has its newest average beside the best weights, a model the steps that were `fitted` to it
    for these N, and for some of them a network of their own, like the last of its networks.
    """
    buffers, parameters = model_shapes(config, dim, image)
    buffers |= {fitted_name(steps): (steps * rows_a_step(config), len(COLUMNS)) for steps in fitted}
    last = f"{MODELS[config.model].networks_of(config)[-1]}."
    network = {name: shape for name, shape in (buffers | parameters).items() if name.startswith(last)}
    for steps in fitted_networks:
        own = f"{fitted_network_name(steps)}."
        buffers |= {own + name.removeprefix(last): shape for name, shape in network.items()}
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


def rows_a_step(config: Config) -> int:
    """How many rows the fitted steps of such a model have for each step; 0 where it can have none."""
    solver = MODELS[config.model].fitted
    return 0 if solver is None else ROWS_A_STEP[solver]


def value_fault(tensors: Mapping[str, Tensor], fitted: Sequence[int] = ()) -> str | None:
    """What is wrong with the numbers of well-formed tensors, as the end of a sentence, or None."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return f"the tensor '{name}' holds numbers that are not finite"
    if not bool((tensors["model.timestamps"].diff() > 0).all()):
        return "its times do not increase"
    if not bool((tensors["model.diffusion"] > 0).all()):
        return "its diffusion coefficient g is not positive everywhere"
    if bool((tensors.get("model.backward_deviations", torch.zeros(1)).abs() > MOST_LOG).any()):
        return "its backward deviations are out of range"
    for steps in fitted:
        rows, times = tensors[f"model.{fitted_name(steps)}"], tensors["model.timestamps"]
        if fault := rows_fault(rows, float(times[0]), float(times[-1])):
            return f"its fitted steps for N = {steps} {fault}"
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
