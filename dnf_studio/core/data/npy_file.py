"""Arrays in NumPy's own files: `.npy`, and `.npz`, an archive of them. Pickles are never opened."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.arrays import ArrayInfo, array_table, choose_array
from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.table import MOST_HELD, Rows, Table, array_fault, gigabytes
from dnf_studio.errors import DataError

MOST_ARRAYS = 1000
"""Arrays of an archive that are looked at."""
PIECE = 1 << 24
"""Bytes that are unpacked at a time."""
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What stands before the bytes of a member: a signature and how long its name and its extra field are."""


def read_npy(path: Path, selection: str | None, label: str | None = None) -> Table:
    """The rows of a `.npy` file of one or two dimensions, left where they are; the header is checked before them."""
    with path.open("rb") as file:
        shape, dtype, fortran = _header(path, file)
        offset = file.tell()
    if fault := array_fault(shape, dtype):
        raise DataError(f"'{path}' {fault}.")
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize > path.stat().st_size - offset:
        raise DataError(f"'{path}' is cut short: its header promises more data than it holds.")
    return array_table(path, _rows(path, dtype, offset, shape, fortran), None, selection, True, label)


def list_npz(path: Path) -> tuple[ArrayInfo, ...]:
    """The arrays of an archive, in its order."""
    with _archive(path) as archive:
        return tuple(_info(archive, member) for member in _members(archive))


def read_npz(path: Path, selection: str | None, label: str | None = None) -> Table:
    """The chosen array of an archive, left where it is, or held where it is compressed."""
    with _archive(path) as archive:
        members = {_name(member): member for member in _members(archive)}
        infos = tuple(_info(archive, member) for member in members.values())
        info, columns = choose_array(path, infos, selection)
        member = members[info.name]
        if member.compress_type == zipfile.ZIP_STORED:
            values: Rows = _stored_member(path, member)
        else:
            values = _unpack_member(path, archive, member)
    mapped = member.compress_type == zipfile.ZIP_STORED
    return array_table(path, values, info.name, columns, mapped, label)


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, type, and whether columns come first; `file` stands at the data afterwards."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        shape = tuple(map(int, shape))  # NumPy lets True pass for 1
    except (OSError, zipfile.BadZipFile):
        raise
    except Exception:  # NumPy's header parser passes on whatever its tokenizer and literal_eval raise
        raise DataError(f"'{path}' is not a NumPy array file, or its header is damaged.") from None
    return shape, dtype, fortran


def _rows(path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], fortran: bool) -> FileRows:
    return FileRows(path, dtype, shape, np.array([offset], np.int64), by_column=fortran)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, opened for reading; whatever is wrong with it is one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error, OverflowError):
        raise _damaged(path) from None


def _damaged(path: Path) -> DataError:
    return DataError(f"'{path}' is no sound .npz archive: it is damaged or cut short.")


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What is an array by its name; of two with one name the later."""
    named = {member.filename: member for member in archive.infolist() if member.filename.endswith(".npy")}
    return list(named.values())[:MOST_ARRAYS]


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _info(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ArrayInfo:
    """What a member is by its header."""
    if member.flag_bits & 1:
        return ArrayInfo(_name(member), (), "", "is encrypted")
    try:
        with archive.open(member) as file:
            shape, dtype, _ = _header(Path(_name(member)), file)
            start = file.tell()
    except (DataError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError):
        return ArrayInfo(_name(member), (), "", "is not a NumPy array, or is damaged")
    fault = array_fault(shape, dtype)
    size = math.prod(shape) * dtype.itemsize
    if not fault and (min(shape) < 0 or size > member.file_size - start):
        fault = "is cut short: its header promises more data than it holds"
    if not fault and member.compress_type != zipfile.ZIP_STORED and size > MOST_HELD:
        fault = f"takes {gigabytes(size)} when it is unpacked; save it with numpy.savez, without compression"
    return ArrayInfo(_name(member), shape, str(dtype), fault)


def _stored_member(path: Path, member: zipfile.ZipInfo) -> FileRows:
    """The array of an uncompressed member, which lies in the archive as in a `.npy` file."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        signature, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        file.seek(name + extra, 1)
        shape, dtype, fortran = _header(path, file)
        offset = file.tell()
    if signature != b"PK\x03\x04" or math.prod(shape) * dtype.itemsize > path.stat().st_size - offset:
        raise _damaged(path)
    return _rows(path, dtype, offset, shape, fortran)


def _unpack_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """The array of a compressed member, whose size has been looked at before."""
    with archive.open(member) as file:
        shape, dtype, fortran = _header(path, file)
        raw = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
        done = 0
        while done < len(raw):
            part = file.read(min(PIECE, len(raw) - done))
            if not part:
                raise _damaged(path)
            raw[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        file.read(1)  # at the end of a member its checksum is compared
    return raw.view(dtype).reshape(shape, order="F" if fortran else "C")
