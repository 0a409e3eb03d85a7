"""An export that was interrupted goes on, and its file is the one that would have been."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dnf_studio.core import partials
from dnf_studio.core.files import atomic_file
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import BLOCK, SampleBlock, sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage import export_plan, provenance, samples
from dnf_studio.core.storage.export_plan import ExportPlan, plan_of
from dnf_studio.core.storage.journal import Entry, Journal, Unfinished, unfinished_export, unfinished_exports
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DivergenceError, ExportError
from tests.core.storage.files import make_flow

PLAN = ExportPlan(7000, SampleSettings(steps=2, seed=5), trajectories=True, noise=True)
LONG = replace(PLAN, count=70_000)
"""More than a block of sums."""


@pytest.fixture(autouse=True)
def same_day(monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:
            return datetime(2026, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(provenance, "datetime", Day)


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that take no time: only their numbers are in them."""

    def blocks(
        flow: DiffFlow, count: int, settings: SampleSettings, *, start: int = 0, rows: int = 2048, **kept: bool
    ) -> Iterator[SampleBlock]:
        rows = rows if count < BLOCK else 16_384
        for first in range(start, count, rows):
            x = np.repeat(np.arange(first, min(first + rows, count), dtype=np.float32)[:, None], flow.dim, axis=1)
            path, noise = (np.repeat(x[:, None], settings.steps + more, axis=1) for more in (1, 0))
            yield SampleBlock(first, x, -x, path if kept["trajectories"] else None, noise if kept["noise"] else None)

    monkeypatch.setattr(samples, "sample_blocks", blocks)


def interrupted(path: Path, after: int = 2, plan: ExportPlan = PLAN, keep: bool = True) -> Unfinished | None:
    running = export_samples(make_flow(), path, plan, keep=lambda: keep)
    for _ in range(1 + after):
        next(running)
    running.close()
    return unfinished_export(path)


def whole(path: Path, plan: ExportPlan = PLAN) -> bytes:
    list(export_samples(make_flow(), path, plan))
    return path.read_bytes()


def resumed(path: Path, left: Unfinished | None, plan: ExportPlan = PLAN) -> list[int]:
    assert left is not None
    return [now.done for now in export_samples(make_flow(), path, plan, keep=lambda: True, resume=left)]


def test_the_whole_file_is_the_one_that_was_never_interrupted(tmp_path: Path) -> None:
    """Twice interrupted, in the middle of a block of sums and of a chunk."""
    path = tmp_path / "a.h5"
    expected = whole(tmp_path / "b.h5", LONG)
    left = interrupted(path, plan=LONG)
    assert left is not None and left.rows == 32_768 and not path.exists()
    running = export_samples(make_flow(), path, LONG, keep=lambda: True, resume=left)
    assert [next(running).done for _ in range(3)] == [0, 32_768, 49_152]
    running.close()
    assert resumed(path, unfinished_export(path), LONG) == [0, 49_152, 65_536, 70_000]
    assert path.read_bytes() == expected and sorted(os.listdir(tmp_path)) == ["a.h5", "b.h5"]


def test_real_rows_go_on_where_they_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "sample_blocks", lambda *a, **k: sample_blocks(*a, **{**k, "rows": 1024}))
    monkeypatch.setattr(samples, "_log_prob", lambda _flow, block, _pool: block.samples[:, 0])
    plan = ExportPlan(2500, SampleSettings(steps=2), trajectories=True, noise=True, log_prob=True)
    left = interrupted(tmp_path / "a.h5", 1, plan)
    assert resumed(tmp_path / "a.h5", left, plan) == [0, 1024, 2048, 2500]
    assert (tmp_path / "a.h5").read_bytes() == whole(tmp_path / "b.h5", plan)


@pytest.mark.parametrize("when", ["cancel", "divergence", "compressed", "first"])
def test_nothing_is_kept_that_nobody_could_go_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "divergence":
        some = samples.sample_blocks

        def blocks(*words: object, **more: object) -> Iterator[SampleBlock]:
            yield next(some(*words, **more))
            raise DivergenceError("Sampling diverged.")

        monkeypatch.setattr(samples, "sample_blocks", blocks)
        with pytest.raises(DivergenceError):
            list(export_samples(make_flow(), tmp_path / "a.h5", PLAN, keep=lambda: True))
    else:
        plan = replace(PLAN, compress=when == "compressed")
        assert interrupted(tmp_path / "a.h5", 0 if when == "first" else 2, plan, keep=when != "cancel") is None
    assert not os.listdir(tmp_path)


def torn_journal(left: Unfinished) -> int:
    left.journal.write_bytes(left.journal.read_bytes()[:-9])
    return 2048


def torn_rows(left: Unfinished) -> int:
    """As a failure of power may leave it: the journal tells of rows that are not there."""
    with h5py.File(left.partial, "r+") as file:
        file["latents"][3000] = 7
    return 2048


def torn_first(left: Unfinished) -> int:
    with h5py.File(left.partial, "r+") as file:
        file["samples"][20] = 7
    return 0


@pytest.mark.parametrize("tear", [torn_journal, torn_rows, torn_first])
def test_what_is_torn_is_drawn_again(tmp_path: Path, tear: Callable[[Unfinished], int]) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    first = tear(left)
    assert resumed(tmp_path / "a.h5", unfinished_export(tmp_path / "a.h5"))[:2] == [0, first]
    assert (tmp_path / "a.h5").read_bytes() == whole(tmp_path / "b.h5")


