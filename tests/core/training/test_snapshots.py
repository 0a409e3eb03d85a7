"""Snapshots of a run: few and evenly spread however long it is, without a trace in its weights."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint
from dnf_studio.core.storage.snapshots import MOST_LISTED, KeptWeights, listed_snapshots, snapshot_folder
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.snapshots import Snapshots, is_kept, spacing, thinned
from dnf_studio.errors import CheckpointError

TINY = Config().changed(
    {
        "data": "moons",
        "sde.steps": 4,
        "network.channels": 8,
        "network.layers": 1,
        "training.batch": 20,
        "training.iterations": 12,
    }
)


def kept_of(iterations: int, most: int) -> list[int]:
    exponent = spacing(iterations, most)
    return [i for i in range(iterations + 1) if is_kept(i, exponent)]


@pytest.mark.parametrize(("iterations", "most"), [(7, 200), (150, 200), (2310, 200), (20_000, 200), (20_000, 9)])
def test_they_are_few_and_evenly_spread_over_the_square_root(iterations: int, most: int) -> None:
    kept = kept_of(iterations, most)
    assert kept[0] == 0 and len(kept) <= most
    step = 2.0 ** spacing(iterations, most)
    gaps = [sqrt(b) - sqrt(a) for a, b in pairwise(kept)]
    # Never nearer than every iteration, never further apart than two multiples and one iteration
    assert all(gap < 2 * step + sqrt(a + 1) - sqrt(a) for gap, a in zip(gaps, kept, strict=False))
    assert len(kept) >= min(iterations + 1, most) / 4
    if iterations <= 50:
        assert kept == list(range(iterations + 1))


@pytest.mark.parametrize("most", [2, 7, 200])
def test_a_longer_run_keeps_a_part_of_what_a_shorter_one_did(most: int) -> None:
    for iterations in (0, 1, 30, 777, 12_345):
        early, late = spacing(iterations, most), spacing(4 * iterations + 3, most)
        assert late >= early
        assert all(is_kept(i, early) for i in range(iterations + 1) if is_kept(i, late))


def test_the_number_is_bounded_at_every_iteration_and_follows_the_rule() -> None:
    snapshots = Snapshots(size=10, most_bytes=120)
    assert snapshots.most == 12
    for i in range(700):
        if snapshots.wants(i):
            snapshots.add(KeptWeights(i, 10))
        assert len(snapshots.all) <= 12
    assert [each.iteration for each in snapshots.all] == kept_of(snapshots.all[-1].iteration, 12)
    assert Snapshots(size=100, most_bytes=199).wants(0) is False
    assert thinned([KeptWeights(0, 100), KeptWeights(1, 100)], 1, 199) == ()


def test_keeping_leaves_no_trace_in_the_weights_and_keeps_what_sampling_used() -> None:
    seen, runs = {}, (Run(TINY), Run(TINY))
    runs[0].snapshots = Snapshots(size=1, most_bytes=0)
    for run in runs:
        for report in run:
            seen[report.iteration] = {name: own.clone() for name, own in run.flow.state_dict().items()}
    assert runs[0].snapshots.all == () and len(runs[1].snapshots.all) == 13
    raw = [run.state().weights.raw for run in runs]
    assert all(torch.equal(own, raw[1][name]) for name, own in raw[0].items())
    for kept in runs[1].snapshots.all[1:]:
        found = kept.read().build().state_dict()
        assert all(torch.equal(own, found[name]) for name, own in seen[kept.iteration].items())


def test_what_was_kept_is_kept_with_its_own_n() -> None:
    run = Run(TINY)
    reports = iter(run)
    next(reports)
    run.apply({"sde.steps": 7})
    next(reports)
    assert [kept.read().build().timestamps.shape for kept in run.snapshots.all] == [(5,), (5,), (8,)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    run, path = Run(TINY), tmp_path_factory.mktemp("saved") / "moons.safetensors"
    for _ in run:
        pass
    run.save(path, snapshots=True)
    return run, path


def bytes_of(found: Checkpoint) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in found.tensors.items()}


def test_a_saved_run_has_the_same_bytes_beside_it_and_goes_on_keeping(saved: tuple[Run, Path], tmp_path: Path) -> None:
    run, path = saved
    again = Run.resume(path, {"training.iterations": 14})
    pairs = zip(run.snapshots.all, again.snapshots.all, strict=True)
    assert all(bytes_of(one.read()) == bytes_of(other.read()) for one, other in pairs)
    for _ in again:
        pass
    assert [kept.iteration for kept in again.snapshots.all] == list(range(15))
    copy = tmp_path / "further.safetensors"
    again.save(copy, snapshots=True)
    assert len(listed_snapshots(read_checkpoint(copy), copy)) == 15
    again.save(copy)
    assert not snapshot_folder(copy).exists()


def test_going_back_forgets_what_was_after_it(saved: tuple[Run, Path]) -> None:
    run = Run.resume(saved[1])
    run.snapshots.go_back(5)
    assert [kept.iteration for kept in run.snapshots.all] == list(range(6))


def damaged(saved: tuple[Run, Path], tmp_path: Path) -> tuple[Checkpoint, Path, Path]:
    """The run of a copy to be spoilt, the file, and the folder of its snapshots."""
    run, copy = saved[0], tmp_path / "moons.safetensors"
    run.save(copy, snapshots=True)
    return read_checkpoint(copy), copy, snapshot_folder(copy)


def test_wrong_files_are_refused_in_one_sentence(saved: tuple[Run, Path], tmp_path: Path) -> None:
    run, path, folder = damaged(saved, tmp_path)
    kept = {each.iteration: each for each in listed_snapshots(run, path)}
    files = sorted(folder.iterdir())
    whole = files[3].read_bytes()
    files[3].write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match="truncated: it has"):
        kept[3].read()
    files[3].write_bytes(whole[:-4] + bytes([whole[-4] ^ 1]) + whole[-3:])
    with pytest.raises(CheckpointError, match="was altered: its tensors"):
        kept[3].read()
    files[3].write_bytes(files[4].read_bytes())
    with pytest.raises(CheckpointError, match="does not hold the weights of iteration 3"):
        kept[3].read()
    files[3].unlink()
    with pytest.raises(CheckpointError, match="There is no file"):
        kept[3].read()


def test_a_folder_of_another_run_is_refused_and_does_not_keep_one_from_going_on(
    saved: tuple[Run, Path], tmp_path: Path
) -> None:
    run, path, folder = damaged(saved, tmp_path)
    other = Run(TINY.changed({"training.seed": 1, "training.iterations": 1}))
    for _ in other:
        pass
    other.save(folder / "000000012.safetensors", "weights")
    with pytest.raises(CheckpointError, match="are of another run"):
        listed_snapshots(run, path)
    assert Run.resume(path).snapshots.all == ()
    # Later than the run, and other names, are not its own
    (folder / "000000012.safetensors").rename(folder / "000000013.safetensors")
    (folder / "notes.txt").write_text("mine")
    assert len(listed_snapshots(run, path)) == 12
    for i in range(MOST_LISTED + 1):
        (folder / f"{i + 20:09d}.safetensors").touch()
    with pytest.raises(CheckpointError, match="more than any run keeps"):
        listed_snapshots(run, path)
