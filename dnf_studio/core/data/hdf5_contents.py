"""What libhdf5 finds in a file, as plain numbers, and the values of datasets once each of their chunks was looked at.

Links are not followed, and no other file is read. It imports nothing of the studio, so that a process of its own, in
which it is run by `hdf5_program`, starts sooner.
"""

from __future__ import annotations

import math
import os
import zlib
from array import array
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

MOST_OBJECTS = 1000
"""Groups and datasets of a file that are looked at."""
MOST_TEXT = 1 << 22
MOST_TEXTS = 8
"""Texts, and rows of texts, that are read, of so many bytes at most."""
MOST_NAMES = 1 << 16
"""Texts in a row."""
MOST_CHUNKS, MOST_ATTRIBUTES, MOST_SOURCES = 1 << 22, 200, 4096
BLOCK_BYTES = 1 << 23
DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
MOST_DEFLATED = 1100
"""By how much deflate makes anything smaller at most; a chunk that promises more is not tried."""
Object = Any
"""h5py has no types."""


def attributes(file: Object) -> dict[str, tuple[str, object]]:
    """The scalar attributes of the root as (kind, value), whose kind is str, int or float; else ``other``, None."""
    found: dict[str, tuple[str, object]] = {}
    for name in list(file.attrs)[:MOST_ATTRIBUTES]:
        value = file.attrs[name] if file.attrs.get_id(name).shape == () else None
        if isinstance(value, str):
            found[name] = ("str", value[: 1 << 16])
        elif isinstance(value, np.integer):
            found[name] = ("int", int(value))
        elif isinstance(value, np.floating):
            found[name] = ("float", float(value))
        else:
            found[name] = ("other", None)
    return found


def objects(file: Object) -> tuple[list[dict[str, Any]], NDArray[np.int64]]:
    """Every group and dataset that hard links lead to, each once, and the other links, which nobody follows.

    Where the chunks lie of those that have some, and their sizes, are the second, (n, 2), one dataset after the other.
    """
    found, places, texts, count = list[dict[str, Any]](), [np.empty((0, 2), np.int64)], 0, 0
    for name, one in _found(file):
        entry: dict[str, Any] = {"name": name, "kind": "link"}
        if isinstance(one, h5py.Group):
            entry["kind"] = "group"
        elif isinstance(one, h5py.Dataset):
            entry |= {"kind": "dataset", **_header(one)}
            if entry.get("text") and texts < MOST_TEXTS and _is_short(one):
                texts += 1
                entry["value"] = _text(one)
            if "chunk" in entry and count + entry["chunks"] <= MOST_CHUNKS:
                count += entry["chunks"]
                places.append(_places(one, entry))
        found.append(entry)
    return found, np.concatenate(places)


def _places(dataset: Object, entry: dict[str, Any]) -> NDArray[np.int64]:
    """Where the chunks of whole rows lie; `entry` says how many that are, or that they are damaged."""
    try:
        axes = len(dataset.shape)
        return chunks_of(dataset)[:, axes : axes + 2]
    except ValueError:
        entry |= {"damaged": True, "chunks": 0}
        return np.empty((0, 2), np.int64)


def _found(file: Object) -> Iterator[tuple[str, Object]]:
    """Name and object of what is in a file, None where that is a link."""
    waiting, seen, count = [("", file)], set(), 0
    while waiting:
        prefix, group = waiting.pop()
        below = []
        for name in group:
            count += 1
            if count > MOST_OBJECTS:
                return
            inside = prefix + name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                yield inside, None
                continue
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            yield inside, found
            if isinstance(found, h5py.Group):
                below.append((f"{inside}/", found))
        waiting += reversed(below)


def _header(dataset: Object) -> dict[str, Any]:
    """What a dataset is by its header, and where it lies."""
    if dataset.shape is None:
        return {"shape": None}
    known: dict[str, Any] = {"shape": dataset.shape, "type": None}
    try:
        dtype = dataset.dtype
    except (TypeError, ValueError, KeyError):
        return known
    text = h5py.check_string_dtype(dtype) is not None
    known |= {"type": dtype.str, "type_name": str(dtype), "object": dtype.hasobject, "text": text}
    known["scale"] = dataset.attrs.get("CLASS", b"") in (b"DIMENSION_SCALE", "DIMENSION_SCALE")
    known["elsewhere"] = bool(dataset.is_virtual or dataset.external)
    if known["elsewhere"]:
        return known | ({"sources": _sources(dataset)} if dataset.is_virtual else {})
    if dataset.chunks is None:
        known["written"] = "not" if dataset.id.get_storage_size() < dataset.nbytes else "whole"
    else:
        expected = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
        known["written"] = "whole" if dataset.id.get_num_chunks() == expected else "partly"
    return known | _place(dataset)


