"""How many points the two process views draw: fewer than the display set has, or a crowd beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.widgets.choices import ChoiceMenu
from dnf_studio.gui.workspace.opening import DISPLAY_POINTS
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.crowd import Crowd, CrowdRequest, crowd_affordable

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.opening import Opened

MORE = "{} points; the first 2,000 of them can be chosen, listed and exported, the others are drawn alone"
WORDS = {
    500: ("&500", "The first 500 points, which are those with paths"),
    2_000: ("&2,000", "The 2,000 points of the display set"),
    10_000: ("&10,000", MORE.format("10,000")),
    50_000: ("50,00&0", MORE.format("50,000")),
    200_000: ("200,000, by &density", MORE.format("200,000 as a picture of their density")),
}
IMAGES = "Images, and what has more than 64 components, are not drawn as clouds"
EXPORT = "The backward view shows the samples of an export"
SCRIPT = "The script that holds the model has other work than so many points"


class CrowdController(QObject):
    """Asks for the points that the state says, and gives them to both views while nothing but their place is shown.

    Colours by point and modes shown alone are known of the display set: with these the crowd stays away.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live = workspace.session, workspace.live
        self._views = [cast(ProcessView, workspace.plots[name]) for name in ("forward", "backward")]
        self._asked: CrowdRequest | None = None
        self._opened: Opened | None = None
        self.menu = ChoiceMenu("How man&y points", self._session, {"points": WORDS})
        workspace.commands.insert_menu("reset-view", self.menu)
        self._session.changed.connect(self._follow)
        self._live.crowd_found.connect(self._take)
        workspace.studio.opened.connect(self._begin)
        self._follow(frozenset({"points"}))

    def _obstacle(self) -> str:
        """Why there can be no crowd of what is shown."""
        opened = self._opened
        if opened is None:
            return ""
        if opened.held and opened.checkpoint is None:
            return SCRIPT
        if opened.export is not None:
            return EXPORT
        return "" if crowd_affordable(opened.snapshot) else IMAGES

    @Slot(object)
    def _begin(self, opened: Opened) -> None:
        """Another model or data: a crowd of it, where there can be one."""
        self._opened = opened
        why = self._obstacle()
        for count in WORDS:
            if count > DISPLAY_POINTS:
                self.menu.offer("points", count, why)
        self._ask()

    def _follow(self, names: frozenset[str]) -> None:
        if names & {"points", "colouring", "part"}:
            self._ask()

    def _ask(self) -> None:
        """Ask for the crowd that is wanted, unless it is the one that comes already; else the views go without."""
        state, opened = self._session.state, self._opened
        plain = state.colouring == "none" and state.part < 0
        asked = None
        if state.points > DISPLAY_POINTS and plain and opened is not None and not self._obstacle():
            asked = CrowdRequest(state.points, opened.dataset)
        if asked != self._asked:
            self._asked = asked
            self._live.follow(asked)
        for view in self._views:
            view.set_crowd(None, state.points)

    @Slot(object)
    def _take(self, crowd: Crowd) -> None:
        """More of the crowd is known."""
        for view in self._views:
            view.set_crowd(crowd, self._session.state.points)
