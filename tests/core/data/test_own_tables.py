"""Tables as people have them: written in many ways, with text, dates, blanks and labels."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.config import Missing
from dnf_studio.core.data import csv_file
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.cells import meanings, numbers
from dnf_studio.core.data.describe import describe, rows_left, source_of
from dnf_studio.core.data.modes import mode_names, modes_of
from dnf_studio.core.data.readers import read_table
from dnf_studio.core.data.tables import MOST_COMPONENTS, open_table
from dnf_studio.core.evaluation.classes import classes_of
from dnf_studio.errors import DataError
from tests.core.data.files import ROWS, as_csv, npy, text

GOLDEN = "d4c30e547bbce92f4e7d6f4865eaa567105247dabf95dc63f6497596bfb65b5f"
"""Of the numbers of a file, as Python read them."""
KINDS = ("red", "green", "blue")


def german(value: float, places: int = 3) -> str:
    return f"{value:,.{places}f}".replace(",", "#").replace(".", ",").replace("#", ".")


def people(path: Path, gaps: bool = True) -> str:
    """200 rows: a name each, two numbers of which one has gaps, a kind, a class and a day."""
    lines = ["name,age,fare,kind,class,day"]
    for i, (x, _, z) in enumerate(ROWS.round(3).tolist()):
        age = ("NA", "", "?", "nan")[i % 4] if gaps and i % 10 == 3 else x
        lines.append(f'"Person, {i}",{age},{z},{KINDS[i % 3]},{i % 2},2024-{1 + i % 12:02}-{1 + i % 28:02}')
    return text(path, "\n".join(lines))


class TestWriting:
    @pytest.mark.parametrize(
        ("separator", "number"),
        [
            (",", repr),
            (";", german),
            ("\t", german),
            ("|", repr),
            ("  ", repr),
            (" \t", german),
            (";", lambda v: f"{v:,.3f}".replace(",", " ").replace(".", ",")),
            ("\t", lambda v: f"{v:,.3f}"),
            (",", lambda v: f'"{german(v)}"'),
            (", ", lambda v: f'"{v:,.3f}"'),
        ],
    )
    @pytest.mark.parametrize("header", [True, False])
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
    def test_it_is_found_out(
        self, tmp_path: Path, separator: str, number: type[str], header: bool, encoding: str
    ) -> None:
        rows = (ROWS * 100).round(3)
        lines = [separator.join(map(number, row)) for row in rows.tolist()]
        names = [separator.join(["größe", "b", "c"])] if header else []
        table = read_table(text(tmp_path / "a.txt", "\r\n".join([*names, *lines]), encoding))
        assert table.columns == (("größe", "b", "c") if header else ("column 0", "column 1", "column 2"))
        np.testing.assert_array_equal(table.read(slice(0, 200)), rows)

    def test_older_numbers_stay_to_the_bit(self, tmp_path: Path) -> None:
        """What checkpoints know of a file, its numbers and which rows are held out, as it was before pandas read it."""
        lines = ["x,y"]
        for i in range(1, 301):
            lines.append(f" {i**7 / 3e5!r},{(-1) ** i * i}e-{i % 30}")
        source = text(tmp_path / "a.csv", "\n".join(lines))
        values = read_table(source).read(slice(None)).astype("<f8")
        assert hashlib.sha256(values.tobytes()).hexdigest() == GOLDEN
        assert open_table(source).rows == (247, 27, 26)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**25), 10**25), min_size=3))
    def test_pandas_reads_what_python_reads(
        self, tmp_path_factory: pytest.TempPathFactory, values: list[float]
    ) -> None:
        path = Path(text(tmp_path_factory.mktemp("n") / "a.csv", "x\n" + "\n".join(map(repr, values))))
        assert read_table(str(path)).read(slice(None)).ravel().tolist() == list(map(float, values))

    def test_a_column_that_begins_otherwise(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whole numbers first, and decimal commas beyond the part that is looked at."""
        monkeypatch.setattr(csv_file, "HEAD", 200)
        lines = ["a;b", *["7;8"] * 500, "1,5;2,25"]
        found = read_table(text(tmp_path / "a.csv", "\n".join(lines))).read(slice(-2, None))
        assert found.tolist() == [[7, 8], [1.5, 2.25]]

    def test_long_lines_and_the_line_of_excel(self, tmp_path: Path) -> None:
        wide = "sep=;\n" + ";".join(f"name{i}" for i in range(10_100)) + "\n" + (";".join(["1,5"] * 10_100) + "\n") * 3
        table = read_table(text(tmp_path / "a.csv", wide))
        assert len(table.columns) == 10_100 and table.read(slice(0, 3)).min() == 1.5
        with pytest.raises(DataError, match=f"10,100 columns, and a model at most {MOST_COMPONENTS:,}"):
            open_table(str(tmp_path / "a.csv"), drop_constant=True)
        (tmp_path / "b.csv").write_text(("1," * 999_999 + "1\n") * 2)
        with pytest.raises(DataError, match="1,000,000 columns, more than the 100,000 that are read"):
            read_table(str(tmp_path / "b.csv"))

    def test_ambiguous_commas(self) -> None:
        def read(*columns: list[str], semicolons: bool = False) -> list[list[float]]:
            found = meanings(columns, semicolons)
            return [numbers(cells, how).tolist() for cells, how in zip(columns, found, strict=True)]

        assert read(["1,234", "5"]) == [[1234, 5]] and read(["1,234", "5"], semicolons=True) == [[1.234, 5]]
        assert read(["1,234"], ["0,5"]) == [[1.234], [0.5]]
        assert read(["1.234", "12"], ["0,5", "2"]) == [[1234, 12], [0.5, 2]]
        assert read(["1.5", "12"], ["0,5", "2"]) == [[1.5, 12], [0.5, 2]]

    @pytest.mark.parametrize(
        ("cell", "day"),
        [
            ("2024-03-01", (2024, 3, 1)),
            ("2024/03/01", (2024, 3, 1)),
            ("01.03.2024", (2024, 3, 1)),
            ("3/1/2024", (2024, 3, 1)),
            ("31/1/2024", (2024, 1, 31)),
            ("2024-03-01T01:00:00+01:00", (2024, 3, 1)),
        ],
    )
    def test_dates(self, cell: str, day: tuple[int, int, int]) -> None:
        (meaning,) = meanings([[cell, ""]])
        days = (datetime.date(*day) - datetime.date(1970, 1, 1)).days
        assert meaning.kind == "date"
        np.testing.assert_array_equal(numbers([cell, ""], meaning), [days, np.nan])
        assert meanings([["31.02.2024"]])[0].kind == "text"


