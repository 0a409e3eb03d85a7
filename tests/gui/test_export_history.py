"""The history of exports: twenty, each file once, from session to session; damage is left out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from dnf_studio.gui.export_estimate import about, in_bytes
from dnf_studio.gui.export_history import KEPT, KEY, ExportHistory, ExportRecord


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "settings.ini")


def history(file: str) -> ExportHistory:
    return ExportHistory(QSettings(file, QSettings.Format.IniFormat))


def record(name: str, count: int = 10) -> ExportRecord:
    return ExportRecord(f"/data/Größe, {name}.h5", count, 30, 0.5, 1234, "2026-01-02T03:04:05+00:00", selected=True)


def test_it_lasts_and_keeps_the_newest_twenty(file: str) -> None:
    first = history(file)
    for k in range(25):
        first.add(record(str(k)))
    first._settings.sync()
    found = history(file).records
    assert found == tuple(record(str(k)) for k in range(24, 4, -1)) and len(found) == KEPT


def test_a_file_that_is_written_again_has_one_place(file: str) -> None:
    kept = history(file)
    for name, count in (("a", 1), ("b", 2), ("a", 3)):
        kept.add(record(name, count))
    assert [found.count for found in kept.records] == [3, 2]
    kept.remove(record("a").path)
    assert [found.count for found in kept.records] == [2]


@pytest.mark.parametrize("damage", ["", "nonsense", "{}", "[1, null]", '[{"path": 3}]', "[" * 5000])
def test_what_cannot_be_read_is_left_out(file: str, damage: str) -> None:
    kept = history(file)
    kept._settings.setValue(KEY, damage)
    assert kept.records == ()
    kept.add(record("a"))
    assert kept.records == (record("a"),)


def test_one_damaged_record_does_not_take_the_others_along(file: str) -> None:
    kept = history(file)
    good = asdict(record("a"))
    kept._settings.setValue(KEY, json.dumps([good | {"count": "many"}, good]))
    assert kept.records == (record("a"),)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 10**400, -(10**400)])
@pytest.mark.parametrize("name", ["count", "steps", "lam", "size"])
def test_numbers_that_cannot_be_shown_are_left_out(file: str, name: str, wrong: float) -> None:
    kept = history(file)
    good = asdict(record("a"))
    kept._settings.setValue(KEY, json.dumps([good | {name: wrong}, good]))
    assert kept.records == (record("a"),)


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "0.5 KiB"), (100_000, "97.7 KiB"), (16 << 20, "16 MiB"), (3 << 30, "3 GiB"), (5 << 40, "5 TiB")],
)
def test_sizes_are_written_short(size: int, text: str) -> None:
    assert in_bytes(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "a second"), (12.3, "12 seconds"), (130, "2:10")])
def test_times_are_no_finer_than_known(seconds: float, text: str) -> None:
    assert about(seconds) == text
