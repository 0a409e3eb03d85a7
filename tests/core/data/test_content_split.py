"""Rows are split by what they hold: on one side they stay, whatever becomes of the file around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import kstest

from dnf_studio.core.data.content_split import SplitRule, divided, fitted, row_positions
from dnf_studio.core.data.image_set import open_image_set
from dnf_studio.core.data.tables import open_table
from tests.core.data.files import ROWS, as_csv, complaint, held_out_one, npy, text

Rows = NDArray[np.float64]
MANY = np.random.default_rng(3).normal([5.0, -2.0, 100.0], [1.0, 0.1, 30.0], (1000, 3))


def rule_of(positions: Rows, validation: float = 0.1, test: float = 0.1) -> SplitRule | None:
    return fitted(lambda: [positions], len(positions), validation, test)


def sides(positions: Rows, rule: SplitRule) -> list[int]:
    """Rows to train, to validate and to test on."""
    return np.bincount(divided(lambda: [positions], len(positions), rule), minlength=3).tolist()


class TestPositions:
    def test_they_are_the_same_for_good(self) -> None:
        """A checkpoint of today must find its rows again: other numbers need a rule of another name."""
        assert row_positions(np.array([[1.5, -2.0, 3e10]])).tolist() == [0.7548366757948891]
        assert row_positions(np.arange(11, dtype=np.uint8)[None]).tolist() == [0.4219723181305438]

    @given(arrays(np.float32, (5, 3), elements=st.floats(-(2.0**90), 2.0**90, width=32)))
    def test_they_follow_the_numbers_and_not_how_they_are_stored(self, rows: NDArray[np.float32]) -> None:
        expected = row_positions(rows)
        negative = np.where(rows == 0, np.float32(-0.0), rows)
        for same in (rows.astype(np.float64), rows.astype(">f8"), np.asfortranarray(rows), negative):
            assert row_positions(same).tolist() == expected.tolist()
        assert row_positions(rows[::-1]).tolist() == expected[::-1].tolist()
        assert ((expected >= 0) & (expected < 1)).all()

    @pytest.mark.parametrize("step", [1.0, 1e-3, 2.0**-20, 1e6])
    @pytest.mark.parametrize("dim", [1, 2, 7])
    def test_they_are_uniform_even_of_rows_that_hardly_differ(self, step: float, dim: int) -> None:
        rows = np.zeros((4000, dim))
        rows[:, -1] = 16.0 + step * np.arange(4000)
        found = row_positions(rows)
        assert len(np.unique(found)) == len(np.unique(rows[:, -1].astype(np.float32)))
        assert kstest(np.unique(found), "uniform").pvalue > 1e-4

    def test_which_column_holds_a_value_matters(self) -> None:
        found = row_positions(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [2.0, 2.0]]))
        assert len(set(found.tolist())) == 4


class TestRule:
    def test_a_tenth_is_to_test_and_a_tenth_to_validate_on(self) -> None:
        positions = row_positions(MANY)
        rule = rule_of(positions)
        assert rule == SplitRule("content-1", 0.1, 0.2)
        train, validation, test = sides(positions, rule)
        assert train + validation + test == 1000 and 80 < validation < 120 and 80 < test < 120

    @given(st.integers(3, 300), st.integers(0, 9))
    def test_a_small_file_has_a_row_to_test_on_and_validates_from_a_hundred_rows_on(self, rows: int, seed: int) -> None:
        positions = np.random.default_rng(seed).random(rows)
        rule = rule_of(positions)
        assert rule is not None
        train, validation, test = sides(positions, rule)
        assert max(1, 0.05 * rows) <= test <= max(1, 0.4 * rows) and train >= 2
        assert 0.05 * rows <= validation <= 0.4 * rows if rows >= 100 else validation == 0

    def test_equal_rows_are_on_one_side_and_a_common_one_is_not_to_test_on(self) -> None:
        common = row_positions(np.full((900, 1), 3.0))
        for offset in (0.0, 1.0):
            # Below the edge or not, nine in ten rows are not held out
            positions = np.concatenate([np.full(900, common[0] * offset), np.linspace(0.001, 0.999, 100)])
            rule = rule_of(positions)
            assert rule is not None
            train, validation, test = sides(positions, rule)
            assert len({(p < rule.test, p < rule.validation) for p in positions[:900].tolist()}) == 1
            assert train + validation + test == 1000 and train >= 2 and test >= 1

    def test_fewer_than_three_different_rows_cannot_be_split(self, tmp_path: Path) -> None:
        assert rule_of(np.repeat([0.3, 0.7], 50)) is None
        told = complaint(npy(tmp_path / "a.npy", np.repeat([0.0, 1.0], 50)))
        assert "fewer than three different rows" in told
        assert rule_of(np.repeat([0.3, 0.7, 0.9], 50)) is not None

    def test_files_of_their_own_leave_their_share_to_training(self) -> None:
        positions = row_positions(MANY)
        rule = rule_of(positions, test=0.0)
        assert rule == SplitRule("content-1", 0.0, 0.1) and sides(positions, rule)[2] == 0
        assert rule_of(positions, validation=0.0, test=0.0) == SplitRule("content-1", 0.0, 0.0)


def kinds(folder: Path, rows: Rows) -> list[str]:
    """The same rows in every kind of file."""
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = rows
    np.savez(folder / "a.npz", x=rows)
    pq.write_table(pa.table({name: rows[:, i] for i, name in enumerate("xyz")}), folder / "a.parquet")
    written = [text(folder / "a.csv", as_csv(rows, header="x,y,z\n")), npy(folder / "a.npy", rows)]
    single = npy(folder / "single.npy", rows.astype(np.float32))
    return [*written, single, *(str(folder / name) for name in ("a.h5", "a.npz", "a.parquet"))]


def test_a_row_is_on_one_side_in_every_kind_of_file(tmp_path: Path) -> None:
    found = [open_table(source) for source in kinds(tmp_path, MANY)]
    for data in found[1:]:
        assert data.rows == found[0].rows and data.rule == found[0].rule
        for x, y in ((data.train, found[0].train), (data.held_out, found[0].held_out)):
            torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)


def held_out_of(source: str, rule: SplitRule | None = None) -> set[tuple[float, ...]]:
    """The rows to test on, in single precision."""
    data = open_table(source, rule=rule)
    rows = data.standardisation.to_data(data.held_out.double()).numpy()
    return {tuple(row) for row in rows.round(3).tolist()}


def changes() -> list[Callable[[Rows, np.random.Generator], Rows]]:
    return [
        lambda rows, random: random.permutation(rows),
        lambda rows, random: np.concatenate([random.normal(size=(400, 3)), rows]),
        lambda rows, random: rows[random.random(len(rows)) < 0.5],
        lambda rows, random: random.permutation(np.concatenate([rows[100:], random.normal(size=(999, 3)), rows[:500]])),
    ]


@pytest.mark.parametrize("count", [40, 1000])
@pytest.mark.parametrize("change", changes())
def test_a_row_stays_on_its_side(
    tmp_path: Path, change: Callable[[Rows, np.random.Generator], Rows], count: int
) -> None:
    before = MANY[:count]
    data = open_table(npy(tmp_path / "a.npy", before))
    held_out = held_out_of(str(tmp_path / "a.npy"))
    trained = {tuple(row) for row in before.round(3).tolist()} - held_out
    after = npy(tmp_path / "b.npy", change(before, np.random.default_rng(1)))
    found = held_out_of(after, data.rule)
    assert found and not found & trained


def test_dropped_columns_do_not_split_rows(tmp_path: Path) -> None:
    """The columns of the model alone do, so that a file without the others has the same split."""
    nowhere = np.column_stack([MANY, np.zeros(1000)])
    in_training = np.column_stack([MANY, np.ones(1000)])
    in_training[0] = held_out_one(np.column_stack([MANY, np.full(1000, 2.0)]))
    for values in (nowhere, in_training):
        wide = open_table(npy(tmp_path / "wide.npy", values), drop_constant=True)
        narrow = open_table(npy(tmp_path / "narrow.npy", values[:, :3]))
        assert wide.dim == 3 and torch.equal(wide.train, narrow.train) and torch.equal(wide.held_out, narrow.held_out)


class TestOwnFiles:
    def test_all_rows_of_each_are_used_for_what_it_is(self, tmp_path: Path) -> None:
        train = text(tmp_path / "train.csv", as_csv(MANY[:600], header="x,y,z\n"))
        validation = text(tmp_path / "valid.csv", as_csv(MANY[600:700][:, [2, 0, 1]], header="z,x,y\n"))
        test = npy(tmp_path / "test.npy", MANY[700:])
        data = open_table(train, validation=validation, test=test)
        assert data.rows == (600, 100, 300)
        assert data.about == "600 rows to train, 100 to validate (valid.csv) and 300 to test on (test.npy)"
        np.testing.assert_allclose(data.standardisation.mean, MANY[:600].mean(0))
        for rows, expected in ((data.held_out, MANY[700:]), (data.validation(999, 0), MANY[600:700])):
            found = data.standardisation.to_data(rows.double()).numpy()
            np.testing.assert_allclose(np.sort(found, 0), np.sort(expected, 0), rtol=1e-5, atol=1e-4)

    def test_what_is_not_given_comes_from_the_training_file(self, tmp_path: Path) -> None:
        train, other = npy(tmp_path / "train.npy", MANY), npy(tmp_path / "other.npy", ROWS)
        whole = open_table(train)
        tested = open_table(train, test=other)
        assert tested.rows[2] == 200 and tested.rows[0] > whole.rows[0] and 80 < tested.rows[1] < 120
        validated = open_table(train, validation=other)
        assert validated.rows[1] == 200 and torch.equal(validated.held_out.sum(), validated.held_out.sum())
        assert validated.rows[2] == whole.rows[2]

    def test_other_columns_and_bad_rows_are_refused(self, tmp_path: Path) -> None:
        train = text(tmp_path / "train.csv", as_csv(MANY, header="x,y,z\n"))
        for name, header, told in (
            ("a", "x,y,w\n", "has the 3 columns x, y, w, but training's data the 3 columns x, y, z; choose"),
            ("b", "x,z\n", "has the 2 columns x, z, but training's data the 3 columns x, y, z; choose"),
        ):
            other = text(tmp_path / f"{name}.csv", as_csv(ROWS[:, : header.count(",") + 1], header=header))
            with pytest.raises(Exception, match=told) as caught:
                open_table(train, test=other)
            assert str(caught.value).count(".") - str(caught.value).count(".csv") == 1
        wrong = ROWS.copy()
        wrong[7, 1] = np.nan
        with pytest.raises(Exception, match="in row 7"):
            open_table(train, validation=npy(tmp_path / "c.npy", wrong))

    def test_their_columns_are_chosen_by_those_of_the_data(self, tmp_path: Path) -> None:
        source = text(tmp_path / "a.csv", as_csv(MANY, header="x,y,z\n"))
        test = text(tmp_path / "b.csv", as_csv(ROWS, header="x,y,z\n"))
        data = open_table(f"{source}::z,x", test=test)
        found = data.standardisation.to_data(data.held_out.double()).numpy()
        np.testing.assert_allclose(found, ROWS[:, [2, 0]], rtol=1e-5, atol=1e-4)


def test_images_stay_on_their_side(tmp_path: Path) -> None:
    record = np.random.default_rng(0).integers(0, 256, (60, 3073), dtype=np.uint8)
    record[:, 0] %= 10
    record.tofile(tmp_path / "a.bin")
    np.concatenate([record[50:], record[:20][::-1], record[20:50] // 2]).tofile(tmp_path / "b.bin")
    before = open_image_set(str(tmp_path / "a.bin"))
    assert before.rule is not None and before.rows is not None and min(before.rows) > 2
    after = open_image_set(str(tmp_path / "b.bin"), before.rule)
    trained = {row.tobytes() for row in before.recorded[before.splits[0]]}
    found = {row.tobytes() for row in after.recorded[after.splits[2]]}
    assert found and not found & trained
    again = open_image_set(str(tmp_path / "a.bin"), SplitRule("order-1", 0.1, 0.1))
    assert again.rows == (42, 9, 9)
