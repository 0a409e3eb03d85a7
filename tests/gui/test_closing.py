"""What a window leaves behind."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from time import sleep

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.core.parallel import BlockPool
from dnf_studio.errors import check_interrupt
from dnf_studio.gui.drawing.picture import shared_options
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import thumbnails
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.conftest import delete


def test_nothing_outlives_the_window(qapp: QApplication, qtbot: QtBot) -> None:
    # One of all plots, which stays
    shared_options()
    before = set(qapp.topLevelWidgets())
    window = MainWindow(Appearance(qapp))
    window.fill()
    window.show()
    qtbot.waitExposed(window)
    for key in ("lab", "round-trip", "outliers"):
        window.commands[key].trigger()
    window.close()
    delete(window)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert set(qapp.topLevelWidgets()) - before == set()


def test_what_is_drawn_with_no_check_of_its_own_ends_with_the_window(
    quiet_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block of an export, say, for which a window stayed 5 s, or a picture of a large model."""
    begun = Event(), Event()

    def block(begun: Event) -> None:
        begun.set()
        for _ in range(1000):
            sleep(0.01)
            pool.check()

    def picture(_path: Path) -> None:
        begun[1].set()
        for _ in range(1000):
            sleep(0.01)
            check_interrupt()

    monkeypatch.setattr(thumbnails, "_picture", picture)
    background, pool = quiet_workspace.studio.background, BlockPool(1)
    tasks = [background.run(lambda: block(begun[0]), print, print)]
    pictures = thumbnails.Thumbnails(tmp_path, background)
    pictures.want([(64 * "0", tmp_path / "a.safetensors")])
    tasks.append(pictures._task)
    assert all(each.wait(10) for each in begun)
    quiet_workspace.studio.close()
    assert all(task.wait(0) for task in tasks)
    check_interrupt()
