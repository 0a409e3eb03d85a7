"""An export that ranks draw in shards is that of one process, whoever draws them, and damaged shards are told of."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dnf_studio.core import partials
from dnf_studio.core.data import hdf5_reading
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.ranks import ALONE, RankError, Ranks, RanksDiffer
from dnf_studio.core.sampling import blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage import (
    checksums,
    export_plan,
    ranked_export,
    sample_file,
    sample_reader,
    samples,
    shard_join,
    shard_place,
    shards,
    verify,
)
from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress
from dnf_studio.core.storage.ranked_export import export_by_ranks
from dnf_studio.core.storage.sample_reader import opened_export, read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.storage.shard_place import RankState, ShardPlace
from dnf_studio.core.storage.verify import Verified, verify_export
from dnf_studio.errors import ExportError, SettingError
from tests.core.storage.files import make_flow
from tests.ranks import as_ranks

BLOCK = 2048
COUNT = 4 * BLOCK + 300
PLAN = ExportPlan(COUNT, SampleSettings(steps=2, seed=5), trajectories=True, noise=True)


FLOW = make_flow()


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (blocks, checksums, export_plan, sample_file, sample_reader, shard_join, shards, verify):
            patch.setattr(module, "BLOCK", BLOCK)
        patch.setattr(sample_file, "VIEW_POINTS", 1000)
        patch.setattr(ranked_export, "WAIT", 0.005)
        patch.setattr(ranked_export, "LOOK_EVERY", 0.0)
        yield


@pytest.fixture(scope="module")
def whole(small_blocks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the plan by one process in one file."""
    path = tmp_path_factory.mktemp("whole") / "a.h5"
    list(export_samples(FLOW, path, PLAN))
    return path


