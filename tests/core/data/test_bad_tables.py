"""Every way in which a user's table can be wrong: each is one plain sentence."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.tables import DROP, open_table
from dnf_studio.errors import DataError
from tests.core.data.files import RANDOM, ROWS, as_csv, complaint, held_out_one, npy, text


class TestRefused:
    @pytest.mark.parametrize(
        ("values", "part"),
        [
            (np.ones((1, 2)), "holds one row; at least three"),
            (np.eye(2), "holds two rows; at least three"),
            (np.ones((0, 2)), "holds no rows"),
            (np.ones(0), "holds no rows"),
            (np.ones((5, 0)), "holds no columns"),
            (np.ones((5, 2, 2)), "has 3 dimensions"),
            (np.float64(3), "has 0 dimensions"),
            (ROWS.astype(complex), "holds values of type complex128, not real numbers"),
            (np.array([["a", "b"]] * 5), "holds values of type <U1, not real numbers"),
            (np.zeros(5, dtype=[("x", "f8")]), "not real numbers"),
            (np.arange(5).astype("M8[s]"), "not real numbers"),
            (np.array([1, None, "x"], dtype=object), "holds pickled Python objects, which are never opened"),
        ],
    )
    def test_arrays_that_are_no_table(self, tmp_path: Path, values: ArrayLike, part: str) -> None:
        assert part in complaint(npy(tmp_path / "a.npy", values, allow_pickle=True))

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite(self, tmp_path: Path, wrong: float) -> None:
        values = ROWS.copy()
        values[7, 1] = wrong
        place = "row 7 (counted from 0), column 'column 1'"
        assert f"has a value that is missing or not finite in {place}; leave out such rows with --missing" in complaint(
            npy(tmp_path / "a.npy", values)
        )
        values[9:11, 1] = wrong
        assert f"has 3 values that are missing or not finite, the first in {place}" in complaint(
            npy(tmp_path / "a.npy", values)
        )
        assert "in line 9, column 'y'" in complaint(text(tmp_path / "a.csv", as_csv(values, header="x,y,z\n")))
        assert open_table(npy(tmp_path / "b.npy", np.delete(values, [7, 9, 10], 0))).dim == 3

    def test_values_beyond_double_precision(self, tmp_path: Path) -> None:
        """NumPy warned of them."""
        values = ROWS.astype(np.longdouble)
        values[3, 2] = np.longdouble("1e400")
        assert "missing or not finite in row 3" in complaint(npy(tmp_path / "a.npy", values))

    def test_values_beyond_single_precision(self, tmp_path: Path) -> None:
        values = ROWS.copy()
        values[3, 2] = -1e39
        assert "beyond ±3.4e38, the range of single precision, in row 3" in complaint(npy(tmp_path / "a.npy", values))

    @pytest.mark.parametrize(("offset", "scale"), [(1e9, 1e-3), (0.0, 1e-41)])
    def test_spreads_that_single_precision_cannot_hold(self, tmp_path: Path, offset: float, scale: float) -> None:
        values = ROWS.copy()
        values[:, 1] = offset + scale * RANDOM.normal(size=200)
        assert "too little for single precision" in complaint(npy(tmp_path / "a.npy", values))
        assert "Column 'column 1'" in complaint(npy(tmp_path / "a.npy", values), drop_constant=True)

    def test_constant_columns(self, tmp_path: Path) -> None:
        values = np.column_stack([ROWS[:, 0], np.full(200, 0.1), ROWS[:, 1]])
        source = text(tmp_path / "a.csv", as_csv(values, header="x,pressure,z\n"))
        assert complaint(source) == f"Column 'pressure' of '{source}' is constant; drop it with {DROP}."
        assert open_table(source, drop_constant=True).columns == ("x", "z")
        assert open_dataset(source, drop_constant=True).columns == ("x", "z")
        assert "Every column" in complaint(source + "::pressure", drop_constant=True)
        assert "Every column" in complaint(source + "::pressure")
        many = npy(tmp_path / "b.npy", np.column_stack([values] + [np.ones(200)] * 6))
        assert "'column 1', 'column 3', 'column 4', 'column 5', 'column 6' and 2 more" in complaint(many)

    def test_a_column_that_varies_only_in_held_out_rows_is_constant(self, tmp_path: Path) -> None:
        values = np.column_stack([np.arange(40.0), np.ones(40)])
        values[0] = held_out_one(np.column_stack([np.arange(999.0), np.full(999, 2.0)]))
        assert "Column 'column 1'" in complaint(npy(tmp_path / "a.npy", values))

    def test_a_held_out_row_immeasurably_far_away(self, tmp_path: Path) -> None:
        values = np.random.default_rng(1).normal(size=40) * 1e-20
        values[0] = held_out_one(1e38 + 1e36 * np.arange(100.0)[:, None])[0]
        assert "held-out row immeasurably far" in complaint(npy(tmp_path / "a.npy", values))

    def test_copied_columns(self, tmp_path: Path) -> None:
        values = np.column_stack([ROWS, ROWS[:, 1]])
        assert "Column 'column 3'" in complaint(npy(tmp_path / "a.npy", values))
        assert open_table(str(tmp_path / "a.npy") + "::0,1,2").dim == 3

    @pytest.mark.parametrize(
        ("content", "part"),
        [
            ("", "is empty"),
            ("\n\n", "is empty"),
            ("x,y\n", "holds no rows"),
            ("x,y\n1,2\n", "holds one row"),
            ("x,y\n1,2\n3,4\n5\n", "has 1 value in line 4, but 2 in its first line"),
            ("x,y\n1,2\n\n3,oops\n5,6\n", "holds the text 'oops' in line 4, column 'y', where a number is needed."),
            ("1,2\n3,oops\n5,6\n", "holds the text 'oops' in line 2, column 'column 1'"),
            ("x,y\n1,1_0\n3,2\n", "holds the text '1_0' in line 2, column 'y'"),
            ("5.1,setosa\n3,setosa\n", "in line 1, column 'column 1', where a number is needed; the names in a header"),
            ("x,y\n1,2\n3,\n5,6\n", "has a value that is missing or not finite in line 3, column 'y'; leave out"),
            ("x;y\n1,5;2,5\n1;2.5,1\n2;3\n", "holds the text '2.5,1' in line 3, column 'y'"),
            ('x,y\n1,"2\n3"\n4,5\n', "holds the text '2\\n3' in line 3"),
            ('x,"mass\n in kg "\n1,a\n4,5\n', "holds the text 'a' in line 3, column 'mass in kg'"),
            ("x,y\n1,2\n" + "z" * 60 + ",3\n", "z…' in line 3"),
            ('x,y\n"' + "z" * 140_000, "has 1 value in line 2, but 2 in its first line"),
            ('x,y\n1,2\n3,"' + "z" * 17_000_000, "cannot be read as CSV: field larger than"),
        ],
    )
    def test_csv(self, tmp_path: Path, content: str, part: str) -> None:
        assert part in complaint(text(tmp_path / "a.csv", content))

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe1\x00,\x00\xd8\xd8\xd8\xd8", b"x,y\n1,\x81\n", bytes(range(256)), b"1,2\n\0\0,1"]
    )
    def test_bytes_that_are_no_text(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.csv").write_bytes(content)
        assert "is no text that can be read; save it as UTF-8." in complaint(str(tmp_path / "a.csv"))

    def test_pickles_are_never_run(self, tmp_path: Path) -> None:
        class Bomb:
            def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
                return os.system, (f"touch {tmp_path / 'exploded'}",)

        (tmp_path / "a.npy").write_bytes(pickle.dumps(Bomb()))
        complaint(str(tmp_path / "a.npy"))
        complaint(npy(tmp_path / "b.npy", np.array([Bomb()], dtype=object), allow_pickle=True))
        assert not (tmp_path / "exploded").exists()

    def test_every_truncation_of_an_array(self, tmp_path: Path) -> None:
        whole = Path(npy(tmp_path / "a.npy", ROWS[:4])).read_bytes()
        for length in range(len(whole)):
            (tmp_path / "b.npy").write_bytes(whole[:length])
            sentence = complaint(str(tmp_path / "b.npy"))
            assert "cut short" in sentence or "header is damaged" in sentence

    @settings(max_examples=300, deadline=None)
    @given(position=st.integers(0, 127), byte=st.integers(0, 255))
    def test_damaged_headers(self, tmp_path_factory: pytest.TempPathFactory, position: int, byte: int) -> None:
        path = tmp_path_factory.mktemp("damage") / "a.npy"
        content = bytearray(Path(npy(path, ROWS[:4])).read_bytes())
        content[position] = byte
        path.write_bytes(content)
        try:
            open_table(str(path), drop_constant=True)
        except DataError as error:
            assert str(error).endswith(".")

    def test_a_truth_value_in_a_shape(self, tmp_path: Path) -> None:
        with (tmp_path / "a.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (True, 3)})
            file.write(bytes(24))
        assert "holds one row" in complaint(str(tmp_path / "a.npy"))

    @pytest.mark.parametrize("shape", [(2**62, 0), (0, 2**62), (-1, 3), (2**40, 2**16), (10**9, 2)])
    def test_promised_sizes_cost_nothing(self, tmp_path: Path, shape: tuple[int, int]) -> None:
        with (tmp_path / "a.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        assert ("holds no" if 0 in shape else "cut short") in complaint(str(tmp_path / "a.npy"))

    def test_a_million_columns_are_refused_before_they_have_names(self, tmp_path: Path) -> None:
        shape = (10, 1_000_000)
        np.savez_compressed(tmp_path / "a.npz", x=np.zeros(shape, np.int8))
        np.savez(tmp_path / "b.npz", x=np.zeros(shape, np.int8))
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"] = np.zeros(shape, np.int8)
        npy(tmp_path / "a.npy", np.zeros(shape, np.int8))
        for name in ("a.npy", "a.npz", "b.npz", "a.h5"):
            tracemalloc.start()
            sentence = complaint(str(tmp_path / name))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert "1,000,000 columns, more than the 100,000 that are read" in sentence and peak < 4_000_000

    def test_more_columns_than_a_model_has_are_refused_unread(self, tmp_path: Path) -> None:
        path = Path(npy(tmp_path / "a.npy", np.zeros((3, 10_001), np.int8)))
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr(FileRows, "__getitem__")
            assert "10,001 columns, and a model at most 10,000" in complaint(str(path))

    def test_files_that_are_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert complaint(str(tmp_path / "a.npy")) == f"There is no file '{tmp_path / 'a.npy'}'."
        assert complaint(str(tmp_path)) == f"'{tmp_path}' is a folder without pictures, not a data file."
        wrong = text(tmp_path / "a.xls", "")
        assert complaint(wrong).endswith(
            ".csv, .tsv, .txt, .npy, .npz, .h5, .hdf5, .parquet, .xlsx, .png, .jpg and .jpeg files are."
        )
        assert "There is no file" in complaint("bad\0name.csv")
        (tmp_path / "loop.csv").symlink_to("loop.csv")
        assert "symbolic links" in complaint(str(tmp_path / "loop.csv"))
        os.mkfifo(tmp_path / "pipe.csv")
        assert "is not a regular file" in complaint(str(tmp_path / "pipe.csv"))

        def refuse(*_: object, **__: object) -> NoReturn:
            raise PermissionError(13, "Permission denied")

        source = npy(tmp_path / "b.npy", ROWS)
        monkeypatch.setattr(Path, "open", refuse)
        assert complaint(source) == f"Cannot read '{source}': permission denied."
