"""Tables of a user: what is read, which columns, how it is split and standardised."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dnf_studio.core.data.content_split import BY_ORDER
from dnf_studio.core.data.row_sets import TableDataset
from dnf_studio.core.data.tables import open_table
from dnf_studio.errors import DataError
from tests.core.data.files import RANDOM, ROWS, as_csv, complaint, npy, text


def all_rows(data: TableDataset) -> NDArray[np.float64]:
    """Every row in data units, float64, sorted."""
    validation = data.validation(10**9, 0)
    model = torch.cat([data.train, data.train[:0] if validation is None else validation, data.held_out]).double()
    rows = data.standardisation.to_data(model).numpy()
    return rows[np.lexsort(rows.T[::-1])]


class TestReading:
    @pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i4", "<u1", "?"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_npy_of_any_real_type(self, tmp_path: Path, dtype: str, order: Literal["C", "F"]) -> None:
        values = np.asarray(RANDOM.integers(0, 2 if dtype == "?" else 200, (50, 3)), dtype=dtype, order=order)
        data = open_table(npy(tmp_path / "a.npy", values))
        expected = values.astype(np.float64)
        np.testing.assert_allclose(all_rows(data), expected[np.lexsort(expected.T[::-1])], rtol=1e-6, atol=1e-4)
        assert data.columns == ("column 0", "column 1", "column 2") and data.name == "a.npy" and data.dim == 3

    def test_a_one_dimensional_npy_is_one_column(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS[:, 0]))
        assert data.dim == 1 and data.draw(7, torch.Generator()).shape == (7, 1)

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize("bom", ["", "\ufeff"])
    @pytest.mark.parametrize("header", [True, False])
    def test_csv(self, tmp_path: Path, delimiter: str, bom: str, header: bool) -> None:
        first = delimiter.join(["mass", " size ", '"no, way"']) + "\n" if header else ""
        data = open_table(text(tmp_path / "a.CSV", bom + as_csv(ROWS, delimiter, first)))
        assert data.columns == (("mass", "size", "no, way") if header else ("column 0", "column 1", "column 2"))
        np.testing.assert_allclose(all_rows(data), ROWS[np.lexsort(ROWS.T[::-1])], rtol=1e-6, atol=1e-5)

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_csv_with_blank_lines_quotes_spaces_and_no_last_newline(self, tmp_path: Path, end: str) -> None:
        data = open_table(text(tmp_path / "a.csv", end.join(["", "x,y", '"1", 2', "", "3,4e0", "5, 7"])))
        assert data.columns == ("x", "y")
        assert all_rows(data).round(6).tolist() == [[1, 2], [3, 4], [5, 7]]

    def test_csv_whose_names_are_digits_and_underscores(self, tmp_path: Path) -> None:
        data = open_table(text(tmp_path / "a.csv", as_csv(ROWS, header="1_1,1_2,2_1\n")))
        assert data.columns == ("1_1", "1_2", "2_1")
        assert len(all_rows(data)) == len(ROWS)

    def test_csv_of_numpy_with_its_comment_header(self, tmp_path: Path) -> None:
        np.savetxt(tmp_path / "a.csv", ROWS, delimiter=",", header="x,y,z")
        assert open_table(str(tmp_path / "a.csv")).columns == ("x", "y", "z")

    def test_csv_of_one_column(self, tmp_path: Path) -> None:
        assert open_table(text(tmp_path / "a.csv", "x\n1\n2\n4\n")).columns == ("x",)
        assert open_table(text(tmp_path / "b.csv", "1\n2\n4\n")).columns == ("column 0",)

    def test_many_blocks(self, tmp_path: Path) -> None:
        rows = RANDOM.normal(size=(40_000, 2))
        from_npy = open_table(npy(tmp_path / "a.npy", rows))
        from_csv = open_table(text(tmp_path / "a.csv", as_csv(rows)))
        assert from_npy.fingerprint == from_csv.fingerprint
        assert torch.equal(from_npy.held_out, from_csv.held_out)
        assert complaint(text(tmp_path / "b.csv", as_csv(rows) + "1,2,3\n")) == (
            f"'{tmp_path / 'b.csv'}' has 3 values in line 40001, but 2 in its first line."
        )

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(*[st.floats(-1e30, 1e30)] * 2), min_size=3, max_size=30), st.sampled_from(",;\t"))
    def test_csv_and_npy_agree_whatever_the_numbers(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]], delimiter: str
    ) -> None:
        folder = tmp_path_factory.mktemp("agree")
        values = np.array(rows)
        outcomes = []
        for source in (npy(folder / "a.npy", values), text(folder / "a.csv", as_csv(values, delimiter))):
            try:
                outcomes.append(open_table(source, drop_constant=True).fingerprint)
            except DataError as error:
                outcomes.append(str(error).replace("a.csv", "a.npy"))
        assert outcomes[0] == outcomes[1]


class TestSelection:
    @pytest.fixture
    def source(self, tmp_path: Path) -> str:
        lines = [f"{row[0]!r},cat,{row[1]!r},{row[2]!r}" for row in ROWS.tolist()]
        return text(tmp_path / "a.csv", "\n".join(["mass,kind,size,Temperature", *lines]))

    def test_by_name_and_number_in_the_order_asked(self, source: str) -> None:
        data = open_table(f"{source}::Temperature, 0")
        assert data.columns == ("Temperature", "mass")
        np.testing.assert_allclose(data.standardisation.mean, (100, 5), rtol=0.1)

    def test_all_columns_in_another_order(self, tmp_path: Path) -> None:
        source = text(tmp_path / "a.csv", "x,y\n1,-10\n2,-20\n3,-40\n4,-90\n")
        data = open_table(f"{source}::y,x")
        assert data.columns == ("y", "x")
        assert all_rows(data).round(4).tolist() == [[-90, 4], [-40, 3], [-20, 2], [-10, 1]]

    def test_text_elsewhere_does_no_harm(self, source: str) -> None:
        assert open_table(f"{source}::mass").dim == 1
        assert "the text 'cat' in line 2, column 'kind'" in complaint(source)

    def test_npy_by_number(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS) + "::2,0")
        assert data.columns == ("column 2", "column 0")
        np.testing.assert_allclose(data.standardisation.scale, (30, 1), rtol=0.2)

    @pytest.mark.parametrize(
        ("selection", "part"),
        [
            ("temprature", "has no column named 'temprature'; the nearest is 'Temperature'."),
            ("zzz", "has no column named 'zzz'; it has mass, kind, size, Temperature."),
            ("4", "has no column 4; its 4 columns are numbered from 0."),
            ("-1", "has no column named '-1'"),
            ("9" * 5000, "has no column 99999999999999999999; its 4 columns are numbered from 0."),
            ("mass,0", "Column '0' of"),
            ("mass,mass", "is chosen twice."),
            ("mass,,size", "has no name"),
            ("", "has no name"),
        ],
    )
    def test_wrong_columns(self, source: str, selection: str, part: str) -> None:
        assert part in complaint(f"{source}::{selection}")

    def test_a_name_with_a_comma_is_chosen_by_number(self, tmp_path: Path) -> None:
        source = text(tmp_path / "a.csv", '"mass, kg",y\n1,2\n2,1\n0,9\n')
        told = complaint(f"{source}::mass, kg")
        assert told.endswith("; 'mass, kg', whose name holds a comma, is chosen by its number, 0.")
        assert open_table(f"{source}::0").columns == ("mass, kg",)

    def test_ambiguous_names(self, tmp_path: Path) -> None:
        source = text(tmp_path / "a.csv", "x,x,y\n1,2,3\n2,1,3.5\n0,9,1\n")
        assert "has 2 columns named 'x'; choose by number, 0 and 1." in complaint(source + "::x")
        assert open_table(source + "::1").columns == ("x",)

    def test_a_file_whose_name_holds_the_separator(self, tmp_path: Path) -> None:
        assert open_table(npy(tmp_path / "a::b.npy", ROWS)).dim == 3


class TestSplit:
    def test_training_rows_alone_standardise(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS))
        assert data.rows == (len(data.train), 22, len(data.held_out)) == (154, 22, 24)
        assert data.train.dtype == data.held_out.dtype == torch.float32
        np.testing.assert_allclose(data.train.double().mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(data.train.double().std(0, correction=0), 1, atol=1e-6)
        assert data.held_out.mean(0).abs().max() > 1e-3

    def test_it_is_the_same_every_time_and_on_every_machine(self, tmp_path: Path) -> None:
        values = np.arange(40.0)
        data = open_table(npy(tmp_path / "a.npy", values))
        again = open_table(str(tmp_path / "a.npy"))
        assert data.fingerprint == again.fingerprint and torch.equal(data.held_out, again.held_out)
        held_out = data.standardisation.to_data(data.held_out).flatten().round().tolist()
        assert held_out == [9.0, 10.0, 13.0, 14.0, 21.0, 24.0]
        before = open_table(str(tmp_path / "a.npy"), rule=BY_ORDER)
        held_out = before.standardisation.to_data(before.held_out).flatten().round().tolist()
        assert held_out == [25.0, 26.0, 27.0, 33.0] and before.validation(9, 0) is None

    def test_no_row_is_lost_or_shared(self, tmp_path: Path) -> None:
        np.testing.assert_allclose(
            all_rows(open_table(npy(tmp_path / "a.npy", ROWS))), ROWS[np.lexsort(ROWS.T[::-1])], rtol=1e-6, atol=1e-5
        )

    @pytest.mark.parametrize(("rows", "held_out"), [(3, 1), (19, 1), (20, 2), (1000, 100)])
    def test_small_files_of_before(self, tmp_path: Path, rows: int, held_out: int) -> None:
        data = open_table(npy(tmp_path / "a.npy", np.arange(rows)), rule=BY_ORDER)
        assert (len(data.train), len(data.held_out)) == (rows - held_out, held_out)

    def test_draw_takes_training_rows_and_fresh_held_out_ones(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS))
        train = {tuple(row) for row in data.train.tolist()}
        held_out = {tuple(row) for row in data.held_out.tolist()}
        drawn = data.draw(5000, torch.Generator().manual_seed(0))
        assert drawn.shape == (5000, 3) and {tuple(row) for row in drawn.tolist()} == train
        assert {tuple(row) for row in data.fresh(20_000, 0).tolist()} == held_out
        some = data.fresh(5, 0)
        assert len({tuple(row) for row in some.tolist()} & held_out) == 5
        assert torch.equal(some, data.fresh(5, 0)) and not torch.equal(some, data.fresh(5, 1))

    def test_fresh_rows_are_a_copy(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS))
        data.fresh(1000, 0).zero_()
        assert data.held_out.abs().sum() > 0

    def test_fingerprint_follows_values_and_columns(self, tmp_path: Path) -> None:
        changed = ROWS.copy()
        changed[:, 0] **= 2
        prints = [
            open_table(npy(tmp_path / "a.npy", ROWS)).fingerprint,
            open_table(npy(tmp_path / "b.npy", changed)).fingerprint,
            open_table(text(tmp_path / "c.csv", as_csv(ROWS, header="x,y,z\n"))).fingerprint,
            open_table(str(tmp_path / "a.npy") + "::1,0,2").fingerprint,
        ]
        assert len(set(prints)) == 4

    def test_large_offsets_keep_their_detail(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", 1.7e9 + 1e5 * RANDOM.normal(size=1000)))
        np.testing.assert_allclose(data.train.double().std(0, correction=0), 1, atol=1e-6)

    def test_no_exact_entropy_or_density(self, tmp_path: Path) -> None:
        data = open_table(npy(tmp_path / "a.npy", ROWS))
        assert data.entropy is None and data.log_density(torch.zeros(1, 3)) is None
        assert data.outside(torch.zeros(1, 3)) is None


def test_a_column_far_from_0_says_how_finely_samples_have_it(tmp_path: Path) -> None:
    """Seconds since 1970 in days: float32 has steps of 128 there."""
    columns = np.random.default_rng(0).standard_normal((400, 3)) * (1e-3, 1e4, 1e6) + (5e-3, 1.7e9, 0)
    data = open_table(npy(tmp_path / "odd.npy", columns))
    step, spread = 128, data.standardisation.scale[1]
    assert f"'column 1' in steps of {step}, 1/{spread / step:.0f} of its spread" in data.about
    assert "column 0" not in data.about and "column 2" not in data.about
    samples = data.standardisation.to_data(data.train.double()).float()[:, 1].double()
    assert not (samples % step).any() and spread / step > 50
    plain = open_table(npy(tmp_path / "plain.npy", columns - (0, 1.7e9, 0)))
    train, validation, test = plain.rows
    assert plain.about == f"{train} rows to train, {validation} to validate and {test} to test on"
    assert train + validation + test == 400
