"""A whole window with its threads, or only what its features get; both end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.features import COMMANDS, FEATURES
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.dialogs import ErrorDialog
from dnf_studio.gui.workspace.files import Files
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.plots import Plots
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.workspace import Closing, Workspace
from dnf_studio.workers.background import Background

TINY = {
    "config.network.channels": 8,
    "config.network.layers": 1,
    "config.training.batch": 16,
    "config.training.precision": "float32",
    "config.sde.steps": 4,
}
"""Settings with which an iteration takes a moment."""


@pytest.fixture(scope="session")
def thumbnails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of the bundled models are drawn once, not for every window."""
    return tmp_path_factory.mktemp("thumbnails")


@pytest.fixture(autouse=True)
def own_folders(new_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, thumbnails: Path) -> None:
    """Neither the models nor the thumbnails of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(thumbnails))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(new_folder()))


@pytest.fixture
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 300 points instead of 2,000, where the tests say nothing of how many there are."""
    monkeypatch.setattr("dnf_studio.gui.workspace.opening.DISPLAY_POINTS", 300)


@pytest.fixture
def background(qapp: QApplication) -> Iterator[Background]:
    """What drives long work where there is no window."""
    made = Background()
    yield made
    made.close()


@pytest.fixture
def quiet_workspace(qapp: QApplication) -> Iterator[Workspace]:
    """What every feature gets, without a window around it, before anything computes."""
    parent, session, appearance = QWidget(), Session(), Appearance(qapp)
    studio = Studio(session, parent)
    files = Files(parent, session, studio)
    records = (*COMMANDS, *(command for feature in FEATURES for command in feature.commands))
    made = Workspace(
        session=session,
        studio=studio,
        live=Live(session, studio, parent),
        comparison=Comparison(session, studio, parent),
        plots=Plots(appearance, parent),
        commands=Commands(parent, records),
        appearance=appearance,
        memory=Memory(),
        files=files,
        say=lambda _sentence: None,
        tell=files.tell,
        closing=Closing(parent),
        add_bar=lambda _bar: None,
        add_clock=lambda _bar: None,
        add_strip=lambda _strip: None,
        add_status=lambda _widget: None,
        show_page=lambda _title: None,
        parent=parent,
    )
    yield made
    made.live.stop()
    made.comparison.stop()
    studio.close()
    made.closing.now.emit()
    delete(parent)


@pytest.fixture
def workspace(quiet_workspace: Workspace) -> Workspace:
    """What every feature gets, with its threads and timer, showing nothing yet."""
    quiet_workspace.studio.start()
    quiet_workspace.live.start()
    return quiet_workspace


@pytest.fixture
def open_model(workspace: Workspace, qtbot: QtBot) -> Callable[[str], None]:
    """Open a name or file in the workspace and wait for its first frame."""
    return lambda name: open_and_wait(workspace.studio, workspace.live, name, qtbot)


def delete(window: QWidget) -> None:
    """Now, not at the next turn of an event loop that the tests do not have."""
    window.deleteLater()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="module")
def seen_window(qapp: QApplication) -> Iterator[MainWindow]:
    """One window for tests that only look at it."""
    window = MainWindow(Appearance(qapp))
    window.fill()
    yield window
    window.close()
    delete(window)


@pytest.fixture
def still_window(qtbot: QtBot, qapp: QApplication) -> Iterator[MainWindow]:
    """The window as it is before anything computes: no explorer, no timer."""
    window = MainWindow(Appearance(qapp))
    window.resize(1280, 800)
    window.fill()
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.studio.training.unsaved = False
    # Out of sight it ends an export that a failed test left without asking
    window.hide()
    window.close()
    delete(window)


@pytest.fixture
def window(still_window: MainWindow) -> MainWindow:
    """The window with its threads and timer, showing nothing yet."""
    still_window.studio.start()
    still_window.live.start()
    return still_window


@pytest.fixture
def open_in(window: MainWindow, qtbot: QtBot) -> Callable[[str], None]:
    """Open a name or file in the window and wait for its first frame."""
    return lambda name: open_and_wait(window.studio, window.live, name, qtbot)


def open_and_wait(studio: Studio, live: Live, name: str, qtbot: QtBot) -> None:
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        studio.open(name)
    version = studio.current.snapshot.version
    # Its first frame may have come before the wait for it begins
    qtbot.waitUntil(lambda: live.frame is not None and live.frame.weights == version, timeout=20_000)


@pytest.fixture
def errors_of(window: MainWindow, qtbot: QtBot) -> Callable[[], list[str]]:
    """Wait for an error dialog, close it, and return the sentences that were told."""

    def take() -> list[str]:
        qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)), timeout=20_000)
        dialogs = window.findChildren(ErrorDialog)
        told = [dialog.text() for dialog in dialogs]
        for dialog in dialogs:
            dialog.done(QMessageBox.StandardButton.Ok)
        return told

    return take
