"""What a checkpoint is measured on was never trained on, whatever became of its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dnf_studio.api import open_checkpoint
from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.held_out import held_out_data
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DataError, SettingError
from tests.core.data.files import as_csv, npy, text

GOLDEN = Path(__file__).parents[2] / "golden"
ROWS = np.random.default_rng(5).normal([5.0, -2.0, 100.0], [1.0, 0.1, 30.0], (300, 3)).round(3)
NEW = np.random.default_rng(6).normal([5.0, -2.0, 100.0], [1.0, 0.1, 30.0], (200, 3)).round(3)
Rows = NDArray[np.float64]


def trained(folder: Path, **settings: object) -> Checkpoint:
    """A checkpoint of a model of a file, no iteration old."""
    config = Config.create(
        {"sde": {"steps": 2}, "network": {"layers": 1, "channels": 4}, "training": {"precision": "float32"}, **settings}
    )
    Run(config, threads=1).save(folder / "model.safetensors")
    return open_checkpoint(folder / "model.safetensors")


def rows_of(dataset: Dataset) -> set[tuple[float, ...]]:
    """What is measured on, as it is in the file."""
    model = dataset.fresh(10**6, 0).double()
    return {tuple(row) for row in dataset.standardisation.to_data(model).numpy().round(3).tolist()}


def plain(rows: Rows) -> set[tuple[float, ...]]:
    return {tuple(row) for row in rows.round(3).tolist()}


@pytest.fixture
def source(tmp_path: Path) -> str:
    return text(tmp_path / "a.csv", as_csv(ROWS, header="x,y,z\n"))


@pytest.fixture
def checkpoint(tmp_path: Path, source: str) -> Checkpoint:
    return trained(tmp_path, data=source)


def sides(checkpoint: Checkpoint) -> tuple[set[tuple[float, ...]], set[tuple[float, ...]]]:
    """The rows held out to test on, and all others."""
    found, told = held_out_data(checkpoint)
    assert told is None
    return rows_of(found), plain(ROWS) - rows_of(found)


def test_the_same_file_is_what_was_trained_on(checkpoint: Checkpoint, tmp_path: Path) -> None:
    held_out, _ = sides(checkpoint)
    assert 15 <= len(held_out) <= 60
    again, told = held_out_data(checkpoint, text(tmp_path / "moved.csv", as_csv(ROWS, header="x,y,z\n")))
    assert told is None and again.fingerprint == checkpoint.data.fingerprint and rows_of(again) == held_out


CHANGES: dict[str, Callable[[Rows], Rows]] = {
    "grown": lambda rows: np.concatenate([NEW, rows]),
    "shuffled": lambda rows: np.random.default_rng(0).permutation(rows),
    "shrunk": lambda rows: rows[np.random.default_rng(1).random(len(rows)) < 0.4],
    "all of it": lambda rows: np.random.default_rng(2).permutation(np.concatenate([rows[150:], NEW, rows[:99], NEW])),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("in_place", [True, False])
def test_of_a_changed_file_no_row_was_trained_on(
    checkpoint: Checkpoint, source: str, tmp_path: Path, change: Callable[[Rows], Rows], in_place: bool
) -> None:
    _, others = sides(checkpoint)
    path = text(Path(source) if in_place else tmp_path / "b.csv", as_csv(change(ROWS), header="x,y,z\n"))
    found, told = held_out_data(checkpoint, None if in_place else path)
    used = rows_of(found)
    assert used and not used & others
    assert told is not None and told.endswith("of it that the split of training holds out.") and f"'{path}'" in told
    assert f"are the {found.rows[2]} rows" in told and told.count(". ") == 0


def test_held_out_rows_by_themselves_are_all_used_and_trained_ones_refused(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    held_out, others = sides(checkpoint)
    kept = text(tmp_path / "kept.csv", as_csv(np.array(sorted(held_out)), header="x,y,z\n"))
    assert rows_of(held_out_data(checkpoint, kept)[0]) == held_out
    one = text(tmp_path / "one.csv", as_csv(np.array(sorted(held_out))[:1], header="x,y,z\n"))
    found, told = held_out_data(checkpoint, one)
    assert len(rows_of(found)) == 1 and told is not None and "used is the one row of it" in told
    gone = text(tmp_path / "gone.csv", as_csv(np.array(sorted(others)), header="x,y,z\n"))
    with pytest.raises(DataError, match=r"holds none of the rows that training held out; name a file .* --test\.$"):
        held_out_data(checkpoint, gone)


def test_columns_are_those_of_the_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    held_out, _ = sides(checkpoint)
    wide = np.column_stack([ROWS[:, 2], np.arange(300.0), ROWS[:, :2]])
    found, _ = held_out_data(checkpoint, text(tmp_path / "b.csv", as_csv(wide, header="z,time,x,y\n")))
    assert rows_of(found) == held_out
    with pytest.raises(DataError, match="has the 3 columns x, y, w, but training's data the 3 columns x, y, z"):
        held_out_data(checkpoint, text(tmp_path / "c.csv", as_csv(ROWS, header="x,y,w\n")))


def test_a_small_file_keeps_its_moved_edge(tmp_path: Path) -> None:
    for count in (3, 5, 12):
        few = ROWS[:count]
        checkpoint = trained(tmp_path, data=npy(tmp_path / "few.npy", few))
        held_out = rows_of(held_out_data(checkpoint)[0])
        found = rows_of(held_out_data(checkpoint, npy(tmp_path / "more.npy", np.concatenate([NEW, few])))[0])
        assert held_out <= found and not found & (plain(few) - held_out)


class TestOwnFiles:
    def test_of_a_test_file_all_rows_are_used(self, checkpoint: Checkpoint, source: str, tmp_path: Path) -> None:
        test = npy(tmp_path / "test.npy", NEW)
        found, told = held_out_data(checkpoint, test=test)
        assert rows_of(found) == plain(NEW)
        assert told == f"All rows of '{test}' are used, on the word that training has never seen one of them."
        with pytest.raises(SettingError, match="not both"):
            held_out_data(checkpoint, source, test)
        with pytest.raises(DataError, match="is the file that was trained on"):
            held_out_data(checkpoint, test=source)
        with pytest.raises(DataError, match="'moons' is no file of rows"):
            held_out_data(checkpoint, test="moons")

    def test_that_of_training_is_used_when_nothing_is_named(self, source: str, tmp_path: Path) -> None:
        test, validation = npy(tmp_path / "test.npy", NEW[:150]), npy(tmp_path / "valid.npy", NEW[150:])
        checkpoint = trained(tmp_path, data=source, validation=validation, test=test)
        assert checkpoint.data.rows == (300, 50, 150)
        found, told = held_out_data(checkpoint)
        assert rows_of(found) == plain(NEW[:150]) and told is None
        Path(source).unlink()
        assert rows_of(held_out_data(checkpoint)[0]) == plain(NEW[:150])
        Path(test).rename(tmp_path / "elsewhere.npy")
        with pytest.raises(DataError, match=r"test.npy' of rows for test; say with --test where it is now\.$"):
            held_out_data(checkpoint)
        with pytest.raises(DataError, match=r"No row of 'b.csv' was held out, .* '.*test.npy'; name a file"):
            held_out_data(checkpoint, "b.csv")

    def test_a_validation_file_belongs_to_the_data(self, source: str, tmp_path: Path) -> None:
        checkpoint = trained(tmp_path, data=source, validation=npy(tmp_path / "valid.npy", NEW))
        found, told = held_out_data(checkpoint)
        assert told is None and found.fingerprint == checkpoint.data.fingerprint
        moved = text(tmp_path / "moved.csv", as_csv(ROWS, header="x,y,z\n"))
        assert held_out_data(checkpoint, moved)[1] is None
        Path(tmp_path / "valid.npy").unlink()
        assert held_out_data(checkpoint)[1] is None, "rows to validate on are not asked for"

    @pytest.mark.parametrize("roles", [("test",), ("validation",), ("validation", "test")])
    def test_one_file_cannot_serve_two_purposes(self, source: str, tmp_path: Path, roles: tuple[str, ...]) -> None:
        file = source if len(roles) == 1 else npy(tmp_path / "rest.npy", NEW)
        with pytest.raises(DataError, match=f"--{roles[-1]} name the same file"):
            trained(tmp_path, data=source, **dict.fromkeys(roles, file))


def test_a_run_goes_on_with_its_own_files_wherever_they_are(source: str, tmp_path: Path) -> None:
    trained(tmp_path, data=source, test=npy(tmp_path / "test.npy", NEW))
    run = Run.resume(tmp_path / "model.safetensors", threads=1)
    assert run.dataset.rows is not None and run.dataset.rows[2] == 200 and sum(run.dataset.rows) == 500
    moved = text(tmp_path / "moved.csv", as_csv(ROWS, header="x,y,z\n"))
    again = Run.resume(tmp_path / "model.safetensors", {"data": moved}, threads=1)
    assert again.dataset.rows == run.dataset.rows and again.config.test == run.config.test
    other = npy(tmp_path / "other.npy", NEW[:50])
    assert Run.resume(tmp_path / "model.safetensors", {"test": other}, threads=1).dataset.rows[2] == 50


class TestOldCheckpoints:
    """A checkpoint of before rows were split by content, and what was measured of it then."""

    @pytest.fixture
    def old(self, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
        monkeypatch.chdir(GOLDEN)
        return open_checkpoint("order_split.safetensors")

    def test_it_has_its_old_rows(self, old: Checkpoint) -> None:
        dataset, told = held_out_data(old)
        assert told is None and dataset.fingerprint == old.data.fingerprint and dataset.rows == (108, 0, 12)
        assert nll_bound(old.build(), dataset) == pytest.approx(old.metrics["nll_bound"], rel=1e-5)
        assert old.metrics["nll_bound"] == pytest.approx(2.3925979)

    def test_its_run_goes_on_and_keeps_the_rule(self, old: Checkpoint, tmp_path: Path) -> None:
        run = Run.resume(GOLDEN / "order_split.safetensors", {"training.iterations": 61}, threads=1)
        assert [report.iteration for report in run] == [61] and run.dataset.validation(1, 0) is None
        run.save(tmp_path / "a.safetensors")
        again = open_checkpoint(tmp_path / "a.safetensors")
        assert again.data.split == old.data.split and again.data.fingerprint == old.data.fingerprint
        assert Run.resume(tmp_path / "a.safetensors", threads=1).dataset.rows == (108, 0, 12)

    def test_of_a_changed_file_it_says_what_it_cannot_know(self, old: Checkpoint, tmp_path: Path) -> None:
        lines = Path("order_split.csv").read_text().splitlines()
        told = held_out_data(old, text(tmp_path / "b.csv", "\n".join(lines[:100])))[1]
        assert told is not None and told.endswith("so some of those used may have been trained on.")

    def test_it_says_nothing_that_it_did_not_say(self, old: Checkpoint) -> None:
        assert "split" not in old.summary()["data"] and "rows" not in old.summary()["data"]


def test_other_generated_data_is_told(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, data="moons")
    assert held_out_data(checkpoint)[1] is None
    told = "'circle' is not the data that was trained on, 'moons'."
    assert held_out_data(checkpoint, "circle")[1] == told
    table = npy(tmp_path / "a.npy", NEW[:, :2])
    found, told_of_table = held_out_data(checkpoint, table)
    assert found.rule is not None and told_of_table is not None and "'moons'" in told_of_table