def _sources(dataset: Object) -> list[list[Any]] | None:
    """What a virtual data set shows, none of it opened: file, data set, first row here and the row after the last; None
    where that is not whole rows of whole data sets, few enough of them."""
    layout, found, rest = dataset.id.get_create_plist(), [], [(0, size - 1) for size in dataset.shape[1:]]
    if dataset.maxshape != dataset.shape or not 1 <= layout.get_virtual_count() <= MOST_SOURCES:
        return None
    for number in range(layout.get_virtual_count()):
        here, there = layout.get_virtual_vspace(number), layout.get_virtual_srcspace(number)
        rows, *others = zip(*map(list, here.get_select_bounds()), strict=True)
        whole = here.get_select_npoints() == (rows[1] - rows[0] + 1) * math.prod(dataset.shape[1:])
        if not whole or others != rest or there.get_select_type() != h5py.h5s.SEL_ALL:
            return None
        name, inside = layout.get_virtual_filename(number), layout.get_virtual_dsetname(number).lstrip("/")
        found.append([name, inside, int(rows[0]), int(rows[1]) + 1])
    return sorted(found, key=lambda one: one[2])


def _place(dataset: Object) -> dict[str, Any]:
    """Where the file holds a dataset as NumPy would, in one piece or in unfiltered chunks of whole rows, if it does."""
    layout = dataset.id.get_create_plist()
    if not _same_type(dataset) or dataset.file.userblock_size or layout.get_nfilters():
        return {}
    if layout.get_layout() == h5py.h5d.CONTIGUOUS:
        offset = dataset.id.get_offset()  # none where HDF5 keeps it elsewhere than in one piece
        return {} if offset is None else {"offset": offset}
    whole_rows = layout.get_layout() == h5py.h5d.CHUNKED and dataset.chunks[1:] >= dataset.shape[1:]
    if whole_rows and (count := dataset.id.get_num_chunks()) <= MOST_CHUNKS:
        return {"chunk": dataset.chunks, "chunks": count}
    return {}


def _same_type(dataset: Object) -> bool:
    return bool(dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype))


def _is_short(dataset: Object) -> bool:
    """Whether it is one value or a row of few."""
    return dataset.shape == () or (len(dataset.shape) == 1 and dataset.shape[0] <= MOST_NAMES)


def _text(dataset: Object) -> str | list[str] | None:
    """The text of a scalar, or those in a row; None where they are none."""
    raw = dataset[()]
    row = raw.tolist() if isinstance(raw, np.ndarray) else [raw]
    if not all(isinstance(one, bytes) for one in row) or sum(map(len, row)) > MOST_TEXT:
        return None
    try:
        texts = [one.decode("utf-8") for one in row]
    except UnicodeDecodeError:
        return None
    return texts if isinstance(raw, np.ndarray) else texts[0]


