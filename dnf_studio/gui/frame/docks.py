"""The docks of the Explore menu: each a panel that is made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.frame.late_dock import LateDock
from dnf_studio.gui.frame.narrow_screen import NarrowScreen
from dnf_studio.gui.workspace.actions import Key

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["explore_docks"]


def _round_trip(window: MainWindow) -> QWidget:
    from dnf_studio.gui.features.round_trip.panel import RoundTripPanel

    return RoundTripPanel(window)


def _outliers(window: MainWindow) -> QWidget:
    from dnf_studio.gui.features.outliers.panel import OutliersPanel

    return OutliersPanel(window)


def _lab(window: MainWindow) -> QWidget:
    from dnf_studio.gui.features.lab.panel import LabPanel

    return LabPanel(window)


def _grid_editor(window: MainWindow) -> QWidget:
    from dnf_studio.gui.features.time_grid.editor import GridEditorPanel

    return GridEditorPanel(window)


DOCKS: tuple[tuple[Key, str, Callable[[MainWindow], QWidget]], ...] = (
    (Key.LAB, "Lab", _lab),
    (Key.GRID_EDITOR, "Grid editor", _grid_editor),
    (Key.ROUND_TRIP, "Round trip", _round_trip),
    (Key.OUTLIERS, "Outliers", _outliers),
)
"""Command, title, and what makes the panel; it imports the panel's module itself."""


def explore_docks(window: MainWindow) -> tuple[LateDock, ...]:
    """One hidden dock for each of `DOCKS`, with which the first layout is whole."""
    docks = tuple(LateDock(window, *row) for row in DOCKS)
    window.habits.places.note_first()
    NarrowScreen(window, (window.inspector, *docks))
    return docks
