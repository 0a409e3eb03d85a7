"""Somebody before a window that has just opened, of the size and in the colours that the environment names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.application import WindowOptions
from dnf_studio.gui.application.lifecycle import Lifecycle
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from tests.first_use.person import Person


@pytest.fixture
def person(qtbot: QtBot, qapp: QApplication) -> Person:
    window = MainWindow(Appearance(qapp))
    window.resize(*map(int, os.environ.get("DNF_FIRST_USE_SIZE", "1280x800").split("x")))
    if os.environ.get("DNF_FIRST_USE_THEME"):
        window.appearance.choose(os.environ["DNF_FIRST_USE_THEME"])
    window.life = Lifecycle(WindowOptions(), window)
    qtbot.addWidget(window, before_close_func=lambda w: w.studio.training.leave())
    window.show()
    window.move(0, 0)
    qtbot.waitExposed(window)
    pictures = os.environ.get("DNF_FIRST_USE_PICTURES")
    return Person(window, qtbot, Path(pictures) if pictures else None)