def test_another_file_in_its_place_is_refused_and_stays(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    with h5py.File(left.partial, "w") as file:
        file["samples"] = np.zeros((7000, 2), np.float32)
    with pytest.raises(ExportError, match=r"is no part of it; begin anew\.$"):
        resumed(tmp_path / "a.h5", left)
    (again,) = unfinished_exports(tmp_path)
    whole(tmp_path / "a.h5")
    assert not again.partial.exists() and os.listdir(tmp_path) == ["a.h5"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 8000}, "its number of samples n was 7,000 and is 8,000 now"),
        ({"settings": SampleSettings(steps=3, seed=5)}, "its number of steps N was 2 and is 3 now"),
        ({"settings": SampleSettings(steps=2, seed=5, solver="ode", lam=0.5)}, "its noise level λ was 1.0 and is 0.5"),
        ({"settings": SampleSettings(steps=2, seed=6, grid="uniform")}, "its time grid was none and is uniform now"),
        ({"noise": False}, "its choice of noise was yes and is no now"),
    ],
)
def test_what_is_asked_must_agree(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    left = interrupted(tmp_path / "a.h5")
    with pytest.raises(ExportError, match=r"begin anew\.$") as caught:
        resumed(tmp_path / "a.h5", left, replace(PLAN, **change))
    assert said in str(caught.value) and unfinished_export(tmp_path / "a.h5") == left


def test_so_must_the_model_and_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    assert plan_of(left.asked).contents(2, 2) == PLAN.contents(2, 2)
    with pytest.raises(ExportError, match=r"its model, by its SHA-256 sum, was [0-9a-f]{12}… and is"):
        export_samples(make_flow(seed=1), tmp_path / "a.h5", PLAN, resume=left)
    monkeypatch.setattr(export_plan.torch, "__version__", "1.0")
    with pytest.raises(ExportError, match=r"version of torch was .* and is 1\.0 now"):
        resumed(tmp_path / "a.h5", left)


def test_an_export_without_it_begins_anew_and_other_files_leave_it_alone(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    with atomic_file(tmp_path / "b.txt", ExportError) as partial:
        partial.write_text("")
    whole(tmp_path / "c.h5")
    assert unfinished_export(tmp_path / "a.h5") == left
    whole(tmp_path / "a.h5")
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "b.txt", "c.h5"]


@pytest.mark.parametrize("break_", ["between", "head", "foreign"])
def test_a_process_that_dies_while_it_takes_the_files_over(tmp_path: Path, break_: str) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    mark = f"{partials.process_mark().split('-')[0]}-{ended.pid}"
    if break_ == "between":
        left.journal.rename(left.journal.with_name(f".a.h5.journal-{mark}"))
        found = unfinished_export(tmp_path / "a.h5")
        assert resumed(tmp_path / "a.h5", found)[1] == 4096
        assert os.listdir(tmp_path) == ["a.h5"]
        return
    head = json.loads(left.journal.read_bytes().split(b"\n")[0])
    torn = (
        b'{"format": ' if break_ == "head" else json.dumps(head | {"target": "../a.h5"}).encode() + b"\n[1,1,null,0]\n"
    )
    left.journal.write_bytes(torn)
    assert unfinished_exports(tmp_path) == [] and not os.listdir(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="numbers of processes are asked for on POSIX only")
def test_those_of_running_processes_and_other_machines_are_nobodys(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "a.h5")
    assert left is not None
    for mark in (partials.process_mark(), f"00000000-{2**31 - 1}"):
        for path, kind in ((left.partial, "partial"), (left.journal, "journal")):
            path.with_name(f".b.h5.{kind}-{mark}").write_bytes(path.read_bytes())
    before = sorted(os.listdir(tmp_path))
    partials.remove_abandoned(tmp_path)
    assert unfinished_exports(tmp_path) == [left] and sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("told", [True, False])
def test_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """What lies in the folder at some moment, under the marks of a process that is no more: after the rows were handed
    to the system, and after the journal told of them or before."""
    path, add = tmp_path / "a.h5", Journal.add
    mark = f"{partials.process_mark().split('-')[0]}-{2**31 - 1}"

    def copy(journal: Journal, entry: Entry, to_disk: bool) -> None:
        if told:
            add(journal, entry, to_disk)
        if entry.rows == 4096:
            for kind in ("partial", "journal"):
                (found,) = tmp_path.glob(f".b.h5.{kind}-*")
                shutil.copy(found, tmp_path / f".a.h5.{kind}-{mark}")
        if not told:
            add(journal, entry, to_disk)

    monkeypatch.setattr(Journal, "add", copy)
    list(export_samples(make_flow(), tmp_path / "b.h5", PLAN, keep=lambda: True))
    monkeypatch.undo()
    (journal,) = tmp_path.glob(".a.h5.journal-*")
    journal.write_bytes(journal.read_bytes().replace(b'"b.h5"', b'"a.h5"'))
    same_day.__wrapped__(monkeypatch)
    no_models.__wrapped__(monkeypatch)
    left = unfinished_export(path)
    assert left is not None and left.rows == (4096 if told else 2048)
    assert resumed(path, left)[:3] == [0, left.rows, left.rows + 2048]
    assert path.read_bytes() == (tmp_path / "b.h5").read_bytes()
