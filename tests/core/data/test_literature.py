"""The tables of the literature, on small files of the same form: columns, noise, splits and constants by hand."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.row_sets import TableDataset
from dnf_studio.errors import DataError

RANDOM = np.random.default_rng(0)


def opened(source: object) -> TableDataset:
    data = open_dataset(str(source))
    assert isinstance(data, TableDataset)
    return data


def in_data_units(data: TableDataset) -> list[np.ndarray]:
    """Rows to train, to validate and to test on, sorted."""
    parts = (data.train, data.validation(10**9, 0), data.fresh(10**9, 0))
    rows = [data.standardisation.to_data(part.double()).numpy() for part in parts]
    return [part[np.lexsort(part.T)] for part in rows]


def expect(data: TableDataset, parts: list[np.ndarray], constants: np.ndarray, ddof: int) -> None:
    """These splits, standardised so."""
    np.testing.assert_allclose(data.standardisation.mean, constants.mean(0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(data.standardisation.scale, constants.std(0, ddof=ddof), rtol=1e-9)
    for found, part in zip(in_data_units(data), parts, strict=True):
        np.testing.assert_allclose(found, part[np.lexsort(part.T)], rtol=1e-4, atol=1e-4)


def tenths(rows: np.ndarray) -> list[np.ndarray]:
    test = int(0.1 * len(rows))
    rest, last = rows[:-test], rows[-test:]
    validation = int(0.1 * len(rest))
    return [rest[:-validation], rest[-validation:], last]


def test_power_is_shuffled_dequantised_and_loses_two_columns(tmp_path: Path) -> None:
    rows = np.round(RANDOM.normal(size=(500, 8)) * [1, 1, 5, 10, 9, 9, 9, 400], 3)
    np.save(tmp_path / "data.npy", rows)
    data = opened(f"{tmp_path / 'data.npy'}::as=power")
    random, mixed = np.random.RandomState(42), rows.copy()
    random.shuffle(mixed)
    mixed = np.delete(mixed, (1, 3), axis=1)
    voltage, active, meters = random.rand(500, 1), random.rand(500, 1), random.rand(500, 3)
    mixed += np.hstack((0.001 * active, 0.01 * voltage, meters, np.zeros((500, 1))))
    parts = tenths(mixed)
    assert data.dim == 6 and [len(part) for part in parts] == [405, 45, 50]
    expect(data, parts, np.vstack(parts[:2]), 0)
    assert "405 rows to train, 45 to validate and 50 to test on" in data.about


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".csv"])
def test_gas_drops_what_correlates_until_nothing_does(tmp_path: Path, suffix: str) -> None:
    sensors = RANDOM.normal(size=(300, 16))
    sensors[:, 4] = sensors[:, 9] + 0.01 * RANDOM.normal(size=300)
    sensors[:, 7] = sensors[:, 12] = 2 * sensors[:, 15]
    sensors[:, 1] = -sensors[:, 2]  # against each other, which MAF leaves
    whole = np.hstack((np.arange(300)[:, None], RANDOM.normal(size=(300, 2)), sensors))
    names = ["Time", "Meth", "Eth", *(f"R{k}" for k in range(16))]
    path = tmp_path / f"ethylene{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(names, whole.T, strict=True))), path)
    elif suffix == ".csv":
        np.savetxt(path, whole, delimiter=",", header=",".join(names), comments="")
    else:
        np.save(path, whole)
    data = opened(f"{path}::as=gas")
    kept = [k for k in range(16) if k not in (4, 7, 12)]
    if suffix != ".npy":
        assert data.columns == tuple(f"R{k}" for k in kept)
    expect(data, tenths(sensors[:, kept]), sensors[:, kept], 1)


def test_hepmass_keeps_the_signal_and_columns_that_do_not_repeat(tmp_path: Path) -> None:
    def write(name: str, count: int, extra: int) -> np.ndarray:
        values = RANDOM.normal(size=(count, 5 + extra))
        values[:, 2] = np.maximum(values[:, 2], 0)  # many zeros
        values[:5, 3] = values[:, 3].min()
        labels = (RANDOM.random(count) < 0.6).astype(float)
        labels[:5] = 1
        header = ",".join(["# label", *(f"f{k}" for k in range(5 + extra))])
        np.savetxt(tmp_path / name, np.column_stack((labels, values)), delimiter=",", header=header, comments="")
        return values[labels == 1][:, [0, 1, 3, 4]]

    train, test = write("1000_train.csv", 400, 0), write("1000_test.csv", 90, 1)
    data = opened(f"{tmp_path / '1000_train.csv'}::as=HEPMASS")
    assert data.columns == ("f0", "f1", "f3", "f4")
    held = int(0.1 * len(train))
    expect(data, [train[:-held], train[-held:], test], train, 1)


def test_miniboone_is_split_in_its_order(tmp_path: Path) -> None:
    rows = RANDOM.normal(size=(200, 43))
    np.save(tmp_path / "data.npy", rows)
    parts = tenths(rows)
    data = opened(f"{tmp_path / 'data.npy'}::as=miniboone")
    expect(data, parts, np.vstack(parts[:2]), 0)
    assert torch.equal(data.fresh(7, 3), data.fresh(7, 3)) and len(data.validation(5, 0)) == 5
    again = opened(f"{tmp_path / 'data.npy'}::as=miniboone")
    assert again.fingerprint == data.fingerprint


def test_bsds300_brings_its_splits(tmp_path: Path) -> None:
    parts = [RANDOM.normal(size=(count, 63)) for count in (80, 20, 30)]
    with h5py.File(tmp_path / "BSDS300.hdf5", "w") as file:
        for name, part in zip(("train", "validation", "test"), parts, strict=True):
            file[name] = part
    data = opened(f"{tmp_path / 'BSDS300.hdf5'}::as=bsds300")
    assert data.dim == 63
    expect(data, parts, parts[0], 0)


def refused(source: str) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(source)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return str(caught.value)


def test_files_of_another_form_are_told(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    np.save(path, RANDOM.normal(size=(50, 5)))
    assert "has 5 columns, and the table of power has 8" in refused(f"{path}::as=power")
    assert "has 5 columns besides Time, Meth and Eth" in refused(f"{path}::as=gas")
    assert "must be the training file of hepmass" in refused(f"{path}::as=hepmass")
    assert "cannot be read as 'mnist'; known are power, gas, hepmass" in refused(f"{path}::as=mnist")
    (tmp_path / "x.text").write_text("1 2")
    assert "not a kind of data file" in refused(f"{tmp_path / 'x.text'}::as=power")
    (tmp_path / "ethylene_CO.pickle").write_bytes(b"\x80")
    assert "is a pickle, which is never opened" in refused(f"{tmp_path / 'ethylene_CO.pickle'}::as=gas")
    assert "There is no file" in refused(f"{tmp_path / 'gone.npy'}::as=power")
    np.save(path, RANDOM.normal(size=(9, 8)))
    assert "too few rows to train, validate and test on" in refused(f"{path}::as=miniboone")
    rows = RANDOM.normal(size=(50, 8))
    rows[:, 2] = 3
    np.save(path, rows)
    assert "Column 'column 2' of" in refused(f"{path}::as=miniboone")
    rows[7, 1] = np.nan
    np.save(path, rows)
    assert "not finite" in refused(f"{path}::as=power")


def test_hepmass_needs_its_test_file(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "1000_train.csv", np.ones((9, 3)), delimiter=",", header="a,b,c", comments="")
    assert "1000_test.csv" in refused(f"{tmp_path / '1000_train.csv'}::as=hepmass")


def test_without_the_words_a_file_is_read_as_before(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", RANDOM.normal(size=(50, 8)))
    plain = open_dataset(str(tmp_path / "data.npy"))
    assert isinstance(plain, TableDataset) and plain.rule is not None
    assert plain.dim == 8
