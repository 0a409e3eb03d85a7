"""Datasets in HDF5 files of any program. Links are not followed, and nothing outside the file is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path

from dnf_studio.core.data.arrays import ArrayInfo, array_table, choose_array
from dnf_studio.core.data.hdf5_reading import SIGNATURE, Hdf5File, Hdf5Object, hdf5_file
from dnf_studio.core.data.table import MOST_HELD, Rows, Table, array_fault, gigabytes
from dnf_studio.errors import DataError


def list_hdf5(path: Path) -> tuple[ArrayInfo, ...]:
    """The datasets of a file in the order of their names, those in groups included."""
    with _opened(path) as file:
        return _infos(file)


def read_hdf5(path: Path, selection: str | None, label: str | None = None) -> Table:
    """The chosen dataset, left where it is, or held where it lies in the file in another form than rows of numbers."""
    with _opened(path) as file:
        info, columns = choose_array(path, _infos(file), selection)
        values: Rows | None = file.rows(info.name)
        mapped = values is not None
        if values is None:
            values = file.values(info.name)
    return array_table(path, values, info.name, columns, mapped, label)


@contextmanager
def _opened(path: Path) -> Iterator[Hdf5File]:
    """The file, opened for reading; whatever is wrong in it is one sentence."""
    with path.open("rb") as raw:
        # What comes before an HDF5 file is as long as a power of two
        places = [0, *takewhile(path.stat().st_size.__gt__, (512 << number for number in count()))]
        if not any(raw.seek(place) == place and raw.read(len(SIGNATURE)) == SIGNATURE for place in places):
            raise DataError(f"'{path}' is not an HDF5 file.")
    with hdf5_file(path, DataError, f"'{path}' is damaged or cut short and cannot be read.") as file:
        yield file


def _infos(file: Hdf5File) -> tuple[ArrayInfo, ...]:
    """Every dataset that hard links lead to, each once; other links as what cannot be used."""
    found = file.contents.objects
    return tuple(_info(name, one) for name, one in found.items() if one.kind != "group")


def _info(name: str, found: Hdf5Object) -> ArrayInfo:
    """What a dataset is by its header."""
    facts = found.facts
    if found.kind == "link":
        return ArrayInfo(name, (), "", "is a link, which is not followed")
    if found.shape is None:
        return ArrayInfo(name, (), "", "is empty")
    if facts["type"] is None:
        return ArrayInfo(name, found.shape, "", "holds values of a type that is not known here")
    return ArrayInfo(name, found.shape, facts["type_name"], _fault(found), facts["scale"])


def _fault(found: Hdf5Object) -> str:
    """Why a dataset is no table of this very file, as the rest of a sentence; HDF5 itself holds no pickles."""
    facts, dtype = found.facts, found.dtype
    if facts["object"]:
        return f"holds {'text' if facts['text'] else 'references or rows of different lengths'}, not real numbers"
    if dtype is None:
        return f"holds values of type {facts['type_name']}, not real numbers"
    if fault := array_fault(found.shape or (), dtype):
        return fault
    if facts["elsewhere"]:
        return "lies in other files, which are not opened"
    if facts["written"] != "whole":
        return "was never written" if facts["written"] == "not" else "was not written to its end"
    if {"offset", "chunk"} & facts.keys() or found.nbytes <= MOST_HELD:
        return ""
    return (
        f"takes {gigabytes(found.nbytes)} and is compressed or stored in pieces of rows; "
        "write it without compression, in chunks of whole rows"
    )