def workbook(path: Path, rows: list[list[object]], *more: str) -> str:
    book = openpyxl.Workbook()
    book.active.title = "First"
    for row in rows:
        book.active.append(row)
    for name in more:
        book.create_sheet(name).append([1, 2])
    book.save(path)
    return str(path)


def test_sheets_agree_with_text(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 3, 1)
    rows: list[list[object]] = [[], ["x", "y", "day", "kind"], *([*row[:2], day, "a"] for row in ROWS.tolist())]
    source = workbook(tmp_path / "a.xlsx", rows)
    alone = open_table(text(tmp_path / "a.csv", as_csv(ROWS[:, :2], header="x,y\n")))
    found = open_table(source, label="kind")
    assert found.fingerprint == alone.fingerprint and found.left_out.dates == ("day",)
    assert open_table(f"{source}::First::y").columns == open_table(f"{source}::y").columns == ("y",)
    described = describe(Path(source))
    assert [column.kind for column in described.columns] == ["number", "number", "constant", "text"]
    assert open_table(source_of(described, [1])).columns == ("y",)
    several = workbook(tmp_path / "b.xlsx", rows, "Second")
    with pytest.raises(DataError, match="choose one with FILE::First"):
        open_table(several)
    assert open_table(f"{several}::First::x,y").fingerprint == alone.fingerprint
    whole = (tmp_path / "a.xlsx").read_bytes()
    for length in range(0, len(whole), 700):
        (tmp_path / "c.xlsx").write_bytes(whole[:length])
        with pytest.raises(DataError, match="is no sound Excel workbook"):
            open_table(str(tmp_path / "c.xlsx"))
    with pytest.raises(DataError, match=r"Sheet 'Sheet' of .* is empty"):
        openpyxl.Workbook().save(tmp_path / "d.xlsx")
        open_table(str(tmp_path / "d.xlsx"))


