"""The status bar."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.theme import LIGHT, apply_theme
from dnf_studio.gui.frame.status_bar import StudioStatusBar


def test_an_export_moves_nothing_above_it(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, LIGHT)
    window = QMainWindow()
    qtbot.addWidget(window)
    bar = StudioStatusBar()
    window.setStatusBar(bar)
    window.resize(800, 400)
    window.show()
    qapp.processEvents()
    before = bar.height()
    for text in ("Export 12%", ""):
        bar.show_export(text)
        qapp.processEvents()
        assert bar.export.isVisible() == bool(text) and bar.height() == before
