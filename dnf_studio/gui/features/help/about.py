"""What this is, on what it runs, and the list of shortcuts."""

from __future__ import annotations

import platform
from importlib.metadata import version

import PySide6
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

import dnf_studio
from dnf_studio.gui.workspace.commands import Commands

__all__ = ["ShortcutsDialog", "about_box"]


def about_box(parent: QWidget) -> QMessageBox:
    """Name, purpose, versions."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About DNF Studio")
    box.setText(f"DNF Studio {dnf_studio.__version__}")
    box.setInformativeText(
        "Trains diffusion normalizing flows, shows their two SDEs while they learn, and exports what they generate.\n\n"
        "After Zhang and Chen, “Diffusion Normalizing Flow”, NeurIPS 2021.\n\n"
        f"Python {platform.python_version()}, torch {version('torch')}, PySide6 {PySide6.__version__}, "
        f"pyqtgraph {version('pyqtgraph')}, h5py {version('h5py')}"
    )
    return box


class ShortcutsDialog(QDialog):
    """Every command with its shortcut and what it does."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(620, 560)
        records = commands.in_menus()
        table = QTableWidget(len(records), 3, self)
        table.setHorizontalHeaderLabels(["Command", "Keys", "What it does"])
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        for row, info in enumerate(records):
            shown = QKeySequence(info.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
            for column, text in enumerate((info.text.replace("&", "").rstrip("…"), shown, info.tooltip)):
                table.setItem(row, column, QTableWidgetItem(text))
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column_layout = QVBoxLayout(self)
        column_layout.addWidget(table)
        column_layout.addWidget(buttons)