def chunks_of(dataset: Object) -> NDArray[np.int64]:
    """Every chunk, (n, axes + 3): where it stands on each axis, offset and size in the file in bytes, filters left out.

    They are in ascending order, each of the grid once. Raises ValueError for others, and for one beyond the file.
    """
    axes, found = len(dataset.shape), array("q")
    dataset.id.chunk_iter(lambda one: found.extend((*one.chunk_offset, one.byte_offset, one.size, one.filter_mask)))
    chunks = np.array(found, np.int64).reshape(-1, axes + 3)
    chunks = chunks[np.lexsort(chunks[:, :axes].T[::-1])]
    sizes = list(zip(dataset.shape, dataset.chunks, strict=True))
    if len(chunks) != math.prod(-(-size // step) for size, step in sizes):
        raise ValueError("other chunks than there are")
    grid = [np.arange(0, size, step) for size, step in sizes]
    places = np.stack(np.meshgrid(*grid, indexing="ij"), -1).reshape(-1, axes)
    ends = chunks[:, axes] + chunks[:, axes + 1]
    if not np.array_equal(chunks[:, :axes], places) or chunks[:, axes:].min() < 0:
        raise ValueError("chunks out of place")
    if ends.max() > os.path.getsize(dataset.file.filename):
        raise ValueError("a chunk beyond the end of the file")
    return chunks


def blocks(dataset: Object, start: int, stop: int) -> Iterator[NDArray[Any]]:
    """Rows start … stop − 1, some at a time; raises ValueError where a chunk does not hold what it should."""
    if dataset.chunks is None:
        step = max(1, BLOCK_BYTES // max(1, dataset.nbytes // dataset.shape[0]))
        for first in range(start, stop, step):
            yield dataset[first : min(first + step, stop)]
        return
    layout = dataset.id.get_create_plist()
    filters = [layout.get_filter(number)[0] for number in range(layout.get_nfilters())]
    ours = _same_type(dataset) and set(filters) <= {DEFLATE, SHUFFLE}
    chunks, rows = chunks_of(dataset), dataset.chunks[0]
    for first in range(start - start % rows, stop, rows):
        band = chunks[slice(*np.searchsorted(chunks[:, 0], [first, first + 1]))]
        parts = [_decoded(dataset, filters, chunk.tolist()) for chunk in band]
        end = min(first + rows, dataset.shape[0])
        whole = _joined(dataset, band, parts, end - first) if ours else dataset[first:end]
        yield np.ascontiguousarray(whole[max(start - first, 0) : stop - first])


def _joined(dataset: Object, band: NDArray[np.int64], parts: list[bytes | None], rows: int) -> NDArray[Any]:
    """The rows that these chunks hold side by side."""
    joined = np.empty((rows, *dataset.shape[1:]), dataset.dtype)
    axes = len(dataset.shape)
    for chunk, part in zip(band[:, 1:axes].tolist(), parts, strict=True):
        assert part is not None  # only of filters that are not known here
        values = np.frombuffer(part, dataset.dtype).reshape(dataset.chunks)
        there = tuple(slice(at, at + size) for at, size in zip(chunk, dataset.chunks[1:], strict=True))
        target = joined[(slice(None), *there)]
        target[...] = values[tuple(slice(0, size) for size in target.shape)]
    return joined


def _decoded(dataset: Object, filters: list[int], chunk: list[int]) -> bytes | None:
    """What is in a chunk, None where a filter of it is not known here; raises ValueError for another size than its own.

    libhdf5 does not look, and reads on behind the end of what was too short.
    """
    offset, stored, left_out = chunk[-3:]
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    with open(dataset.file.filename, "rb") as file:
        file.seek(offset)
        content: bytes | None = file.read(stored)
    for number, kind in reversed(list(enumerate(filters))):
        if content is None or left_out >> number & 1:
            continue
        if kind == DEFLATE:
            content = _inflated(content, size)
        elif kind == SHUFFLE:
            content = _unshuffled(content, dataset.dtype.itemsize)
        elif kind == FLETCHER32:
            content = content[:-4]
        elif kind == LZF and _lzf_size(content) != size:
            raise ValueError("a chunk of another size")
        else:
            content = None
    if content is not None and len(content) != size:
        raise ValueError("a chunk of another size")
    return content


def _inflated(content: bytes, size: int) -> bytes:
    if size + 4 > MOST_DEFLATED * len(content):
        raise ValueError("a chunk of another size")
    unpacking = zlib.decompressobj()
    # A checksum may follow in what was packed
    found = unpacking.decompress(content, size + 5)
    if not unpacking.eof:
        raise ValueError("a chunk of another size")
    return found


def _unshuffled(content: bytes, width: int) -> bytes:
    """The bytes of each value side by side again; what is left over stays at the end."""
    whole = len(content) - len(content) % width
    values = np.frombuffer(content, np.uint8, whole).reshape(width, -1)
    return values.T.tobytes() + content[whole:]


def _lzf_size(content: bytes) -> int:
    """How many bytes LZF makes of these, as LibLZF's format says; raises ValueError where they end too soon."""
    at = size = 0
    while at < len(content):
        control = content[at]
        if control < 32:
            size, at = size + control + 1, at + control + 2
        else:
            long = control >> 5 == 7
            if long and at + 1 >= len(content):
                raise ValueError("cut short")
            size += (control >> 5) + 2 + (content[at + 1] if long else 0)
            at += 3 if long else 2
    if at != len(content):
        raise ValueError("cut short")
    return size
