"""The record of a run as it grows: what is waited for, what is passed over, and when a run is stale."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dnf_studio.core.partials import process_mark
from dnf_studio.core.storage.run_folder import LOCK, RECORD
from dnf_studio.core.training import run_reader
from dnf_studio.core.training.run_reader import MOST_REPORTS, RunReader
from dnf_studio.errors import CheckpointError
from tests.core.training.test_run_log import Clock


def line(iteration: int, loss: float = 1.0, **more: object) -> str:
    return json.dumps({"iteration": iteration, "over": 1, "loss": loss, "steps": 4, "at": iteration / 4} | more) + "\n"


def event(name: str, **more: object) -> str:
    return json.dumps({"event": name, "iteration": 0, "at": 0.0} | more) + "\n"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(tmp_path: Path, clock: Clock) -> RunReader:
    return RunReader(tmp_path, clock)


def write(reader: RunReader, text: str) -> None:
    with (reader.folder / RECORD).open("a", encoding="utf-8") as file:
        file.write(text)


def iterations(reader: RunReader) -> list[int]:
    return [report.iteration for report in reader.look().reports]


def test_a_cut_line_is_waited_for_and_nonsense_passed_over(reader: RunReader) -> None:
    assert iterations(reader) == []  # there is no file yet
    whole = line(2)
    write(reader, event("begin") + line(1) + whole[:9])
    assert iterations(reader) == [1]
    write(reader, whole[9:] + "nonsense\n\n" + event("of the future") + line(3))
    assert iterations(reader) == [2, 3]
    assert reader.unreadable == 1
    assert iterations(reader) == []


def test_events_say_what_there_is(reader: RunReader) -> None:
    write(reader, event("begin", process=7) + event("weights", file="newest.safetensors") + event("end", how="done"))
    told = reader.look()
    assert told.begun is not None and told.begun["process"] == 7
    assert told.weights == (0, "newest.safetensors")
    assert told.ended is not None and told.ended["how"] == "done"
    write(reader, event("begin"))
    told = reader.look()
    assert told.begun and told.ended is None and told.weights is None
    files = ((9, "newest.safetensors"), (4, "run.snapshots/000000004.safetensors"))
    write(reader, "".join(event("weights", iteration=iteration, file=file) for iteration, file in files))
    assert reader.look().weights == (9, "newest.safetensors")
    for file in ("../../secret.safetensors", "run.snapshots/000000001.safetensors", 5):
        write(reader, event("weights", file=file))
        assert reader.look().weights is None


def test_a_run_that_went_back_is_told_once(reader: RunReader) -> None:
    write(reader, "".join(line(k, loss=k) for k in range(1, 10)) + event("begin") + line(4, loss=0.5) + line(5))
    found = reader.look().reports
    assert [(report.iteration, report.loss) for report in found] == [(1, 1), (2, 2), (3, 3), (4, 0.5), (5, 1)]


def test_a_record_that_is_another_one_begins_anew(reader: RunReader) -> None:
    write(reader, line(1) + line(2))
    assert not reader.look().anew
    (reader.folder / RECORD).write_text(line(7))
    told = reader.look()
    assert told.anew and [report.iteration for report in told.reports] == [7]
    (reader.folder / RECORD).unlink()
    with pytest.raises(CheckpointError, match="not there any more"):
        reader.look()


def test_stale_is_what_is_quiet_for_ten_times_as_long_as_usual(reader: RunReader, clock: Clock) -> None:
    write(reader, event("begin") + "".join(line(k, at=5.0 * k) for k in range(1, 8)))
    reader.look()
    assert reader.usual == 5
    clock.now += 49
    reader.look()
    assert reader.quiet == 49 and not reader.stale
    clock.now += 2
    assert reader.stale
    write(reader, line(9, at=36.0))
    reader.look()
    assert not reader.stale
    # A sitting later the clock of the process begins anew, whatever that of its machine says
    write(reader, event("begin", at=0.1, time="1999-01-01T00:00:00+00:00") + line(10, at=5.1) + event("end", at=6))
    reader.look()
    assert 4 < reader.usual <= 5
    clock.now += 10_000
    assert not reader.stale


def test_the_lock_tells_whether_anybody_trains_here(reader: RunReader) -> None:
    assert reader.left
    for text, left in (("", True), (json.dumps({"mark": process_mark()}), False), ('{"mark": "00000000-1"}', False)):
        (reader.folder / LOCK).write_text(text)
        assert reader.left is left
    (reader.folder / LOCK).write_text(json.dumps({"mark": process_mark().split("-")[0] + "-999999999"}))
    assert reader.left


def test_a_long_record_is_thinned_while_it_is_read(reader: RunReader, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3 * MOST_REPORTS
    marks: Mapping[int, Any] = {5: [[4, "stage", 2, 4]]}
    write(reader, "".join(line(k, k, **({"marks": marks[k]} if k in marks else {})) for k in range(1, count + 1)))
    found = reader.look().reports
    assert MOST_REPORTS / 2 <= len(found) <= MOST_REPORTS and found[-1].iteration == count
    assert found[0].loss == pytest.approx(2.5)  # of the first four
    assert [mark.name for report in found for mark in report.marks] == ["stage"]
    size = (reader.folder / RECORD).stat().st_size
    monkeypatch.setattr(run_reader, "MOST_READ", size // 8)
    monkeypatch.setattr(run_reader, "PARTS", 16)
    other = RunReader(reader.folder)
    some = other.look().reports
    assert len(some) < count / 4 and (some[0].iteration, some[-1].iteration) == (1, count)
    assert all(a.iteration < b.iteration for a, b in pairwise(some))
    write(reader, line(count + 1))
    assert iterations(other) == [count + 1]


@pytest.mark.bench
def test_a_million_lines_open_in_seconds(tmp_path: Path) -> None:
    with (tmp_path / RECORD).open("w", encoding="utf-8") as file:
        file.writelines(
            line(k, learning_rate=0.001, gradient_norm=1.23456789, seconds=0.1) for k in range(1, 1_000_001)
        )
    reader, began = RunReader(tmp_path), time.process_time()
    found = reader.look().reports
    print(f"a record of a million lines: {time.process_time() - began:.2f} CPU-s, {len(found)} reports")
    assert len(found) <= MOST_REPORTS
