"""The window that benches measure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance


@pytest.fixture
def live_window(qtbot: QtBot, qapp: QApplication) -> Iterator[MainWindow]:
    """On the screen, its explorer and panels ready, with nothing opened."""
    window = MainWindow(Appearance(qapp))
    window.resize(1440, 900)
    window.show()
    window.studio.start()
    window.fill()
    window.live.start()
    yield window
    window.studio.training.leave()
    window.close()
