"""What a window leaves behind."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.picture import shared_options
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
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
