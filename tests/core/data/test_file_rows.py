"""Rows that stay in their file, and what becomes of them when somebody else writes to it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dnf_studio.core.data import file_rows
from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.readers import read_table
from dnf_studio.errors import DataError
from tests.core.data.files import ROWS, npy

PLACES = (slice(None), slice(3, 120), slice(5, 5), np.array([0, 0, 4, 5, 6, 9, 199]), np.empty(0, np.int64))


def pieces(path: Path) -> FileRows:
    """Twenty rows in each piece, the pieces in no order, and a column that is none of the table's."""
    wide = np.column_stack([ROWS, np.zeros(len(ROWS))])
    order = np.random.default_rng(0).permutation(10)
    path.write_bytes(b"head" + b"".join(wide[20 * i : 20 * i + 20].tobytes() for i in order))
    offsets = 4 + np.argsort(order).astype(np.int64) * 20 * 4 * 8
    return FileRows(path, ROWS.dtype, ROWS.shape, offsets, (20, 4))


@pytest.mark.parametrize("positioned", [True, False])
@pytest.mark.parametrize("places", PLACES)
def test_they_are_those_of_the_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: slice | NDArray[np.int64], positioned: bool
) -> None:
    monkeypatch.setattr(file_rows, "MOST_BYTES", 100)
    if not positioned:
        monkeypatch.setattr(FileRows, "_at", FileRows._at_moving)
    columns = read_table(npy(tmp_path / "f.npy", np.asfortranarray(ROWS))).values
    for rows in (read_table(npy(tmp_path / "c.npy", ROWS)).values, columns, pieces(tmp_path / "a.bin")):
        assert isinstance(rows, FileRows)
        assert np.array_equal(rows[places], ROWS[places])


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_file_that_is_cut_off_meanwhile_costs_a_sentence(tmp_path: Path, order: str) -> None:
    """Mapped, it ended the process by SIGBUS."""
    path = Path(npy(tmp_path / "a.npy", np.asarray(ROWS, order=order)))  # type: ignore[call-overload]
    rows = read_table(str(path)).values
    os.truncate(path, 200)
    with pytest.raises(DataError, match="was changed while it was read"):
        rows[slice(100, 120)]
    # Cut off between the look at its size and the reading
    rows._state = rows._state_now()  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="was cut short while it was read"):
        rows[slice(100, 120)]


def test_a_file_that_is_written_anew_in_its_place_is_another_one(tmp_path: Path) -> None:
    path = Path(npy(tmp_path / "a.npy", ROWS))
    rows = read_table(str(path)).values
    os.utime(path, ns=(0, 1))
    with pytest.raises(DataError, match="was changed while it was read"):
        rows[slice(1)]
    # One that is put into its place leaves that which is read as it is
    rows = read_table(str(path)).values
    os.replace(npy(tmp_path / "b.npy", -ROWS), path)
    assert np.array_equal(rows[slice(9)], ROWS[:9])
