"""The docks of the Explore menu: each a panel that is made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.actions import Key
from dnf_studio.gui.late_dock import LateDock

if TYPE_CHECKING:
    from dnf_studio.gui.main_window import MainWindow

__all__ = ["explore_docks"]


def _grid_editor(window: MainWindow) -> QWidget:
    from dnf_studio.gui.panels.grid_editor import GridEditorPanel

    return GridEditorPanel(window)


DOCKS: tuple[tuple[Key, str, Callable[[MainWindow], QWidget]], ...] = ((Key.GRID_EDITOR, "Grid editor", _grid_editor),)
"""Command, title, and what makes the panel; it imports the panel's module itself."""


def explore_docks(window: MainWindow) -> tuple[LateDock, ...]:
    """One hidden dock for each of `DOCKS`."""
    return tuple(LateDock(window, *row) for row in DOCKS)
