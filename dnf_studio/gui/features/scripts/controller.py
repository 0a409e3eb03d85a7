"""Copies scripts and commands, for the whole window and for single plots, and offers to save what they need."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from dnf_studio.gui.features.scripts.command import command
from dnf_studio.gui.features.scripts.described import Described, describe, sum_checked
from dnf_studio.gui.features.scripts.program import program
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.gui.drawing.plot import Plot

NOTHING = "There is nothing to copy yet: open a model, or press Train."
TIP = "A program of the public names that makes the numbers of this plot"


class ScriptsController(QObject):
    """Joins the two commands and the menus of all plots to the clipboard."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace = workspace
        self._looking = Newest(workspace.studio.background)
        self.offer: QMessageBox | None = None
        """The question about a model that is not saved, as long as it is open."""
        workspace.commands.connect_to("copy-python", self.copy_program)
        workspace.commands.connect_to("copy-command", self.copy_command)
        for plot in workspace.plots:
            self._add(plot)
        workspace.plots.added.connect(self._add)

    def copy_program(self, plot: str = "") -> None:
        """Copy the program of everything that is shown, or of one `plot` by its name."""
        shown = self._described()
        if shown is None:
            return

        def copy(checked: Described) -> None:
            QGuiApplication.clipboard().setText(program(checked, plot))
            ready = "it makes the numbers that are shown, from any folder"
            second = checked.second is None or checked.second.source.saved
            first = ready if checked.source.saved and second else "its model has to be saved before it runs"
            self._workspace.say(f"The program is copied: {first}.")
            if not checked.source.saved:
                self._offer(partial(self.copy_program, plot))

        self._looking.run(partial(sum_checked, shown), copy, self._workspace.tell)

    def copy_command(self) -> None:
        """Copy the line of the command line that is nearest to what is shown."""
        shown = self._described()
        if shown is None:
            return
        QGuiApplication.clipboard().setText(command(shown, sys.platform == "win32"))
        self._workspace.say("The command is copied; what it cannot say stands in comments before it.")

    def _described(self) -> Described | None:
        shown = describe(self._workspace)
        if shown is None:
            self._workspace.say(NOTHING)
        return shown

    def _offer(self, again: partial[None]) -> None:
        """Offer to save the model that the copied program loads, and to copy that once more with its name and sum."""
        if self.offer is not None:
            return
        box = QMessageBox(self._workspace.parent)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowModality(Qt.WindowModality.NonModal)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("DNF Studio")
        box.setText("The copied program loads a model that is not saved yet.")
        box.setInformativeText("Save it, and the program is copied once more with its file and its checksum?")
        save = box.addButton("&Save…", QMessageBox.ButtonRole.AcceptRole)
        save.setToolTip("Choose a file for the run or the model, then copy the program again")
        save.clicked.connect(lambda: self._workspace.files.save(again))
        box.setEscapeButton(box.addButton("&Later", QMessageBox.ButtonRole.RejectRole))
        box.finished.connect(self._forget_offer)
        self.offer = box
        box.show()

    @Slot()
    def _forget_offer(self) -> None:
        self.offer = None

    @Slot(object)
    def _add(self, plot: Plot) -> None:
        """Put the entry into the menu of one more plot."""
        name = self._workspace.plots.name_of(plot)
        action = plot.pictures.menu.addAction("Copy as P&ython")
        action.setToolTip(TIP)
        action.triggered.connect(lambda: self.copy_program(name))
