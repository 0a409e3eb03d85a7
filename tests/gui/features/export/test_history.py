"""The history of exports: twenty, each file once, from session to session; damage is left out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from dnf_studio.gui.features.export.list import KEPT, NAME, ExportHistory, ExportRecord
from dnf_studio.gui.workspace.memory import Memory


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def history(settings: QSettings) -> ExportHistory:
    return ExportHistory(Memory(settings))


def record(name: str, count: int = 10) -> ExportRecord:
    return ExportRecord(f"/data/Größe, {name}.h5", count, 30, 0.5, 1234, "2026-01-02T03:04:05+00:00", selected=True)


def test_it_lasts_and_keeps_the_newest_twenty(settings: QSettings) -> None:
    first = history(settings)
    for k in range(25):
        first.add(record(str(k)))
    settings.sync()
    found = history(QSettings(settings.fileName(), QSettings.Format.IniFormat)).records
    assert found == tuple(record(str(k)) for k in range(24, 4, -1)) and len(found) == KEPT


def test_a_file_that_is_written_again_has_one_place(settings: QSettings) -> None:
    kept = history(settings)
    for name, count in (("a", 1), ("b", 2), ("a", 3)):
        kept.add(record(name, count))
    assert [found.count for found in kept.records] == [3, 2]
    kept.remove(record("a").path)
    assert [found.count for found in kept.records] == [2]


@pytest.mark.parametrize("damage", ["", "nonsense", "{}", "[1, null]", '[{"path": 3}]', "[" * 5000])
def test_what_cannot_be_read_is_left_out(settings: QSettings, damage: str) -> None:
    kept = history(settings)
    settings.setValue(NAME, damage)
    assert kept.records == ()
    kept.add(record("a"))
    assert kept.records == (record("a"),)


@pytest.mark.parametrize("missing", [("far",), ("solver", "far")])
def test_records_of_an_older_program_count(settings: QSettings, missing: tuple[str, ...]) -> None:
    older = {key: value for key, value in asdict(record("a")).items() if key not in missing}
    settings.setValue(NAME, json.dumps([older]))
    assert history(settings).records == (record("a"),)


def test_one_damaged_record_does_not_take_the_others_along(settings: QSettings) -> None:
    kept = history(settings)
    good = asdict(record("a"))
    settings.setValue(NAME, json.dumps([good | {"count": "many"}, good]))
    assert kept.records == (record("a"),)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 10**400, -(10**400)])
@pytest.mark.parametrize("name", ["count", "steps", "lam", "size", "far"])
def test_numbers_that_cannot_be_shown_are_left_out(settings: QSettings, name: str, wrong: float) -> None:
    kept = history(settings)
    good = asdict(record("a"))
    settings.setValue(NAME, json.dumps([good | {name: wrong}, good]))
    assert kept.records == (record("a"),)