class TestMissing:
    def test_the_error_names_columns_counts_and_what_to_do(self, tmp_path: Path) -> None:
        source = people(tmp_path / "a.csv")
        with pytest.raises(DataError) as caught:
            open_table(f"{source}::age,fare")
        told = str(caught.value)
        assert "has 20 values that are missing or not finite, the first in line 5, column 'age'; leave out" in told
        assert "--missing drop-rows" in told and "--missing drop-columns" in told and told.endswith(".")

    @pytest.mark.parametrize("kind", ["csv", "npy", "parquet"])
    def test_rows_or_columns_are_left_out_and_that_is_said(self, tmp_path: Path, kind: str) -> None:
        values = ROWS.copy()
        values[[3, 50, 51], 1], values[[51, 199], 2] = np.nan, np.inf
        names = ("x", "y", "z") if kind != "npy" else ("column 0", "column 1", "column 2")
        path = tmp_path / f"a.{kind}"
        if kind == "csv":
            text(path, as_csv(values, header="x,y,z\n"))
        elif kind == "npy":
            npy(path, values)
        else:
            pq.write_table(pa.table(dict(zip(names, values.T, strict=True))), path)
        sound = np.delete(values, [3, 50, 51, 199], 0)
        rows = open_table(str(path), missing="drop-rows")
        assert rows.left_out.rows == 4 and "; 4 rows with missing values left out" in rows.about
        alone = open_table(npy(tmp_path / "sound.npy", sound))
        assert torch.equal(rows.train, alone.train) and torch.equal(rows.held_out, alone.held_out)
        columns = open_table(str(path), missing="drop-columns")
        assert columns.columns == names[:1] and columns.left_out.columns == names[1:]
        assert f"columns '{names[1]}', '{names[2]}' left out, with missing values" in columns.about

    def test_a_table_left_in_its_file_gives_the_same_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = np.random.default_rng(0).normal(size=(4000, 2))
        values[::7, 1] = np.nan
        source = npy(tmp_path / "a.npy", values)
        held = open_table(source, missing="drop-rows")
        monkeypatch.setattr("dnf_studio.core.data.tables.LARGE", 0)
        mapped = open_table(source, missing="drop-rows")
        assert mapped.fingerprint == held.fingerprint and not isinstance(mapped.train, torch.Tensor)
        draws = [data.draw(500, torch.Generator().manual_seed(0)) for data in (held, mapped)]
        assert torch.equal(*draws) and torch.equal(held.fresh(99, 0), mapped.fresh(99, 0))

    @pytest.mark.parametrize("missing", ["drop-rows", "drop-columns"])
    def test_nothing_left(self, tmp_path: Path, missing: Missing) -> None:
        source = text(tmp_path / "a.csv", "x,y\n1,\n,2\n3,\n,4\n5,\n6,7\n")
        with pytest.raises(DataError, match=r"have no missing value|Every column"):
            open_table(source, missing=missing)


