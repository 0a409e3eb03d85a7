"""The header of a safetensors file, read without trust and written the same each time.

The library accepts headers of 100 MB and writes metadata in random order. Here a header has at
most 1 MiB, its tensors fill the file in order without gap or overlap, and the same content makes
the same bytes. Format: https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dnf_studio.errors import CheckpointError

__all__ = ["MAX_HEADER", "Entry", "Header", "header_bytes", "parse_json", "read_header"]

MAX_HEADER = 1 << 20
MAX_TENSORS = 10_000
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
    """In the order of their data."""
    raw: bytes
    """The bytes before the first tensor."""


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
