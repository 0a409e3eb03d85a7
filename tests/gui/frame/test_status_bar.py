"""The status bar."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from dnf_studio.core.storage.export_plan import ExportProgress
from dnf_studio.gui.frame.main_window import MainWindow


def test_an_export_moves_nothing_above_it(still_window: MainWindow, qapp: QApplication) -> None:
    bar, controller = still_window.status, still_window.parts["export"]
    qapp.processEvents()
    before = bar.height()
    assert not controller.button.isVisible()
    controller.exporter.progressed.emit(ExportProgress(12, 100, 1.0, 7.3))
    qapp.processEvents()
    assert controller.button.isVisible() and controller.button.text() == "Export 12%" and bar.height() == before
    controller.exporter.running_changed.emit(False)
    qapp.processEvents()
    assert not controller.button.isVisible() and bar.height() == before
