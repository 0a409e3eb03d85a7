"""The list of exports: kept from session to session, gone files greyed, each opened or forgotten."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import QRect, QSettings, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.export import list as export_list
from dnf_studio.gui.features.export.list import MISSING, ExportList, ExportRecord
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.workers.background import Background


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path, background: Background) -> ExportList:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    shown = ExportList(Memory(settings), background)
    qtbot.addWidget(shown)
    shown.resize(300, 300)
    shown.show()
    return shown


def record(path: Path, count: int = 1000) -> ExportRecord:
    path.touch()
    return ExportRecord(str(path), count, 30, 0.5, 2_000_000, "2026-10-14T10:22:05+02:00")


def test_it_is_empty_first(made: ExportList) -> None:
    assert made.empty.isVisible() and not made.list.isVisible()
    assert not made.open_here.isEnabled() and not made.remove.isEnabled()


def test_the_newest_comes_first_with_its_facts(made: ExportList, tmp_path: Path) -> None:
    made.add(record(tmp_path / "a.h5"))
    made.add(record(tmp_path / "b.h5", 1_000_000))
    assert made.list.item(0).text() == "b.h5\n1,000,000, N 30, λ 0.5\n1.91 MiB, 2026-10-14 10:22"
    assert str(tmp_path / "b.h5") in made.list.item(0).toolTip() and not made.empty.isVisible()


def test_what_was_found_last_is_not_undone_by_an_older_look(
    made: ExportList, tmp_path: Path, qtbot: QtBot, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.add(record(tmp_path / "a.h5"))
    began, gate = Event(), Event()

    def slow(path: str) -> bool:
        began.set()
        gate.wait(10)
        return True

    with monkeypatch.context() as patch:
        patch.setattr(export_list, "isfile", slow)
        made.look()
        assert began.wait(10)
    (tmp_path / "a.h5").unlink()
    made.look()
    qtbot.waitUntil(lambda: bool(made.list.item(0).data(MISSING)), timeout=10_000)
    gate.set()
    qtbot.waitUntil(lambda: not background.busy, timeout=10_000)
    assert made.list.item(0).data(MISSING)


def test_files_that_are_gone_are_grey_and_can_only_be_removed(made: ExportList, tmp_path: Path, qtbot: QtBot) -> None:
    made.add(record(tmp_path / "a.h5"))
    made.add(record(tmp_path / "b.h5"))
    made.list.setCurrentRow(1)
    assert made.open_here.isEnabled() and made.open_folder.isEnabled()
    (tmp_path / "a.h5").unlink()
    made.look()
    qtbot.waitUntil(lambda: bool(made.list.item(1).data(MISSING)), timeout=10_000)
    assert not made.list.item(0).data(MISSING)
    assert "no longer" in made.list.item(1).toolTip()
    assert not made.open_here.isEnabled() and not made.open_folder.isEnabled() and made.remove.isEnabled()
    made.list.setCurrentRow(-1)
    picture = made.list.grab().toImage()
    dark = [_darkest(picture, made.list.visualItemRect(made.list.item(row))) for row in (0, 1)]
    assert dark[1] > dark[0] + 40, "the text of the missing one is faded"


def _darkest(picture: QImage, area: QRect) -> int:
    return min(
        picture.pixelColor(x, y).lightness()
        for x in range(area.left() + 4, area.left() + 80)
        for y in range(area.top() + 4, area.bottom() - 4)
    )


def test_delete_forgets_and_leaves_the_file(made: ExportList, tmp_path: Path) -> None:
    made.add(record(tmp_path / "a.h5"))
    made.list.setCurrentRow(0)
    made.list.setFocus()
    QTest.keyClick(made.list, Qt.Key.Key_Delete)
    assert made.history.records == () and (tmp_path / "a.h5").exists()
    assert made.list.count() == 0


def test_open_folder_asks_the_desktop(made: ExportList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(asked.append(url)))
    told: list[str] = []
    made.failed.connect(told.append)
    made.add(record(tmp_path / "a.h5"))
    made.list.setCurrentRow(0)
    made.open_folder.trigger()
    assert [Path(url.toLocalFile()) for url in asked] == [tmp_path]
    assert "no program" in told[0]


def test_the_context_menu_has_all_three(made: ExportList) -> None:
    assert [action.text() for action in made.list.actions()] == ["Open here", "Open folder", "Remove from list"]
    assert made.list.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu


def test_the_list_gives_way_where_the_panel_is_low(made: ExportList, tmp_path: Path) -> None:
    for name in "abcdef":
        made.add(record(tmp_path / f"{name}.h5"))
    assert made.sizeHint().height() == made.minimumSizeHint().height() < 200
    made.resize(300, 600)
    made.layout().activate()
    assert made.list.height() > 450, "and takes the room that there is"
