"""The units in which every plot writes places: those of the data, or standardised ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.units import Units
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.opening import Opened


class UnitsController(QObject):
    """Tells every plot the names and units of the components, as the state and the data that is shown say.

    Logits of a bounded range have no straight axis in data units: their places stay standardised in the plots, while
    the tables of the Inspector convert each number.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._plots = workspace.session, workspace.plots
        self._data, self._units = Units(), Units()
        self._command = workspace.commands["data-units"]
        workspace.commands.connect_to("data-units", self._switch)
        workspace.studio.opened.connect(self._take)
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(self._show)
        self._plots.added.connect(self._begin)
        self._show()

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The names and units of the data that the model shown belongs to."""
        standard, columns = opened.snapshot.standardisation, opened.shown.columns
        scale = () if standard.logit is not None else standard.scale
        self._data = Units(columns, standard.mean, scale)
        self._show()

    def _switch(self) -> None:
        self._session.apply({"units": "standardised" if self._session.data_units else "data"})
        self._show()

    def _follow(self, names: frozenset[str]) -> None:
        if "units" in names:
            self._show()

    @Slot()
    def _show(self) -> None:
        on = self._session.data_units
        self._command.setChecked(on)
        self._units = self._data if on else Units(self._data.columns)
        for plot in self._plots:
            plot.set_units(self._units)

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        plot.set_units(self._units)
