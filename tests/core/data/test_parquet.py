"""Parquet tables."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.core.data import parquet_file
from dnf_studio.core.data.tables import open_table
from dnf_studio.errors import DataError
from tests.core.data.files import ROWS, as_csv, complaint, text


def parquet(path: Path, columns: dict[str, object], **settings: object) -> str:
    pq.write_table(pa.table(columns), path, **settings)
    return str(path)


def test_it_agrees_with_csv(tmp_path: Path) -> None:
    source = parquet(tmp_path / "a.parquet", dict(zip("xyz", ROWS.T, strict=True)), row_group_size=37)
    alone = open_table(text(tmp_path / "a.csv", as_csv(ROWS, header="x,y,z\n")))
    assert open_table(source).fingerprint == alone.fingerprint
    assert open_table(f"{source}::z,0").columns == ("z", "x")
    assert open_table(f"{source}::y").dim == 1


def test_types_of_numbers(tmp_path: Path) -> None:
    values = np.arange(40) % 7
    columns = {
        "i8": pa.array(values, pa.int8()),
        "u64": pa.array(values**2, pa.uint64()),
        "f16": pa.array((values**3).astype(np.float16)),
        "flag": pa.array(values > 3),
        "money": pa.array([Decimal(int(v) ** 4) for v in values], pa.decimal128(9, 2)),
        "a.b": pa.array(values**5 * 1.0),
    }
    data = open_table(parquet(tmp_path / "a.parquet", columns))
    assert data.columns == tuple(columns)
    rows = data.standardisation.to_data(data.train.double()).numpy().round(2)
    np.testing.assert_allclose(rows[:, 4], rows[:, 0] ** 4, rtol=1e-4)
    np.testing.assert_allclose(rows[:, 5], rows[:, 0] ** 5, rtol=1e-4)


@pytest.mark.parametrize(
    ("column", "part"),
    [
        (["a", "b"] * 20, "Column 'w' of"),
        ([None, "b"] * 20, "holds text, not numbers"),
        (pa.array(["a", "b"] * 20).dictionary_encode(), "holds text, not numbers"),
        ([[1.0], [2.0, 3.0]] * 20, "holds values of type list<"),
        ([datetime.timedelta(1)] * 40, "holds values of type duration[us], not real numbers"),
        (
            [1.0, None] * 20,
            "values that are missing or not finite, the first in row 1 (counted from 0)",
        ),
        ([1, None] * 20, "20 values that are missing or not finite"),
        ([3, 3] * 20, "Column 'w' of"),
    ],
)
def test_columns_that_are_refused(tmp_path: Path, column: object, part: str) -> None:
    source = parquet(tmp_path / "a.parquet", {"x": ROWS[:40, 0], "w": column})
    assert part in complaint(source)
    assert open_table(f"{source}::x").dim == 1


def test_columns_of_one_name_are_told_apart_by_number(tmp_path: Path) -> None:
    table = pa.table([pa.array(ROWS[:, i]) for i in (0, 2, 1)], names=["x", "a", "x"])
    pq.write_table(table, tmp_path / "a.parquet")
    assert "has 2 columns named 'x'; choose by number, 0 and 2." in complaint(f"{tmp_path / 'a.parquet'}::x")
    np.testing.assert_allclose(open_table(f"{tmp_path / 'a.parquet'}::2").standardisation.mean, -2, atol=0.1)
    everything = open_table(str(tmp_path / "a.parquet"))
    np.testing.assert_allclose(everything.standardisation.mean, (5, 100, -2), rtol=0.1)


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = parquet(tmp_path / "a.parquet", {"x": ROWS[:, 0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert complaint(source).endswith("needs pyarrow; install it with pip install 'dnf-studio[parquet]'.")


def test_what_would_fill_the_memory_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = parquet(tmp_path / "a.parquet", {"x": np.zeros(10**6), "y": np.ones(10**6)})
    monkeypatch.setattr(parquet_file, "MOST_HELD", 10**7)
    assert "takes 0.016 GB when it is unpacked; save it as .npy or choose fewer columns" in complaint(source)


def test_every_truncation_is_one_sentence(tmp_path: Path) -> None:
    whole = Path(parquet(tmp_path / "a.parquet", {"x": ROWS[:, 0]})).read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / "b.parquet").write_bytes(whole[:length])
        assert "is no sound Parquet file" in complaint(str(tmp_path / "b.parquet"))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), byte=st.integers(0, 255))
def test_damage_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, byte: int) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.parquet"
    content = bytearray(Path(parquet(path, {"x": ROWS[:9, 0], "y": ROWS[:9, 1]})).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = byte
    path.write_bytes(content)
    try:
        open_table(str(path), drop_constant=True)
    except DataError as error:
        assert str(error).endswith(".") and "\n" not in str(error)


def test_another_number_of_rows_in_the_footer_is_damage(tmp_path: Path) -> None:
    columns = {"a": np.arange(60.0), "b": np.arange(60.0) ** 2, "kind": ["a", "b"] * 30}
    whole, told = Path(parquet(tmp_path / "a.parquet", columns)).read_bytes(), set()
    # Sixty as the footer writes it
    for at in (at for at in range(len(whole) // 2, len(whole)) if whole[at] == 120):
        (tmp_path / "b.parquet").write_bytes(whole[:at] + bytes([56]) + whole[at + 1 :])
        try:
            table = open_table(str(tmp_path / "b.parquet") + "::a,b", label="kind")
            told.add(str(table.fingerprint is not None))
        except DataError as error:
            told.add(str(error).partition("' ")[2])
    assert told <= {"True", "is no sound Parquet file: it is damaged or cut short."} and len(told) == 2


def test_too_many_columns_are_refused_by_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "MOST_COLUMNS", 2)
    source = parquet(tmp_path / "a.parquet", {name: [1.0, 2.0, 4.0] for name in "abc"})
    assert "3 columns, more than the 2 that are read" in complaint(f"{source}::a")
