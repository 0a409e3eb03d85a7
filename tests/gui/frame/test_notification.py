"""The notice of the desktop: what it tells, and that it tells nothing to who is here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon, QWidget

from dnf_studio.gui.frame.notification import Notification
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

Told = list[tuple[str, str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the desktop was asked to show; it has a tray."""
    found: Told = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda _tray: None)
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _tray, title, text, *_: found.append((title, text)))
    monkeypatch.setattr(QApplication, "alert", lambda _window: found.append(("alert", "")))
    return found


def test_a_run_that_ends_diverges_or_an_export_is_told(quiet_workspace: Workspace, told: Told) -> None:
    training, files = quiet_workspace.studio.training, quiet_workspace.files
    window = QMainWindow()
    notification = Notification(window, quiet_workspace)
    notification._training = SimpleNamespace(run=SimpleNamespace(iteration=3000))  # type: ignore[assignment]
    for phase in (Phase.STARTING, Phase.RUNNING, Phase.PAUSED):
        training.phase_changed.emit(phase)
    assert not told
    training.phase_changed.emit(Phase.ENDED)
    training.diverged.emit(None)
    files.exported.emit(Path("folder") / "out.h5")
    texts = [text for title, text in told if title == "DNF Studio"]
    assert texts == [
        "Training has ended after 3,000 iterations.",
        "Training pauses: its numbers diverged.",
        "The export out.h5 is written.",
    ]
    assert told.count(("alert", "")) == 3


def test_nothing_is_told_to_who_is_here(
    quiet_workspace: Workspace, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QApplication, "activeWindow", lambda: QWidget())
    Notification(QMainWindow(), quiet_workspace).tell("anything")
    assert not told