@pytest.fixture(scope="module")
def two(small_blocks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in shards by two ranks."""
    path = tmp_path_factory.mktemp("two") / "a.h5"
    as_ranks(2, lambda ranks: drawn(path, ranks, shards=True))
    return path


@pytest.fixture
def shown(two: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    shutil.copytree(two.parent, tmp_path / "copy")
    return tmp_path / "copy" / "a.h5"


def drawn(
    path: Path,
    ranks: Ranks = ALONE,
    plan: ExportPlan = PLAN,
    data: Dataset | None = None,
    shards: bool = False,
    resume: bool = False,
) -> list[ExportProgress]:
    return list(export_by_ranks(FLOW, path, plan, None, data, ranks=ranks, shards=shards, resume=resume))


def same(path: Path, other: Path, plan: ExportPlan = PLAN) -> None:
    """Both are exports of the plan with the same bytes in every dataset."""
    with h5py.File(path) as file, h5py.File(other) as expected:
        for name in plan.contents(2, 2).axes:
            assert file[name][:].tobytes() == expected[name][:].tobytes(), name
            assert (file[f"checksums/{name}"][:] == expected[f"checksums/{name}"][:]).all()
        assert all((file["view"][name][:] == expected["view"][name][:]).all() for name in ("x", "y", "latent_radius"))
        assert set(expected.attrs) == set(file.attrs)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_bytes_are_those_of_one_process(tmp_path: Path, whole: Path, count: int) -> None:
    path = tmp_path / "a.h5"
    found = as_ranks(count, lambda ranks: drawn(path, ranks))
    assert found[0][-1].done == COUNT and os.listdir(tmp_path) == ["a.h5"]
    assert all(now.done < COUNT for one in found[1:] for now in one)
    same(path, whole)
    times = [read_export(file).created.encode() for file in (path, whole)]
    assert path.read_bytes().replace(*times) == whole.read_bytes()


def test_densities_and_counts_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A density that depends on the other points of its sub-block, as that of an adaptive solver does."""
    monkeypatch.setattr(DiffFlow, "log_prob", lambda _flow, x, _method: x[:, 0] * len(x) + x.sum())
    plan, data = replace(PLAN, count=BLOCK + 300, log_prob=True, trajectories=False), open_dataset("rings")
    list(export_samples(FLOW, tmp_path / "one.h5", plan, data=data))
    found = as_ranks(2, lambda ranks: drawn(tmp_path / "a.h5", ranks, plan, data=data))
    same(tmp_path / "a.h5", tmp_path / "one.h5", plan)
    assert found[0][-1].far == read_export(tmp_path / "one.h5").far_samples


def shard(path: Path, number: int = 2) -> Path:
    return next(path.parent.glob(f"a.*-{number:03}-of-005.h5"))


def test_the_rows_of_shards_are_those_of_one_file(two: Path, whole: Path) -> None:
    shown, expected = two, whole
    assert sorted(p.name[-13:-3] for p in shown.parent.glob("a.*-of-*.h5")) == [f"{k:03}-of-005" for k in range(1, 6)]
    # By plain h5py, from another folder
    same(shown, expected)
    assert len(read_export(shown).shards) == 5 and not read_export(expected).shards
    with opened_export(shown) as (file, _):
        for start, stop in ((0, 1), (2000, 2100), (BLOCK, 3 * BLOCK + 1), (COUNT - 1, COUNT), (7, 7)):
            for name in ("samples", "trajectories"):
                rows = sample_reader.rows_of(file, name, start, stop)
                assert np.array_equal(rows, read_rows(expected, name, start, stop))
    *_, last = verify_export(shown, FLOW, [0, 8])
    assert isinstance(last, Verified) and (last.rows, last.largest_difference, last.checksums) == (COUNT, 0.0, 20)


def test_a_shard_is_an_export_by_itself(two: Path) -> None:
    *_, last = verify_export(shard(two, 3), FLOW, [0, 1])
    assert isinstance(last, Verified) and (last.rows, last.rows_redrawn, last.largest_difference) == (BLOCK, BLOCK, 0.0)


def begun(path: Path, ranks: Ranks, shards: bool = False) -> None:
    """Some of it, until each rank has a part of a shard more."""
    work = export_by_ranks(FLOW, path, PLAN, ranks=ranks, shards=shards)
    for _ in range(4):
        next(work)
    ranks.barrier()
    work.close()


@pytest.mark.parametrize(("before", "after", "in_shards"), [(2, 3, False), (3, 1, True), (1, 2, False)])
def test_others_go_on_with_what_some_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, before: int, after: int, in_shards: bool
) -> None:
    monkeypatch.setattr(samples, "sample_blocks", lambda *a, **k: blocks.sample_blocks(*a, **{**k, "rows": 1024}))
    path = tmp_path / "a.h5"
    as_ranks(before, lambda ranks: begun(path, ranks, shards=in_shards))
    assert not path.exists()
    with pytest.raises(
        ExportError, match=r"^The interrupted export of '.*' cannot be gone on with, for its number of s"
    ):
        drawn(path, plan=replace(PLAN, count=COUNT + 1), shards=in_shards, resume=True)
    found = as_ranks(after, lambda ranks: drawn(path, ranks, shards=in_shards, resume=True))
    assert found[0][0].first >= 1024 * before
    same(path, whole)
    assert not (tmp_path / ".a.h5.shards").exists()


def test_ranks_that_are_asked_for_another_thing(tmp_path: Path) -> None:
    def work(ranks: Ranks) -> str:
        with pytest.raises(RanksDiffer) as told:
            drawn(tmp_path / "a.h5", ranks, replace(PLAN, count=COUNT + ranks.rank))
        return str(told.value)

    assert as_ranks(2, work)[0].startswith(f"Rank 1 has another number of samples n than rank 0, {COUNT + 1} in the p")
    assert not os.listdir(tmp_path)


def test_a_rank_whose_disk_is_full_is_told_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Iterator[object]:
        raise ExportError("Cannot write 'a.h5': the disk is full.")

    def work(ranks: Ranks) -> str:
        real = ranked_export._draw
        monkeypatch.setattr(ranked_export, "_draw", lambda w, *more: full() if w.ranks.rank else real(w, *more))
        with pytest.raises((ExportError, RankError)) as told:
            drawn(tmp_path / "a.h5", ranks)
        return str(told.value)

    assert as_ranks(2, work)[0] == "Rank 1 has ended: Cannot write 'a.h5': the disk is full."


@pytest.mark.parametrize("killed", [True, False])
def test_a_rank_that_is_killed_or_hangs_is_told_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    def work(ranks: Ranks) -> str:
        running = export_by_ranks(FLOW, tmp_path / "a.h5", PLAN, ranks=ranks)
        if ranks.rank:
            if killed:
                ShardPlace(tmp_path / "a.h5", tmp_path).tell(1, RankState(f"{partials._machine()}-0", "here"))
            ranks.barrier()
            return ""
        ranks.barrier()
        with pytest.raises(RankError) as told:
            list(running)
        return str(told.value)

    told = as_ranks(2, work, patience=30.0 if killed else 0.3)[0]
    assert told.startswith("Rank 1 has ended before its" if killed else "Rank 1 of 2 has written nothing for ")


