"""The Inspector: when it opens by itself, and which numbers it asks the explorer for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.workspace.state import CHOICE
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import InspectRequest

if TYPE_CHECKING:
    from dnf_studio.gui.features.inspector.panel import InspectorPanel

__all__ = ["InspectorController", "make_panel"]


class InspectorController(QObject):
    """Offers the dock with the first point that is chosen, and asks for numbers while somebody sees them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live = workspace.session, workspace.live
        self._dock = workspace.docks["inspector"]
        self._session.changed.connect(self._follow)
        self._dock.visibilityChanged.connect(self._ask)

    def _follow(self, names: frozenset[str]) -> None:
        if "selection" in names and self._session.state.selection:
            self._dock.offer()
        if names & CHOICE:
            self._ask()

    @Slot()
    def _ask(self) -> None:
        """Ask for the numbers of the current point while somebody sees them."""
        state = self._session.state
        wanted = bool(state.selection) and not self._dock.isHidden()
        self._live.inspect(InspectRequest(state.selection[-1], state.listed) if wanted else None)


def make_panel(workspace: Workspace) -> InspectorPanel:
    """The panel of one point, which follows the frames, and the images nearest to it."""
    from dnf_studio.gui.features.inspector.nearest import NearestImages
    from dnf_studio.gui.features.inspector.panel import InspectorPanel

    panel, live = InspectorPanel(workspace.session), workspace.live
    panel.set_frame(live.frame)
    panel.set_excess(live.excess)
    live.frame_shown.connect(panel.set_frame)
    live.excess_found.connect(panel.set_excess)
    live.inspected.connect(panel.set_inspection)
    NearestImages(workspace, panel)
    return panel
