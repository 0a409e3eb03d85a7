"""The table of runs: rows of the library and of added folders, filters, broken files, notes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from dnf_studio import assets
from dnf_studio.core.storage.checkpoint import Checkpoint, read_heading, save_checkpoint
from dnf_studio.core.storage.run_notes import read_notes
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.runs.notes import notes_file
from dnf_studio.gui.features.runs.page import RunsPage
from dnf_studio.gui.features.runs.panel import RunsPanel
from dnf_studio.gui.workspace.workspace import Workspace
from tests.core.storage.files import SMALL, make_flow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "elsewhere"
    place.mkdir()
    for seed, name in enumerate(("first", "second", "third")):
        config = SMALL.changed({"training.seed": seed, "training.batch": 64 if seed else 1024})
        whole = replace(Checkpoint.of_model(make_flow(config, seed=seed)), iteration=10 * seed, seconds=2.5)
        save_checkpoint(place / f"{name}.safetensors", replace(whole, metrics={"nll_bound": 0.0 - seed, "swd": 0.5}))
    (place / "broken.safetensors").write_bytes(b"nothing")
    return place


@pytest.fixture
def page(quiet_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, folder: Path) -> RunsPage:
    page = RunsPage(quiet_workspace)
    monkeypatch.setattr(page.thumbnails, "want", lambda models: [*models])
    monkeypatch.setattr("dnf_studio.assets.checkpoint_names", lambda: ("diffflow-rings",))
    qtbot.addWidget(page)
    page.set_theme(LIGHT)
    page.resize(420, 700)
    page.show()
    page.start()
    page.add_folder(str(folder))
    read(page, qtbot)
    return page


def read(page: RunsPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.reading, timeout=20_000)


def names(page: RunsPage) -> list[str]:
    return [page.model.run_at(row).facts.file.name for row in range(page.model.rowCount())]


def shown(page: RunsPage, name: str, head: str) -> str:
    row = names(page).index(name)
    column = [column.head for column in page.model.columns].index(head)
    text: str = page.model.index(row, column).data()
    return text


def choose(page: RunsPage, *chosen: str) -> None:
    page.table.choose([run.path for run in page.runs if run.facts.file.name in chosen])


def test_rows_sort_filter_and_say_what_is_broken(page: RunsPage, folder: Path) -> None:
    assert names(page) == ["broken", "diffflow-rings", "first", "second", "third"]
    heads = [column.head for column in page.model.columns]
    assert "batch" in heads and "swd" in heads and "dropout" not in heads and "weight decay" not in heads
    assert shown(page, "first", "NLL bound") == "0.0000" and shown(page, "third", "NLL bound") == "−2.0000"
    assert shown(page, "third", "batch") == "64" and shown(page, "broken", "NLL bound") == "–"
    assert shown(page, "broken", "kind") == "broken" and "not a checkpoint" in shown(page, "broken", "note")
    row = names(page).index("first")
    batch = heads.index("batch")
    faint = page.model.index(row, batch).data(Qt.ItemDataRole.ForegroundRole)
    assert faint is None and page.model.headerData(batch, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    page.table.sortByColumn(heads.index("NLL bound"), Qt.SortOrder.AscendingOrder)
    assert names(page) == ["third", "second", "first", "diffflow-rings", "broken"]
    page.words.setText("SECOND")
    assert names(page) == ["second"] and "batch" not in [column.head for column in page.model.columns]
    page.words.setText("")
    page.filters["kind"].show_value("broken")
    page._filter()
    assert names(page) == ["broken"] and page.told.text() == "1 run of 5, 1 of which cannot be opened."
    choose(page, "broken")
    assert not page.take.isEnabled() and "not a checkpoint" in page.notes.about.text().replace("\u200b", "")
    page.drop_folder(folder)
    assert page.folders == ()


def test_buttons_have_room_for_their_words(page: RunsPage) -> None:
    widest = max(button.sizeHint().width() for button in (page.open, page.compare, page.take))
    for width, points in ((600, 10), (3 * widest + 14, 10), (420, 10), (420, 18), (300, 18), (600, 18)):
        page.setFont(QFont("DejaVu Sans", points))
        page.resize(width, 700)
        page.layout().activate()
        for button in (page.open, page.compare, page.take):
            assert button.width() >= button.sizeHint().width(), (width, points)


def test_curves_are_made_when_they_are_first_seen(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    """Made with the table they took the dock two thirds of the third of a second that it needed to open; a command that
    opens the dock and shows the curves at once makes them a turn later."""
    panel = RunsPanel(quiet_workspace)
    qtbot.addWidget(panel)
    panel.set_theme(DARK)
    assert panel.curves is None
    panel.show_curves()
    assert panel.curves is None
    qtbot.waitUntil(lambda: panel.curves is not None)
    curves = panel.curves
    assert curves is not None and curves.isVisibleTo(panel) and curves.tabs.loss.theme is DARK
    panel.tabs.setCurrentIndex(0)
    panel.set_theme(LIGHT)
    panel.show_curves()
    assert panel.curves is curves and curves.tabs.loss.theme is LIGHT


def test_models_taken_before_the_curves_are_made_are_read(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    path = assets.checkpoint_path("diffflow-rings")
    quiet_workspace.curves.add([("rings", path, read_heading(path).sha256)])
    panel = RunsPanel(quiet_workspace)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_curves()
    qtbot.waitUntil(lambda: panel.curves is not None and bool(panel.curves.measuring.records))
    assert panel.curves is not None
    panel.curves.tabs.setCurrentIndex(3)
    assert list(panel.curves.tabs.loss._lines) == [0]


def test_nothing_is_read_before_the_first_frame(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    page = RunsPage(quiet_workspace)
    qtbot.addWidget(page)
    page.show()
    assert not page.reading and page.runs == ()
    for control in page.findChildren(QPushButton) + page.findChildren(QLineEdit) + page.findChildren(QComboBox):
        assert control.toolTip(), control


def test_notes_and_tags_are_kept_and_filtered_by(page: RunsPage, qtbot: QtBot) -> None:
    choose(page, "second")
    assert page.notes.tags.isEnabled()
    QTest.keyClicks(page.notes.tags, "good, for a talk")
    page.notes.note.setText("the best one")
    QTest.keyClick(page.notes.note, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(read_notes(notes_file()).entries), timeout=10_000)
    qtbot.waitUntil(lambda: shown(page, "second", "tags") == "good, for a talk", timeout=10_000)
    assert shown(page, "second", "note") == "the best one"
    assert [run.facts.file.name for run in page.table.chosen()] == ["second"]
    page.filters["tag"].show_value("good")
    page._filter()
    assert names(page) == ["second"]


def test_the_table_is_copied_and_runs_are_taken_into_curves(
    page: RunsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.words.setText("first")
    page.copy.click()
    head, line = QGuiApplication.clipboard().text().splitlines()
    values = dict(zip(head.split("\t"), line.split("\t"), strict=True))
    assert values["name"] == "first" and values["seconds"] == "2.5" and values["swd"] == "0.5"
    page.words.setText("")
    choose(page, "first", "third")
    with qtbot.waitSignal(page.wanted) as wanted:
        page.take.click()
    assert [run.facts.file.name for run in wanted.args[0]] == ["first", "third"]
    assert not page.compare.isEnabled()
    opened: list[tuple[str, str]] = []
    monkeypatch.setattr(page._workspace.comparison, "open", lambda name, origin: opened.append((name, origin)))
    choose(page, "diffflow-rings")
    page.compare.click()
    assert opened == [("diffflow-rings", "library")]
    choose(page, "first", "broken")
    assert not page.take.isEnabled()
    assert assets.checkpoint_path("diffflow-rings") in {run.path for run in page.runs}
