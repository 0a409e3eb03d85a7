"""Rows that stay in their file are the same rows."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from dnf_studio.core.data import tables
from dnf_studio.core.data.row_sets import SPLIT_SEED, MappedRows, Split, held_out_rows
from dnf_studio.core.data.tables import open_table
from tests.core.data.files import RANDOM, complaint, held_out_one, npy

VALUES = np.column_stack([RANDOM.normal([5.0, -2.0, 1e6], [1.0, 0.1, 30.0], (40_000, 3)), np.ones(40_000)])


def files(folder: Path) -> list[str]:
    """The same rows in every kind of file that can be mapped."""
    np.save(folder / "c.npy", VALUES)
    np.save(folder / "f.npy", np.asfortranarray(VALUES))
    np.savez(folder / "a.npz", x=VALUES)
    with h5py.File(folder / "a.h5", "w") as file:
        file["whole"] = VALUES
        file.create_dataset("chunked", data=VALUES, chunks=(999, 4))
    names = ("c.npy", "f.npy", "a.npz", "a.h5::whole", "a.h5::chunked")
    return [str(folder / name) for name in names]


@pytest.mark.parametrize("selection", ["", "2,0"])
def test_it_equals_the_way_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: str) -> None:
    for source in files(tmp_path):
        name = source if not selection else f"{source}::{'x::' if source.endswith('npz') else ''}{selection}"
        held = open_table(name, drop_constant=True)
        with monkeypatch.context() as patch:
            patch.setattr(tables, "LARGE", 0)
            mapped = open_table(name, drop_constant=True)
        assert isinstance(held.train, torch.Tensor) and isinstance(mapped.train, MappedRows)
        assert mapped.fingerprint == held.fingerprint
        assert (mapped.name, mapped.columns, mapped.dim) == (held.name, held.columns, held.dim)
        assert mapped.standardisation == held.standardisation
        for count in (1, 5000):
            drawn = [data.draw(count, torch.Generator().manual_seed(3)) for data in (held, mapped)]
            assert torch.equal(*drawn) and drawn[1].dtype == torch.float32
        assert mapped.rule == held.rule and mapped.rows == held.rows and 0 not in held.rows
        assert torch.equal(held.validation(500, 1), mapped.validation(500, 1))
        for count, seed in ((100, 0), (100, 1), (4000, 0), (10**6, 0)):
            assert torch.equal(held.fresh(count, seed), mapped.fresh(count, seed))
        assert mapped.entropy is None and mapped.log_density(torch.zeros(1, mapped.dim)) is None


def test_large_tables_are_left_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = npy(tmp_path / "a.npy", RANDOM.normal(size=(1_000_000, 2)).astype(np.float32))
    monkeypatch.setattr(tables, "LARGE", 1 << 20)
    tracemalloc.start()
    data = open_table(source)
    data.draw(256, torch.Generator())
    used, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(data.train, MappedRows)
    # The file has 8 MB; what stays is where its 200,000 held-out rows are
    assert used < 2_500_000 and peak < 8_000_000


def test_copies_and_wrong_values_are_found_in_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGE", 0)
    copied = VALUES[:, [0, 1, 0]]
    assert "Column 'column 2'" in complaint(npy(tmp_path / "a.npy", copied))
    wrong = VALUES[:, :2].copy()
    wrong[30_000, 1] = np.nan
    assert "in row 30000 (counted from 0), column 'column 1'" in complaint(npy(tmp_path / "b.npy", wrong))
    far = RANDOM.normal(size=40) * 1e-20
    far[0] = held_out_one(1e38 + 1e36 * np.arange(100.0)[:, None])[0]
    assert "held-out row immeasurably far" in complaint(npy(tmp_path / "c.npy", far))


def test_what_is_packed_is_held_however_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGE", 0)
    np.savez_compressed(tmp_path / "a.npz", x=VALUES[:, :2])
    assert zipfile.is_zipfile(tmp_path / "a.npz")
    assert isinstance(open_table(str(tmp_path / "a.npz")).train, torch.Tensor)


@pytest.mark.parametrize("count", [3, 10, 19, 20, 1001, 70_000])
def test_the_split_is_the_one_of_a_permutation(count: int) -> None:
    held_out = held_out_rows(count)
    old = np.random.RandomState(SPLIT_SEED).permutation(count)[: max(1, count // 10)]
    assert held_out.tolist() == sorted(old.tolist())
    split = Split(count, held_out)
    train = np.setdiff1d(np.arange(count), held_out)
    assert split.train_count == len(train)
    assert split.train_rows(np.arange(len(train))).tolist() == train.tolist()
    assert np.flatnonzero(split.trains(slice(0, count))).tolist() == train.tolist()
    middle = slice(count // 3, count - 1)
    expected = train[(train >= middle.start) & (train < middle.stop)] - middle.start
    assert np.flatnonzero(split.trains(middle)).tolist() == expected.tolist()
