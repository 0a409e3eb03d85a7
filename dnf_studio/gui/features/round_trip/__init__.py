"""Data to noise and back again, and what of it is lost."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace


def _panel(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.round_trip.panel import RoundTripPanel

    return RoundTripPanel(workspace)


COMMANDS = (
    Command("round-trip", "&Round trip", "Ctrl+Shift+U", "Carry the data to noise and back, and map what is lost",
            menu="Explore", section="study", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "round_trip",
    commands=COMMANDS,
    docks=(DockPlace("round-trip", "Round trip"),),
    dock_pages=(DockPage("round-trip", "Round trip", _panel),),
)