class TestLabels:
    @pytest.mark.parametrize(("label", "names"), [("kind", ("blue", "green", "red")), ("class", ("0", "1"))])
    def test_rows_keep_theirs(self, tmp_path: Path, label: str, names: tuple[str, ...]) -> None:
        data = open_table(f"{people(tmp_path / 'a.csv')}::age,fare", missing="drop-rows", label=label)
        assert data.class_names == mode_names(data) == names and data.columns == ("age", "fare")
        rows = {(np.float32(x), np.float32(z)): i for i, (x, _, z) in enumerate(ROWS.round(3).tolist())}
        for which in ("train", "validation", "test"):
            x, codes = data.split(which, 0)
            raw = data.standardisation.to_data(x.double()).numpy().round(3).astype(np.float32)
            numbers_ = [rows[tuple(row)] for row in raw]
            told = [KINDS[i % 3] if label == "kind" else str(i % 2) for i in numbers_]
            assert [names[code] for code in codes] == told
            # Each row is nearest to itself
            found = modes_of(data, data.standardisation.to_data(x.double()).numpy())
            assert found is not None and found.tolist() == codes.tolist()

    def test_they_are_no_component(self, tmp_path: Path) -> None:
        source = text(tmp_path / "a.csv", as_csv(np.column_stack([ROWS, np.arange(200) % 4]), header="x,y,z,k\n"))
        assert open_table(source, label="k").fingerprint == open_table(f"{source}::x,y,z").fingerprint
        with pytest.raises(DataError, match="has the labels and so is no component"):
            open_table(f"{source}::x,k", label="k")
        with pytest.raises(DataError, match="no column named 'kk'; the nearest is 'k'"):
            open_table(source, label="kk")
        with pytest.raises(DataError, match="labels are text or whole numbers"):
            open_table(source, label="x")
        with pytest.raises(DataError, match="Labels and missing values are those of a table"):
            open_dataset("rings", label="k")
        values = npy(tmp_path / "a.npy", np.column_stack([ROWS, np.arange(200) % 4]))
        assert open_table(values, label="3").class_names == ("0", "1", "2", "3")
        with pytest.raises(DataError, match="and labels are text or whole numbers"):
            open_table(values, label="0")

    def test_text_of_parquet_and_too_many(self, tmp_path: Path) -> None:
        table = {"x": np.arange(1500.0) ** 2, "kind": ["a", "b", None] * 500, "id": [f"n{i}" for i in range(1500)]}
        pq.write_table(pa.table(table), tmp_path / "a.parquet")
        source = f"{tmp_path / 'a.parquet'}::x"
        with pytest.raises(DataError, match="500 rows without a label in column 'kind'"):
            open_table(source, label="kind")
        found = open_table(source, label="kind", missing="drop-rows")
        assert sum(found.rows) == 1000 and found.class_names == ("a", "b")
        with pytest.raises(DataError, match="more than 1,000 different values"):
            open_table(source, label="id")

    def test_the_classifier_of_images_judges_them(self, tmp_path: Path) -> None:
        codes = np.arange(240) % 3
        values = np.random.default_rng(0).normal(size=(240, 2)) + 9 * codes[:, None]
        lines = [f"{x},{y},{KINDS[k]}" for (x, y), k in zip(values.tolist(), codes, strict=True)]
        data = open_table(text(tmp_path / "a.csv", "\n".join(["x,y,kind", *lines])), label="kind")
        judge = classes_of(data)
        assert judge is not None and judge.names == ("blue", "green", "red") and judge.accuracy == 1
        assert sum(judge.shares_test) == pytest.approx(1)
        share = judge.share(data.split("train", 0)[0])
        assert share.likely == tuple(np.bincount(data.split("train", 0)[1]).tolist())


def test_what_is_said_of_columns(tmp_path: Path) -> None:
    found = describe(Path(people(tmp_path / "a.csv")))
    told = {column.name: (column.kind, column.gaps, column.distinct) for column in found.columns}
    assert told == {
        "name": ("text", 0, 200),
        "age": ("number", 20, None),
        "fare": ("number", 0, None),
        "kind": ("text", 0, 3),
        "class": ("whole number", 0, 2),
        "day": ("date", 0, None),
    }
    assert found.columns[1].problem == "has 20 values missing or not finite" and not found.columns[1].without_gaps
    assert rows_left(found, [1, 2]) == 180 and rows_left(found, [2]) == 200


JUNK = st.lists(
    st.sampled_from(["1", "x", "", "NA", "1,5", "inf", "\0", '"', "é", ";", ",", "\t", "\n", " "]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(junk=JUNK.map("".join), suffix=st.sampled_from([".csv", ".tsv", ".txt"]), raw=st.binary(max_size=20))
def test_whatever_a_file_holds_is_a_table_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, junk: str, suffix: str, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("junk") / f"a{suffix}"
    for content in (junk.encode(), junk.encode() + raw, ("x,x\n1,2\n3,4\n5,7\n" + junk).encode()):
        path.write_bytes(content)
        for act in (lambda: describe(path), lambda: open_table(str(path), True, missing="drop-rows")):
            try:
                act()
            except DataError as error:
                assert str(error).endswith(".") and "\n" not in str(error)
