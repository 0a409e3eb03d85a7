"""The window comes back as it was left, and a broken memory is no memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QSplitter, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.style import apply_theme
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.export.list import ExportHistory, ExportRecord
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.memory import Memory
from tests.gui.conftest import delete


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


class Visits:
    """One window after the other over the same memory."""

    def __init__(self, qapp: QApplication, qtbot: QtBot, settings: QSettings) -> None:
        self._qapp, self._qtbot, self._settings = qapp, qtbot, settings
        self._open: list[MainWindow] = []

    def begin(self, size: tuple[int, int] | None = None) -> MainWindow:
        memory = Memory(self._settings)
        appearance = Appearance(self._qapp, memory)
        window = MainWindow(appearance, memory)
        if not window.window_layout.restore(size):
            window.resize(*(size or (1280, 800)))
        window.show()
        self._qtbot.waitExposed(window)
        window.fill()
        self._open.append(window)
        return window

    def end(self) -> None:
        while self._open:
            window = self._open.pop()
            window.close()
            delete(window)
        apply_theme(self._qapp, LIGHT)


@pytest.fixture
def visits(qapp: QApplication, qtbot: QtBot, settings: QSettings) -> Iterator[Visits]:
    visits = Visits(qapp, qtbot, settings)
    yield visits
    visits.end()


def splitters(window: MainWindow) -> dict[str, list[int]]:
    return {part.objectName(): part.sizes() for part in window.findChildren(QSplitter) if part.objectName()}


def test_a_dock_that_was_in_front_is_there_again_with_its_page(visits: Visits, qtbot: QtBot) -> None:
    """It is seen before the feature is there on which its page stands."""
    window = visits.begin()
    window.workspace.commands["runs"].trigger()
    qtbot.waitUntil(window.docks["runs"].isVisible)
    visits.end()
    window = visits.begin()
    qtbot.waitUntil(lambda: bool(window.docks["runs"].pages))


def test_it_comes_back_as_it_was_left(visits: Visits) -> None:
    window = visits.begin()
    assert set(splitters(window)) >= {"rows", "above", "below"}
    window.resize(1100, 700)
    window.tabs.setCurrentIndex(2)
    title = window.tabs.tabText(2)
    window.commands["paths"].trigger()
    window.commands["theme-dark"].trigger()
    window.commands["bigger-points"].trigger()
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, window.dock)
    rows = window.findChild(QSplitter, "rows")
    rows.setSizes([250, 330])
    QApplication.processEvents()
    left = splitters(window)["rows"]
    visits.end()
    window = visits.begin()
    # The screen of the tests is 800 pixels wide, and no window comes back wider than its screen
    assert window.height() == 700
    assert window.tabs.tabText(window.tabs.currentIndex()) == title
    assert window.session.state.layers == {"points"} and not window.session.can_undo
    assert window.session.state.dots == (130, 100)
    assert window.appearance.theme is DARK and window.commands["theme-dark"].isChecked()
    QApplication.processEvents()
    assert window.dockWidgetArea(window.dock) == Qt.DockWidgetArea.RightDockWidgetArea
    assert splitters(window)["rows"] == pytest.approx(left, abs=3)


def test_an_inspector_that_was_closed_stays_closed_and_one_that_nobody_touched_opens(visits: Visits) -> None:
    visits.begin()
    visits.end()
    window = visits.begin((1700, 650))
    assert window.docks["inspector"].isVisible(), "a wide window has it, and nobody has closed it"
    window.docks["inspector"].close()
    visits.end()
    window = visits.begin((1700, 650))
    window.session.apply({"selection": (3,)})
    assert window.docks["inspector"].isHidden()
    window.commands["inspector"].trigger()
    assert window.docks["inspector"].isVisible()


def test_a_size_that_is_asked_for_goes_first(visits: Visits) -> None:
    window = visits.begin()
    window.resize(1100, 700)
    window.tabs.setCurrentIndex(1)
    visits.end()
    window = visits.begin((1000, 650))
    assert (window.width(), window.height()) == (1000, 650)
    assert window.tabs.currentIndex() == 1


def stands_as_another_one_stood(window: MainWindow) -> None:
    """What a session does with the window; leaves it as it was."""
    layout, before = window.workspace.arrangement, window.workspace.arrangement.read()
    assert window.docks["notes"].isHidden()
    window.commands["notes"].trigger()
    # What is made in one turn is shown in the next: both change the sizes of all plots
    assert window.docks["notes"].panel is not None and window.docks["notes"].isHidden()
    QApplication.processEvents()
    window.views.tabs.show_named("Score")
    window.tabs.setCurrentIndex(2)
    after = json.loads(json.dumps(layout.read()))
    assert after["plot"] == "Score" != before["plot"] and after["tab"] != before["tab"]
    layout.apply(before)
    assert window.docks["notes"].isHidden() and layout.read()["plot"] == before["plot"]
    layout.apply(after)
    assert not window.docks["notes"].isHidden() and window.docks["notes"].panel.field.isVisible()
    assert (layout.read()["tab"], layout.read()["plot"]) == (after["tab"], "Score")
    # Without docks they stay as they are
    layout.apply({"splitters": {"rows": "wide", "below": [-1]}, "tab": 3, "plot": None})
    assert not window.docks["notes"].isHidden()
    layout.apply(before)


def test_reset_layout_brings_the_first_arrangement_back_and_a_session_its_own(visits: Visits) -> None:
    window = visits.begin()
    stands_as_another_one_stood(window)
    QApplication.processEvents()
    width, before = window.dock.width(), splitters(window)
    window.resizeDocks([window.dock], [420], Qt.Orientation.Horizontal)
    window.findChild(QSplitter, "rows").setSizes([250, 400])
    QApplication.processEvents()
    assert window.dock.width() != width and splitters(window)["rows"] != before["rows"]
    window.commands["reset-layout"].trigger()
    QApplication.processEvents()
    assert window.dock.width() == width
    for name, sizes in splitters(window).items():
        assert sizes == pytest.approx(before[name], abs=3)


def test_reset_layout_leaves_the_docks_of_explore_one_place(visits: Visits) -> None:
    """One above the other they would make the window higher than any screen."""
    window = visits.begin()
    window.commands["inspector"].trigger()
    window.commands["reset-layout"].trigger()
    assert window.docks["inspector"].isHidden()
    docks = tuple(window.docks.values())
    for dock in docks:
        dock.show()
    assert all(set(window.tabifiedDockWidgets(dock)) == {*docks} - {dock} for dock in docks)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        json.dumps({"version": 99, "tab": "Training"}),
        json.dumps({"version": 1}),
        json.dumps({"version": 1, "docks": 5, "geometry": [], "layers": "points", "splitters": 3, "tab": {}}),
        json.dumps(
            {
                "version": 1,
                "docks": "ü!",
                "geometry": "AAAA",
                "layers": [1, None, "gone", ["points"], {}],
                "tab": "Gone",
            }
        ),
        json.dumps({"version": 1, "splitters": {"rows": [-1, 1e9], "above": ["a"], "below": [0, 0, 0]}}),
        "[" * 100_000,
    ],
)
def test_a_broken_memory_is_dropped(visits: Visits, settings: QSettings, broken: str) -> None:
    for name in ("arrangement", "theme", "recent", "reopen"):
        settings.setValue(name, broken)
    window = visits.begin()
    assert (window.width(), window.height()) == (1280, 800)
    assert window.tabs.currentIndex() == 0
    assert window.parts["library"].recent.files == () and window.parts["library"].last_file is None
    assert window.appearance.choice == "system"
    assert all(size > 20 for sizes in splitters(window).values() for size in sizes)


def test_a_window_of_a_screen_that_is_gone_comes_back_into_view(visits: Visits, settings: QSettings) -> None:
    far = QWidget()
    far.setGeometry(20_000, 15_000, 850, 600)
    geometry = far.saveGeometry().toBase64().data().decode()
    settings.setValue("arrangement", json.dumps({"version": 1, "geometry": geometry}))
    window = visits.begin()
    screen = window.screen().availableGeometry()
    assert screen.intersects(window.frameGeometry())
    assert screen.adjusted(-2, -2, 2, 2).contains(window.frameGeometry().topLeft())


def test_without_settings_nothing_is_written(qapp: QApplication, tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    window = MainWindow(Appearance(qapp))
    window.parts["library"].recent.add(tmp_path / "a.csv", "data")
    window.close()
    delete(window)
    assert list(tmp_path.iterdir()) == []


def test_what_is_remembered_is_on_the_page_of_file_formats(visits: Visits, settings: QSettings) -> None:
    window = visits.begin()
    window.appearance.choose("dark")
    window.appearance.set_scale(110)
    window.appearance.set_calm(True)
    window.parts["library"].recent.add("rows.csv", "data")
    memory = Memory(settings)
    ExportHistory(memory).add(ExportRecord("a.h5", 1, 2, 1.0))
    visits.end()
    page = resource("guide", "formats.md").read_text(encoding="utf-8").partition("What the window remembers")[2]
    page = page.partition("\n## ")[0]
    named = set(re.findall(r"^\| `([^`]+)`", page, flags=re.MULTILINE))
    # The folder of models is kept once another one is chosen, others once they are used
    assert {name for name in named if "." not in name} == {
        *settings.allKeys(),
        "models",
        "figure",
        "figure-kind",
        "runs",
    }
    for name in ("recent[]", "exports[]", "arrangement"):
        kept = memory.get(name.removesuffix("[]"), lambda value: value, None)
        one = kept[0] if isinstance(kept, list) else kept
        assert {part for part in named if part.startswith(f"{name}.")} == {f"{name}.{key}" for key in one}
