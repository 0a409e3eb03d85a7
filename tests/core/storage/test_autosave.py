"""The last states of a run that is not saved yet."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.core.storage import autosave, checkpoint
from dnf_studio.core.storage.autosave import Autosave, left_autosaves, newest_autosave
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.core.training.run import Run
from dnf_studio.errors import CheckpointError

SMALL = {"data": "moons", "sde": {"steps": 3}, "network": {"layers": 1, "channels": 8}, "training": {"batch": 16}}


class Clock:
    """Seconds as they are set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def state() -> Checkpoint:
    return Run(Config.create(SMALL), threads=1).state().checkpoint()


def at(state: Checkpoint, iteration: int) -> Checkpoint:
    return replace(state, iteration=iteration)


def test_a_state_is_due_every_twenty_seconds_and_less_often_where_it_takes_long(
    tmp_path: Path, state: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    keeper = Autosave(tmp_path / "a.safetensors", clock)
    assert not keeper.due and keeper.seconds_left == 20
    clock.now += 20
    assert keeper.due
    keeper.keep(state)
    assert keeper.seconds_left == 20

    def slow(path: Path, written: Checkpoint) -> Checkpoint:
        clock.now += 3
        return save_checkpoint(path, written)

    monkeypatch.setattr(checkpoint, "save_checkpoint", slow)
    keeper.keep(state)
    assert keeper.seconds_left == 150  # of which 3 seconds are 2%


def test_a_folder_of_the_program_that_vanished_is_made_again(tmp_path: Path, state: Checkpoint) -> None:
    keeper = Autosave.of_process(tmp_path / "own" / "runs")
    keeper.keep(state)
    shutil.rmtree(tmp_path / "own")
    keeper.keep(at(state, 9))
    assert read_checkpoint(keeper.file).iteration == 9
    beside = Autosave(tmp_path / "not" / "there.safetensors")
    with pytest.raises(CheckpointError):
        beside.keep(state)


def test_the_last_two_are_kept_and_the_newest_that_is_whole_is_found(tmp_path: Path, state: Checkpoint) -> None:
    file = tmp_path / "a.safetensors"
    keeper = Autosave(file)
    assert newest_autosave(file) is None
    for iteration in (1, 2, 3):
        keeper.keep(at(state, iteration))
    assert sorted(os.listdir(tmp_path)) == ["a.autosave", "a.autosave-older"]
    found = newest_autosave(file)
    assert found is not None and found[0] == keeper.file == tmp_path / "a.autosave" and found[1].iteration == 3
    keeper.file.write_bytes(keeper.file.read_bytes()[:-100])  # a disk that lost its last bytes
    found = newest_autosave(file)
    assert found is not None and found[1].iteration == 2
    keeper.remove()
    keeper.remove()
    assert not os.listdir(tmp_path)


def test_what_ended_processes_left_is_found_and_bounded(tmp_path: Path, state: Checkpoint) -> None:
    own = Autosave.of_process(tmp_path / "runs")
    own.keep(state)
    folder, machine = own.file.parent, own.file.stem.split("-")[0]
    assert not left_autosaves(folder) and not left_autosaves(tmp_path / "none")
    for k in range(autosave.MOST_LEFT + 2):  # numbers that no process has
        for suffix in (".autosave", ".autosave-older")[k % 2 :]:
            path = folder / f"{machine}-{2**31 - 2 - k}{suffix}"
            save_checkpoint(path, at(state, k))
            os.utime(path, (k, k))
    left = left_autosaves(folder)
    assert [read_checkpoint(path).iteration for path in left] == [6, 5, 4, 3, 2]
    assert left[0].suffix == ".autosave" and left[1].suffix == ".autosave-older"
    assert len(os.listdir(folder)) == 9  # two each of three, one each of two, and that of this process
    own.take_over(left[0])
    assert read_checkpoint(own.file).iteration == 6 and len(os.listdir(folder)) == 7
    own.remove()
    assert [read_checkpoint(path).iteration for path in left_autosaves(folder)] == [5, 4, 3, 2]


def test_what_is_older_than_the_saved_file_is_not_gone_on_with(tmp_path: Path, state: Checkpoint) -> None:
    file = tmp_path / "a.safetensors"
    Autosave(file).keep(at(state, 7))
    save_checkpoint(file, at(state, 9))
    os.utime(tmp_path / "a.autosave", (1, 1))
    assert newest_autosave(file) is None
    os.utime(file, (0, 0))
    found = newest_autosave(file)
    assert found is not None and found[1].iteration == 7


def test_a_state_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, state: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, clock = tmp_path / "a.safetensors", Clock()
    keeper = Autosave(file, clock)
    keeper.keep(at(state, 1))

    def full(path: Path, _: Checkpoint) -> Checkpoint:
        raise CheckpointError(f"Cannot write '{path}': the disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save_checkpoint", full)
        for _ in range(2):
            clock.now += 20
            with pytest.raises(CheckpointError, match="the disk is full"):
                keeper.keep(at(state, 2))
            assert not keeper.due
    found = newest_autosave(file)
    assert found is not None and found[1].iteration == 1
    keeper.keep(at(state, 3))
    found = newest_autosave(file)
    assert found is not None and found[1].iteration == 3
