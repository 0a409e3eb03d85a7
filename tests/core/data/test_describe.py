"""What is said of a file before it is opened agrees with what opening it says."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.core.data import describe as describing
from dnf_studio.core.data.describe import BINS, Description, describe, source_of
from dnf_studio.core.data.tables import open_table
from dnf_studio.errors import DataError
from tests.core.data.files import ROWS, as_csv, held_out_one, npy, text

NAMES = "good,kind,gap,flat,copy,offset,huge,twice"


def troubled() -> str:
    """A table whose columns are named after what is wrong with them."""
    lines = []
    for i, (x, y, z) in enumerate(ROWS.tolist()):
        kind, gap, huge = "cat" if i == 7 else i, "" if i % 4 == 0 else y, 1e39 if i == 3 else z
        lines.append(",".join(map(str, (x, kind, gap, 0.1, x, 1e12 + i / 1e6, huge, 2 * x))))
    return "\n".join([NAMES, *lines])


def problems(description: Description) -> dict[str, str]:
    return {column.name: column.problem for column in description.columns}


def test_reasons_of_columns(tmp_path: Path) -> None:
    found = describe(Path(text(tmp_path / "a.csv", troubled())))
    assert (found.rows, found.width, found.partial, found.simple) == (200, 8, False, False)
    assert problems(found) == {
        "good": "",
        "kind": "holds the text 'cat' in line 9",
        "gap": "has 50 values missing or not finite",
        "flat": "is constant",
        "copy": "repeats column 'good'",
        "offset": "varies too little for single precision; subtract an offset or change its unit",
        "huge": "holds a value beyond ±3.4e38, the range of single precision",
        "twice": "repeats column 'good'",
    }


def test_numbers_of_columns(tmp_path: Path) -> None:
    for path in (npy(tmp_path / "a.npy", ROWS), text(tmp_path / "a.csv", as_csv(ROWS))):
        found = describe(Path(path))
        assert not found.arrays and found.inside is None and not found.simple
        for column, values in zip(found.columns, ROWS.T, strict=True):
            assert (column.low, column.high, column.missing) == (values.min(), values.max(), 0)
            assert column.mean == pytest.approx(values.mean())
            assert len(column.counts) == BINS and sum(column.counts) == 200
            expected = np.histogram(values, BINS)[0]
            assert np.abs(np.cumsum(column.counts) - np.cumsum(expected)).max() <= 1


def test_missing_values_leave_the_rest_measured(tmp_path: Path) -> None:
    values = ROWS[:, :2].copy()
    values[:50, 1], values[50, 1] = np.nan, np.inf
    gap = describe(Path(npy(tmp_path / "a.npy", values))).columns[1]
    assert gap.missing == pytest.approx(51 / 200) and sum(gap.counts) == 149
    assert gap.low == values[51:, 1].min() and gap.mean == pytest.approx(values[51:, 1].mean())
    nothing = describe(Path(npy(tmp_path / "b.npy", np.full((9, 1), np.nan)))).columns[0]
    assert nothing.missing == 1 and np.isnan(nothing.low) and sum(nothing.counts) == 0


@pytest.mark.parametrize(("columns", "simple"), [(1, True), (2, True), (3, False)])
def test_small_tables_are_simple(tmp_path: Path, columns: int, simple: bool) -> None:
    assert describe(Path(npy(tmp_path / "a.npy", ROWS[:, :columns]))).simple is simple
    np.savez(tmp_path / "a.npz", x=ROWS[:, :columns])
    assert describe(tmp_path / "a.npz").simple is simple


def test_arrays_of_a_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["few"], file["group/many"], file["cube"] = ROWS[:9], ROWS, np.zeros((2, 2, 2))
    found = describe(tmp_path / "a.h5")
    assert [(info.name, info.shape, bool(info.problem)) for info in found.arrays] == [
        ("cube", (2, 2, 2), True),
        ("few", (9, 3), False),
        ("group/many", (200, 3), False),
    ]
    assert found.inside == "group/many" and found.rows == 200 and not found.simple
    assert describe(tmp_path / "a.h5", "few").rows == 9
    with pytest.raises(DataError, match="has 3 dimensions"):
        describe(tmp_path / "a.h5", "cube")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["cube"] = np.zeros((2, 2, 2))
    assert describe(tmp_path / "b.h5").problem == "'b.h5' holds no table of real numbers."


def test_parquet(tmp_path: Path) -> None:
    columns = {"x": ROWS[:, 0], "kind": ["a"] * 200, "gap": [None, 1.0, 3.0, 2.0] * 50}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert problems(describe(tmp_path / "a.parquet")) == {
        "x": "",
        "kind": "holds text, not numbers",
        "gap": "has 50 values missing or not finite",
    }
    pq.write_table(pa.table({"kind": ["a"] * 200}), tmp_path / "b.parquet")
    assert problems(describe(tmp_path / "b.parquet")) == {"kind": "holds text, not numbers"}


def test_of_a_large_text_the_first_rows_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "MOST_CELLS", 0)
    lines = "".join(f"{i},{0 if i < 30_000 else 1}\n" for i in range(40_000))
    found = describe(Path(text(tmp_path / "a.csv", lines)))
    assert found.partial and found.rows == 16_384
    assert problems(found) == {"column 0": "", "column 1": ""}
    pq.write_table(pa.table({"x": np.arange(40_000.0)}), tmp_path / "a.parquet")
    assert describe(tmp_path / "a.parquet").partial


def test_very_many_columns_are_not_described(tmp_path: Path) -> None:
    found = describe(Path(npy(tmp_path / "a.npy", np.zeros((5, 2001)))))
    assert found.width == 2001 and found.columns == () and not found.simple
    assert source_of(found, range(2001)) == str(tmp_path / "a.npy")


def test_too_few_rows_and_bad_files(tmp_path: Path) -> None:
    assert "fewer than three rows" in describe(Path(npy(tmp_path / "a.npy", np.eye(2)))).problem
    for name in ("b.npy", "b.npz", "b.h5", "b.csv", "b.parquet"):
        (tmp_path / name).write_bytes(b"\x00\xff")
        with pytest.raises(DataError):
            describe(tmp_path / name)


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="was cancelled"):
        describe(Path(npy(tmp_path / "a.npy", ROWS)), cancelled=lambda: True)


def test_what_varies_in_held_out_rows_alone_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    """Which rows these are depends on the columns that are chosen."""
    values = np.column_stack([np.arange(40.0), np.ones(40)])
    values[0] = held_out_one(np.column_stack([np.arange(999.0), np.full(999, 2.0)]))
    path = Path(npy(tmp_path / "a.npy", values))
    assert problems(describe(path)) == {"column 0": "", "column 1": ""}
    with pytest.raises(DataError, match=r"'column 1' of .* is constant"):
        open_table(str(path))


class TestSources:
    def test_tables(self, tmp_path: Path) -> None:
        path = Path(text(tmp_path / "a.csv", as_csv(ROWS, header='x,"a,b",z\n')))
        found = describe(path)
        assert source_of(found, [0, 1, 2]) == str(path)
        assert source_of(found, [0, 2]) == f"{path}::x,z"
        assert source_of(found, [1, 2]) == f"{path}::1,z"
        assert open_table(source_of(found, [1, 2])).columns == ("a,b", "z")

    def test_arrays(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", x=ROWS)
        one = describe(tmp_path / "a.npz")
        assert source_of(one, [0, 1, 2]) == str(tmp_path / "a.npz")
        assert source_of(one, [2]) == f"{tmp_path / 'a.npz'}::x::2"
        np.savez(tmp_path / "b.npz", x=ROWS, y=ROWS)
        several = describe(tmp_path / "b.npz", "y")
        assert source_of(several, [0, 1, 2]) == f"{tmp_path / 'b.npz'}::y"
        assert open_table(source_of(several, [0, 2])).dim == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "1", "2", "nan", "x", "", "1e300", "-3"]), st.floats(-1e20, 1e20)),
        min_size=3,
        max_size=12,
    )
)
def test_a_column_that_is_refused_cannot_be_opened(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    lines = "a,b\n" + "".join(f"{a},{b!r}\n" for a, b in rows)
    path = Path(text(tmp_path_factory.mktemp("agree") / "a.csv", lines))
    found = describe(path)
    for i, column in enumerate(found.columns):
        if i == 1 and column.problem.startswith("repeats"):
            continue
        try:
            open_table(source_of(found, [i]))
        except DataError as error:
            # Where a column has few different values, what varies may all be held out
            told = ("constant", "different rows", "too little", "far")
            assert column.problem or any(word in str(error) for word in told)
        else:
            assert not column.problem


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(text(tmp_path / "a.csv", "x\n1\n2\n"))

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError) as caught:
        describe(path)
    assert str(caught.value) == f"Cannot read '{path}': permission denied."