def test_a_rank_that_does_not_see_the_folder_is_told_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_place, "APPEAR", 0.1)

    def work(ranks: Ranks) -> str:
        place = tmp_path if ranks.writes else tmp_path / "elsewhere"
        monkeypatch.setattr(Ranks, "require_same", lambda *_: None)
        place.mkdir(exist_ok=True)
        with pytest.raises(ExportError) as told:
            drawn(place / "a.h5", ranks)
        return str(told.value)

    said = as_ranks(2, work)
    assert all(text.startswith("Rank 1 does not see '") for text in said) and "file system" in said[0]


def test_two_exports_to_one_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_place, "WATCH", 0.5)
    monkeypatch.setattr(shard_place, "TOUCH_EVERY", 0.05)
    first = export_by_ranks(FLOW, tmp_path / "a.h5", PLAN)
    next(first)
    with pytest.raises(ExportError, match=r"^Another program, on '.*', is writing an export to '.*a\.h5'; wait for it"):
        drawn(tmp_path / "a.h5", resume=True)
    place = ShardPlace(tmp_path / "a.h5", tmp_path / "a.h5")
    (place.folder / "owner.json").write_text(json.dumps({"process": "00000000-7", "host": "far"}))
    with place.held(), pytest.raises(ExportError, match=r"^Another program, on 'far', is writing"):
        place.refuse_busy()
    first.close()
    # One of another machine that is not touched any more
    (place.folder / "owner.json").write_text(json.dumps({"process": "00000000-7", "host": "far"}))
    place.refuse_busy()
    # Without --resume what is there goes
    (place.folder / "a.00000000-001-of-005.h5").touch()
    first = export_by_ranks(FLOW, tmp_path / "a.h5", PLAN)
    assert next(first).first == 0 and not list(place.folder.glob("a.*.h5"))
    first.close()


def test_what_lies_in_the_place_of_the_shards(tmp_path: Path) -> None:
    (tmp_path / ".a.h5.shards").mkdir()
    (tmp_path / ".a.h5.shards" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"is in the way of the shards"):
        drawn(tmp_path / "a.h5")
    assert (tmp_path / ".a.h5.shards" / "mine.txt").exists()
    with pytest.raises(SettingError, match=r"^Shards are of new samples, "):
        drawn(tmp_path / "a.h5", plan=replace(PLAN, compress=True))


def test_a_shard_that_rots_before_it_is_merged_is_drawn_again(tmp_path: Path, whole: Path) -> None:
    work = export_by_ranks(FLOW, tmp_path / "a.h5", PLAN)
    for _ in work:
        if found := list((tmp_path / ".a.h5.shards").glob("a.*-001-of-005.h5")):
            break
    work.close()
    with h5py.File(found[0], "r+") as file:
        file["latents"][5] = 0.5
    with pytest.raises(ExportError, match=r"^The rows of latents in the shard 'a\..*-001-of-005\.h5' are not what was"):
        drawn(tmp_path / "a.h5", resume=True)
    drawn(tmp_path / "a.h5", resume=True)
    same(tmp_path / "a.h5", whole)


def gone(path: Path) -> None:
    shard(path).unlink()


def shorter(path: Path) -> None:
    shard(path).write_bytes(shard(path).read_bytes()[:-1])


def linked(path: Path) -> None:
    shard(path).rename(path.parent / "elsewhere.h5")
    os.symlink("elsewhere.h5", path.parent / next(one.name for one in read_names(path) if "-002-" in one.name))


def read_names(path: Path) -> tuple[shards.Shard, ...]:
    with h5py.File(path) as file:
        return shards.read_list(json.loads(file["provenance/shards"][()]), COUNT)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (gone, r"^The export '.*' has its samples in shards beside it, and 'a\..*-002-of-005\.h5' is not there; put"),
        (shorter, r"^The shard '.*-002-of-005\.h5' has [\d,]+ bytes and was written with [\d,]+; put"),
        (linked, r"^The shard '.*' is no plain file"),
    ],
)
def test_a_shard_that_is_not_there_as_it_was(shown: Path, harm: Callable[[Path], None], said: str) -> None:
    harm(shown)
    with pytest.raises(ExportError, match=said):
        read_rows(shown, "samples", 0, 1)
    if harm is gone:
        with h5py.File(shown) as file:
            assert np.isnan(file["samples"][BLOCK : 2 * BLOCK]).all()


