"""Files dropped onto the window."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow

Open = Callable[[str], None]
ACTIONS = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
BUTTON, KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def dragged(urls: Sequence[QUrl]) -> QMimeData:
    data = QMimeData()
    data.setUrls(list(urls))
    return data


def enter(window: MainWindow, data: QMimeData) -> bool:
    # PySide6 6.12 deprecates whole pixels, 6.11 takes nothing else
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        event = QDragEnterEvent(QPoint(50, 50), ACTIONS, data, BUTTON, KEYS)
    event.ignore()
    QApplication.sendEvent(window, event)
    return event.isAccepted()


def drop(window: MainWindow, data: QMimeData) -> bool:
    """As a person does: Qt sends a drop only to what took the drag."""
    enter(window, data)
    event = QDropEvent(QPointF(50, 50), ACTIONS, data, BUTTON, KEYS)
    event.ignore()
    QApplication.sendEvent(window, event)
    return event.isAccepted() and event.dropAction() == Qt.DropAction.CopyAction


@pytest.fixture
def files(tmp_path: Path) -> list[QUrl]:
    for name in ("a.npy", "b.npy", "c.npy"):
        np.save(tmp_path / name, np.random.default_rng(0).normal(size=(40, 2)))
    return [QUrl.fromLocalFile(str(tmp_path / name)) for name in ("b.npy", "a.npy", "c.npy")]


def test_the_window_lights_up_while_files_are_over_it(still_window: MainWindow, files: list[QUrl]) -> None:
    light = still_window.dropping.zone.light
    assert still_window.acceptDrops() and not light.isVisible()
    assert enter(still_window, dragged(files))
    assert light.isVisible() and "b.npy" in light.text() and "first" in light.text()
    assert light.width() > 0.9 * still_window.width()
    QApplication.sendEvent(still_window, QDragLeaveEvent())
    assert not light.isVisible()


def test_a_dropped_file_is_opened(window: MainWindow, open_in: Open, qtbot: QtBot, files: list[QUrl]) -> None:
    data = dragged(files[:1])
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        assert drop(window, data)
    assert not window.dropping.zone.light.isVisible()
    assert window.session.state.config.data == files[0].toLocalFile()
    assert "left out" not in window.status.message.text()


def test_of_several_the_first_is_opened_and_the_rest_is_told(
    window: MainWindow, qtbot: QtBot, files: list[QUrl]
) -> None:
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        drop(window, dragged([*files, files[0]]))
    assert window.session.state.config.data == files[0].toLocalFile()
    assert "Opened b.npy; the other 2 files were left out" in window.status.message.text()


@pytest.mark.parametrize("url", ["https://somewhere.example/a.npy", "ftp://there/b.csv", "file://another-host/c.csv"])
def test_what_is_not_here_is_refused(still_window: MainWindow, url: str) -> None:
    assert not enter(still_window, dragged([QUrl(url)]))
    assert not still_window.dropping.zone.light.isVisible()
    assert "Only files of this computer" in still_window.status.message.text()


def test_text_is_not_taken(still_window: MainWindow) -> None:
    data = QMimeData()
    data.setText("hello")
    assert not enter(still_window, data) and not drop(still_window, data)


@pytest.mark.parametrize("name", ["picture.png", "folder"])
def test_an_unreadable_kind_is_one_sentence(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]], tmp_path: Path, name: str
) -> None:
    open_in("circle")
    before = window.studio.current
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    drop(window, dragged([QUrl.fromLocalFile(str(path))]))
    told = errors_of()
    assert len(told) == 1 and name in told[0] and told[0].endswith(".") and "\n" not in told[0]
    assert window.studio.current is before


def test_a_file_of_settings_puts_them_into_the_panels(still_window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    place, session = tmp_path / "some.toml", still_window.session
    place.write_text("[sde]\nsteps = 21\n")
    data = session.state.config.data
    assert drop(still_window, dragged([QUrl.fromLocalFile(str(place))]))
    qtbot.waitUntil(lambda: session.state.config.sde.steps == 21)
    assert session.state.config.data == data
