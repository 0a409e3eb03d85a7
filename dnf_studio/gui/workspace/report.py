"""An error as one sentence, and what a person sends with a report: versions, settings, the end of the log."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

import dnf_studio
from dnf_studio.config import Config
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.log import last_lines, private

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.session import Session
    from dnf_studio.gui.workspace.studio import Studio

__all__ = ["ErrorDialog", "make_report", "versions"]

PACKAGES = ("torch", "PySide6-Essentials", "pyqtgraph", "numpy", "h5py", "safetensors")


def versions() -> dict[str, str]:
    """Name to version of the studio and of what it stands on; nothing is imported for it."""
    found = {"DNF Studio": dnf_studio.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if "torch" not in sys.modules:
        found["torch"] += ", not loaded"
    return found


def make_report(session: Session, studio: Studio, error: BaseException | None = None) -> str:
    """The report as Markdown."""
    config, run, current = session.state.config, studio.training.run, studio.current
    lines = ["## DNF Studio report", ""]
    if error is not None:
        lines += [f"{type(error).__name__}: {error}", ""]
    lines += [f"- {name}: {number}" for name, number in versions().items()]
    lines.append(f"- platform: {platform.platform()}, {platform.machine()}")
    lines.append(f"- device: {config.training.device if run is None else run.device}")
    lines.append(f"- shown: {'nothing' if current is None else current.shown.title}")
    phase = studio.training.phase.value
    lines.append(f"- run: {phase}" + ("" if run is None else f", {run.iteration:,} iterations, {run.precision}"))
    lines += ["", "### Settings", "```toml", _settings(config), "```"]
    if error is not None:
        lines += ["", "### Traceback", "```", "".join(traceback.format_exception(error)).rstrip(), "```"]
    lines += ["", "### Log", "```", *last_lines(50), "```", ""]
    return private("\n".join(lines))


def _settings(config: Config) -> str:
    """As TOML; of data files their names alone."""
    files = {name: getattr(config, name) for name in ("data", "validation", "test")}
    return config.changed({name: file and (Path(file).name or file) for name, file in files.items()}).to_toml().rstrip()


class ErrorDialog(QMessageBox):
    """Tells `error` and leaves the window usable.

    A `StudioError` is the sentence itself; anything else is a defect of the studio, and says so.
    `report` makes the text that its button copies.
    """

    def __init__(
        self, error: BaseException, parent: QWidget | None = None, report: Callable[[], str] | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        known = isinstance(error, StudioError)
        self.setIcon(QMessageBox.Icon.Warning if known else QMessageBox.Icon.Critical)
        self.setWindowTitle("DNF Studio")
        self.setTextFormat(Qt.TextFormat.PlainText)
        if known:
            self.setText(str(error))
        else:
            self.setText("Something went wrong in DNF Studio that should not; your work is still there.")
            self.setInformativeText("Save your run, and send the copied report with a description of what you did.")
        if not known or error.__cause__ is not None:
            self.setDetailedText(private("".join(traceback.format_exception(error))))
        self.setStandardButtons(QMessageBox.StandardButton.Ok)
        if report is not None:
            self._add_copy(report)
        self.setMinimumWidth(420)

    def offer(self, text: str, tip: str, act: Callable[[], object]) -> None:
        """Another way to what was wanted, as a button that closes the dialog."""
        self.way = self.addButton(text, QMessageBox.ButtonRole.AcceptRole)
        self.way.setToolTip(tip)
        self.way.clicked.connect(lambda: act())

    def _add_copy(self, report: Callable[[], str]) -> None:
        self.copy = self.addButton("&Copy report", QMessageBox.ButtonRole.ActionRole)
        self.copy.setToolTip("Copy versions, settings, the error and the end of the log; no personal paths")
        # A button of a message box closes it, which is no use here
        self.copy.clicked.disconnect()

        def copy() -> None:
            QGuiApplication.clipboard().setText(report())
            self.copy.setText("Copied")

        self.copy.clicked.connect(copy)
        self.setDefaultButton(QMessageBox.StandardButton.Ok)
        self.setEscapeButton(QMessageBox.StandardButton.Ok)