def test_a_shard_of_another_export_and_one_that_was_changed(shown: Path) -> None:
    place = shard(shown, 2)
    own = place.read_bytes()
    place.write_bytes(shard(shown, 3).read_bytes())
    assert len(read_rows(shown, "samples", 0, BLOCK)) == BLOCK
    with pytest.raises(ExportError, match=r"^The shard '.*-002-of-005\.h5' is of another export; "):
        read_rows(shown, "samples", BLOCK, BLOCK + 1)
    place.write_bytes(own)
    with h5py.File(place, "r+") as file:
        file["noise"][3, 1] = 0.25
    with pytest.raises(ExportError, match=rf"^Rows {BLOCK:,} to {2 * BLOCK - 1:,} of noise in '.*a\.h5' are not what"):
        list(verify_export(shown))


def renamed(change: Callable[[dict[str, Any]], object]) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        value = json.loads(file["provenance/shards"][()])
        change(value)
        del file["provenance/shards"]
        raw = json.dumps(value).encode()
        file.create_dataset("provenance/shards", data=raw, dtype=h5py.string_dtype("utf-8", len(raw)))

    return harm


def source(name: str, dataset: str = "samples", half: bool = False) -> Callable[[h5py.File], None]:
    """Another file, or another part, in the place of the first shard of the samples."""

    def harm(file: h5py.File) -> None:
        files = json.loads(file["provenance/shards"][()])["files"]
        layout = h5py.VirtualLayout((COUNT, 2), "f4")
        for k, one in enumerate(files):
            stop = one["first"] + one["rows"]
            shape = (one["rows"] + half, 2)
            shown = h5py.VirtualSource(one["name"] if k else name or one["name"], dataset, shape, "f4")
            layout[one["first"] : stop] = shown[half:] if half else shown
        del file["samples"]
        file.create_virtual_dataset("samples", layout)

    return harm


def plain(file: h5py.File) -> None:
    del file["provenance/shards"]


@pytest.mark.parametrize(
    "harm",
    [
        plain,
        source("../a.h5"),
        source("/etc/a.h5"),
        source("b.00000000-001-of-005.h5"),
        source("", "latents"),
        source("", half=True),
        renamed(lambda value: value["files"][0].update(name="../a.00000000-001-of-005.h5")),
        renamed(lambda value: value["files"][0].update(name="a%b.00000000-001-of-005.h5")),
        renamed(lambda value: value["files"][1].update(first=0)),
        renamed(lambda value: value["files"].pop()),
        renamed(lambda value: value.update(files=[])),
        renamed(lambda value: value["files"][0].update(rows="2")),
    ],
)
def test_a_file_that_shows_something_else_is_refused(shown: Path, harm: Callable[[h5py.File], None]) -> None:
    with h5py.File(shown, "r+") as file:
        harm(file)
    with pytest.raises(ExportError, match=r"^The export '.*' is damaged or truncated and cannot be read\.$"):
        read_export(shown)


def test_a_shard_is_looked_at_in_this_process_only_if_it_is_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: set[hdf5_reading.Identity] = set()
    monkeypatch.setattr(hdf5_reading, "_own", own)
    path = tmp_path / "a.h5"
    path.write_bytes(b"one")
    written = hdf5_reading.identity_of(path)
    hdf5_reading.note_own(path, (0, *written[1:]))
    assert own == {written}
    own.clear()
    path.write_bytes(b"other")
    hdf5_reading.note_own(path, written)
    assert not own


def test_shards_depend_on_the_count_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "BLOCK", 65_536)
    for count in (1, 65_536, 65_537, 10**6, 10**8):
        found = shards.shards_of(Path("d%/.x\x01y.h5"), count, "0" * 8)
        assert len(found) <= shards.MOST_SHARDS and sum(one.rows for one in found) == count
        assert all(one.first % 65_536 == 0 and shards.NAME.fullmatch(one.name) for one in found)
    assert found[0].name == "x_y.00000000-001-of-128.h5"
    assert len(os.fsencode(shards.shards_of(Path("ü" * 120 + ".h5"), 9, "0" * 8)[0].name)) < 255 - 30
