"""HDF5 files that are wrong on purpose: the process that looks into them may die, this one says a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnf_studio.core.data import hdf5_contents, hdf5_process, hdf5_reading
from dnf_studio.core.data.readers import list_arrays, read_table
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DataError, ExportError
from tests.core.data.files import ROWS
from tests.core.storage.files import make_flow

apart = pytest.mark.apart
WAYS = {
    "whole": {},
    "rows": {"chunks": (7, 3)},
    "pieces": {"chunks": (7, 2)},
    "packed": {"chunks": (60, 2), "compression": "gzip", "shuffle": True},
    "summed": {"chunks": (60, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "quick": {"chunks": (60, 2), "compression": "lzf"},
    "scaled": {"chunks": (60, 3), "scaleoffset": 0, "dtype": np.int32},
}


def packed(folder: Path, **options: object) -> Path:
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=ROWS, **options)
    return path


def with_chunk(path: Path, content: bytes, left_out: int = 0) -> None:
    """Put `content` in the place of the first chunk of ``x``."""
    with h5py.File(path, "r+") as file:
        file["x"].id.write_direct_chunk((0, 0), content, left_out)


@apart
def test_values_are_those_that_were_written_however_they_lie_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    expected = {name: ROWS.astype(options.get("dtype", np.float64)) for name, options in WAYS.items()}
    with h5py.File(path, "w") as file:
        for name, options in WAYS.items():
            file.create_dataset(name, data=expected[name], **options)
        file["big"] = expected["big"] = ROWS.astype(">f4")
    assert {one.name: one.problem for one in list_arrays(path)} == dict.fromkeys(expected, "")
    with hdf5_reading.hdf5_file(path, DataError, "damaged") as opened:
        for name, values in expected.items():
            lying = opened.rows(name)
            assert (lying is not None) == (name in ("whole", "rows", "big"))
            if lying is not None:
                assert np.array_equal(lying[slice(5, 193)], values[5:193])
                assert np.array_equal(lying[np.array([0, 0, 7, 8, 199])], values[[0, 0, 7, 8, 199]])
            assert np.array_equal(opened.values(name, 61, 130), values[61:130])


SHORT: list[tuple[dict[str, object], Callable[[bytes], bytes], int]] = [
    ({"compression": "gzip"}, lambda raw: zlib.compress(raw[:-8]), 0),
    ({"compression": "gzip"}, lambda raw: zlib.compress(raw + bytes(8)), 0),
    ({"compression": "gzip"}, lambda raw: zlib.compress(raw)[:-9], 0),
    ({"compression": "gzip", "fletcher32": True}, lambda raw: zlib.compress(raw[:-8]) + bytes(4), 2),
    ({"compression": "gzip"}, lambda raw: raw[:100], 1),
    ({"compression": "lzf"}, lambda raw: b"\x1f" + raw[:32], 0),
    ({"compression": "lzf"}, lambda raw: b"\x1f" + raw[:9], 0),
]


@pytest.mark.parametrize(("options", "content", "left_out"), SHORT)
def test_a_chunk_of_another_size_is_no_data(
    tmp_path: Path, options: dict[str, object], content: Callable[[bytes], bytes], left_out: int
) -> None:
    """libhdf5 read what lay in memory behind it, or died of that."""
    chunk = (50, 2)  # of a part of the columns, so that the library reads it
    path = packed(tmp_path, chunks=chunk, **options)
    with_chunk(path, content(ROWS[:50, :2].tobytes()), left_out)
    with pytest.raises(DataError, match="is damaged or cut short"):
        read_table(str(path))


@apart
def test_a_chunk_that_inflates_short_costs_a_sentence_by_every_way(tmp_path: Path) -> None:
    path = packed(tmp_path, chunks=(200, 3), compression="gzip")
    with_chunk(path, zlib.compress(bytes(8)))
    with pytest.raises(DataError, match="is damaged or cut short"):
        read_table(str(path))
    export = tmp_path / "export.h5"
    list(export_samples(make_flow(), export, ExportPlan(50, compress=True)))
    with h5py.File(export, "r+") as file:
        file["samples"].id.write_direct_chunk((0, 0), zlib.compress(bytes(4)))
    with pytest.raises(ExportError, match="is damaged or truncated"):
        read_rows(export)


@pytest.mark.parametrize("compression", ["gzip", None])
def test_promised_sizes_cost_nothing(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        large = file.create_dataset("x", (1 << 27, 1), np.float64, chunks=(1 << 27, 1), compression=compression)
        large.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 16)) if compression else bytes(1 << 16))
    with pytest.raises(DataError, match="is damaged or cut short"):
        read_table(str(path))


@pytest.mark.parametrize(
    ("program", "patience", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 60, "is damaged or cut short"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", 60, "took too long and was given up"),
        ("import time; time.sleep(60)", 0.1, "took too long and was given up"),
        ("print('nonsense')", 60, "is damaged or cut short"),
        ('import sys; sys.stdin.readline(); print(\'{"fault": "busy"}\')', 60, "another program is writing it"),
    ],
)
@apart
def test_whatever_becomes_of_the_other_process_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, patience: float, reason: str
) -> None:
    path = packed(tmp_path)
    other = tmp_path / "program.py"
    other.write_text(program)
    monkeypatch.setattr(hdf5_process, "PROGRAM", other)
    monkeypatch.setattr(hdf5_process, "PATIENCE", patience)
    with pytest.raises(DataError, match=reason):
        read_table(str(path))


@apart
def test_nothing_of_the_folder_that_a_person_is_in_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path)
    (tmp_path / "h5py.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert len(read_table(str(path))) == len(ROWS)


def test_a_file_that_this_process_wrote_starts_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_reading, "_own", set())
    monkeypatch.delattr(hdf5_reading, "LibraryApart")
    export = tmp_path / "export.h5"
    list(export_samples(make_flow(), export, ExportPlan(50)))
    assert read_rows(export).shape == (50, 2)
    with pytest.raises(NameError):
        read_table(str(packed(tmp_path)))


def test_lzf_is_measured_as_its_library_unpacks_it() -> None:
    literal, short, long = b"\x02abc", b"\x40\x00", b"\xe0\x05\x00"
    assert hdf5_contents._lzf_size(literal + short + long) == 3 + 4 + 14
    for cut in (literal[:-1], literal + short[:-1], literal + long[:-1], literal + long[:1]):
        with pytest.raises(ValueError, match="cut short"):
            hdf5_contents._lzf_size(cut)
