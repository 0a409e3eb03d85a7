"""One sentence, details, and a report to send."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.errors import StudioError
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.dialogs import ErrorDialog
from dnf_studio.gui.workspace.log import make_report


def defect() -> ValueError:
    try:
        raise ValueError(f"cannot use {Path.home() / 'patients' / 'a.csv'}")
    except ValueError as error:
        return error


def test_copying_a_report_leaves_the_dialog_open(qtbot: QtBot) -> None:
    dialog = ErrorDialog(StudioError("There is no file."), None, lambda: "the report")
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.copy.click()
    assert dialog.isVisible() and QGuiApplication.clipboard().text() == "the report"
    assert dialog.copy.text() == "Copied" and not dialog.detailedText()
    dialog.button(QMessageBox.StandardButton.Ok).click()
    assert not dialog.isVisible()


def test_a_defect_unfolds_without_personal_paths(qtbot: QtBot) -> None:
    dialog = ErrorDialog(defect())
    qtbot.addWidget(dialog)
    assert "Traceback" in dialog.detailedText() and "~" in dialog.detailedText()
    assert str(Path.home() / "patients") not in dialog.detailedText()


def test_the_report_is_whole_and_private(still_window: MainWindow) -> None:
    window = still_window
    window.session.apply({"config.data": str(Path.home() / "patients" / "a.csv"), "config.sde.steps": 17})
    text = make_report(window.session, window.studio, defect())
    for part in ("DNF Studio", "Python", "torch", "PySide6", "pyqtgraph", "numpy", "h5py", "platform", "device", "Log"):
        assert part in text
    assert "ValueError: cannot use ~" in text and "Traceback" in text
    assert str(Path.home() / "patients") not in text
    settings = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    assert Config.create(settings) == window.session.state.config.changed({"data": "a.csv"})


def test_a_report_from_the_menu(still_window: MainWindow) -> None:
    still_window.commands["report"].trigger()
    assert QGuiApplication.clipboard().text().startswith("## DNF Studio report")
    assert still_window.status.message.text() == "The report is copied."


def test_the_log_folder_from_the_menu(still_window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    still_window.commands["log"].trigger()
    assert "cannot be shown: it is not there" in still_window.status.message.text()
