"""A `.pt` file read as plain tensors, its archive and its pickle looked at before torch sees them.

`torch.load(weights_only=True)` is not a boundary by itself: it unpacks a deflated file of 262 kB to
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

from dnf_studio.core.storage.atomic import explain, source_size
from dnf_studio.errors import CheckpointError

__all__ = ["load_tensors"]

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
    """The tensors of nested dictionaries, with their names."""
    for name, value in values.items():
        if isinstance(value, Tensor):
            yield str(name), value
        elif isinstance(value, dict):
            yield from _tensors(value)
