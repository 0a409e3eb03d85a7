"""Opens the dialog of a figure, by its command or from the menu of a plot."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from dnf_studio.gui.drawing.picture import WISHES
from dnf_studio.gui.features.figures.dialog import FigureDialog
from dnf_studio.gui.features.figures.subjects import Subjects
from dnf_studio.gui.workspace.workspace import Workspace


class FiguresController(QObject):
    """There is one dialog at most; a plot that wants a figure of itself brings it to the front."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._subjects = workspace, Subjects(workspace)
        self.dialog: FigureDialog | None = None
        workspace.commands.connect_to("figure", self.open)
        WISHES.offer_figures()
        WISHES.figure.connect(self._open_for)
        WISHES.said.connect(self._say)

    def open(self, chosen: object = None) -> FigureDialog:
        """Show the dialog, with what is `chosen` of its subjects."""
        if self.dialog is None or not isValid(self.dialog):
            self.dialog = FigureDialog(self._workspace, self._subjects, chosen)
        else:
            self.dialog.choose(chosen)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        return self.dialog

    @Slot(str)
    def _say(self, sentence: str) -> None:
        self._workspace.say(sentence)

    @Slot(object)
    def _open_for(self, plot: object) -> None:
        """A plot of this window, be it in a dock that floats."""
        above = plot if isinstance(plot, QWidget) else None
        while above is not None and above is not self._workspace.parent:
            above = above.parentWidget()
        if above is not None:
            self.open(plot)
