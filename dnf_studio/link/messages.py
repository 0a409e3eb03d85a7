"""What a script and its window say to each other: a JSON header of bounded size, then the bytes of arrays.

Nothing is ever unpickled. A message is the length of its header (4 bytes, big-endian), the header, a JSON object
``{"kind": …, "facts": {…}, "arrays": [[name, dtype, shape], …]}``, and the arrays one after the other, little-endian
and in C order. What does not add up to the last byte is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnf_studio.errors import LinkError

Array = NDArray[Any]
Kind = Literal["role", "picture", "model", "news", "ended", "carry", "density", "leave", "value", "pull", "jacobian",
               "weights", "shown", "answer", "fault"]  # fmt: skip
MOST_HEADER = 1 << 16
MOST_BYTES = 1 << 28
"""Bytes of the longest message, 256 MiB."""
DTYPES = {
    name: np.dtype(name).newbyteorder("<") for name in ("float16", "float32", "float64", "int64", "uint8", "bool")
}


@dataclass(frozen=True, eq=False)
class Message:
    """One message, either way."""

    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values; whoever takes them checks what they are."""
    arrays: Mapping[str, Array] = field(default_factory=dict)


Side = Annotated[int, Field(ge=0, le=MOST_BYTES)]


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Kind
    facts: dict[str, Any]
    arrays: list[
        tuple[
            Annotated[str, Field(max_length=300)],
            Literal["float16", "float32", "float64", "int64", "uint8", "bool"],
            Annotated[list[Side], Field(max_length=8)],
        ]
    ] = Field(max_length=1000)


def pack(message: Message) -> bytes:
    """The bytes of a message; raises `LinkError` where it is too large."""
    rows, parts = [], []
    for name, values in message.arrays.items():
        if values.dtype.name not in DTYPES:
            raise LinkError(f"Numbers of the type {values.dtype} cannot be sent to the window.")
        plain = np.ascontiguousarray(values, DTYPES[values.dtype.name])
        rows.append([name, values.dtype.name, list(values.shape)])
        parts.append(plain.tobytes())
    header = json.dumps({"kind": message.kind, "facts": dict(message.facts), "arrays": rows}).encode()
    size = 4 + len(header) + sum(map(len, parts))
    if len(header) > MOST_HEADER or size > MOST_BYTES:
        raise LinkError(f"A message of {size / (1 << 20):,.1f} MiB is too large for the window.")
    return b"".join([len(header).to_bytes(4, "big"), header, *parts])


def unpack(data: bytes) -> Message:
    """The message that these bytes are, its arrays read-only; raises `LinkError` for anything else."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length or length > MOST_HEADER:
        raise LinkError("A message between script and window is cut off.")
    try:
        header = _Header.model_validate_json(data[4 : 4 + length])
    except (ValidationError, RecursionError) as error:
        raise LinkError("A message between script and window has no header that can be read.") from error
    sizes = [math.prod(shape) * DTYPES[kind].itemsize for _, kind, shape in header.arrays]
    if sum(sizes) != len(data) - 4 - length or len({name for name, _, _ in header.arrays}) < len(sizes):
        raise LinkError("The arrays of a message between script and window are not those that its header names.")
    arrays, at = {}, 4 + length
    for (name, kind, shape), size in zip(header.arrays, sizes, strict=True):
        flat = np.frombuffer(data, DTYPES[kind], math.prod(shape), at) if size else np.empty(0, DTYPES[kind])
        arrays[name] = flat.reshape(shape)
        at += size
    return Message(header.kind, header.facts, arrays)


def send(connection: Connection, message: Message) -> None:
    """Send a message; raises `LinkError` where the other side is gone."""
    data = pack(message)
    try:
        connection.send_bytes(data)
    except (OSError, ValueError) as problem:
        raise LinkError("The other side of the live window is gone.") from problem


def receive(connection: Connection) -> Message:
    """Wait for a message; raises `LinkError` where the other side is gone or what came is none."""
    try:
        data = connection.recv_bytes(MOST_BYTES)
    except (EOFError, OSError) as problem:
        raise LinkError("The other side of the live window is gone.") from problem
    return unpack(data)
