"""The field layer: asks the explorer for the fields at the time cursor, and the menu that chooses among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot

from dnf_studio.core.exploration.projection import Plane
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.features.fields.overlay import FieldOverlay, shown_field
from dnf_studio.gui.widgets.choices import ChoiceMenu, grey_plane, grey_without
from dnf_studio.gui.workspace.state import FIELDS_OF_SCORE
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.exploration.fields import FieldName

FIELD_WORDS = {
    "used": (
        "As the process &uses it",
        "Forward the drift, backward the whole backward drift, each the way its points move",
    ),
    "drift": ("&Drift f", "What the two processes share, with its sign turned round in the backward view"),
    "score": (
        "&Score g²s",
        "Points up the log-density, whichever way time runs: the backward process adds it to its drift where λ is 1",
    ),
    "backward": ("&Backward drift f − ½(1 + λ²) g²s", "What the backward process moves its points with (9, 17)"),
    "flow": ("&Probability flow f − ½g²s", "The velocity of the ODE with the same marginals (17, λ = 0)"),
}
STYLE_WORDS = {
    "arrows": ("&Arrows", "An arrow at each place, the longer the stronger the field"),
    "streamlines": ("Strea&mlines", "Lines along the field, about as far apart everywhere whatever its strength"),
}
HEAT_WORDS = {
    "none": ("&No heat map", "The field alone"),
    "magnitude": ("Heat map of the &length", "Colour how strong the field is"),
    "divergence": ("Heat map of the di&vergence", "Colour where the field drives points apart or draws them together"),
}
CHOICES = {"field": FIELD_WORDS, "field_style": STYLE_WORDS, "heat": HEAT_WORDS}
APART = 16.0
"""Pixels from streamline to streamline."""
MOST_APART = 1 / 120
"""Share of the view's longer side; lines are not denser than that on however large a screen."""
FINE = 48, 48
"""Columns and rows of the grid that streamlines are drawn between."""
Extent = tuple[float, float, float, float]


class FieldController(QObject):
    """Joins the field layers of both process views to session, cursor and explorer.

    One question serves both views: the fields at the cursor's node over what the two show together.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live = workspace.session, workspace.live
        self.overlays = {
            view.direction: FieldOverlay(view)
            for view in (workspace.plots["forward"], workspace.plots["backward"])
            if isinstance(view, ProcessPlot)
        }
        self._boxes = [workspace.plots[name].box for name in self.overlays]
        self._plane: tuple[tuple[object, ...], Plane] | None = None
        self._key: tuple[object, ...] | None = None
        self.menu = ChoiceMenu("Field and &heat map", self._session, CHOICES, "field")
        grey_without(self._session, "score", *(self.menu.choices["field", name] for name in FIELDS_OF_SCORE))
        workspace.commands.insert_menu("reset-view", self.menu)
        grey_plane(self._session, workspace.commands["field"], self.menu.menuAction())
        for overlay in self.overlays.values():
            overlay.button.setMenu(self.menu)
        for box in self._boxes:
            box.sigRangeChanged.connect(self._moved)
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(lambda: self._follow(frozenset({*CHOICES, "layers"})))
        self._session.cursor.moved.connect(self._moved)
        self._live.frame_shown.connect(self._framed)
        self._live.field_found.connect(self._take)
        self._follow(frozenset({*CHOICES, "layers"}))

    def _follow(self, names: frozenset[str]) -> None:
        state = self._session.effective
        if names & CHOICES.keys():
            for overlay in self.overlays.values():
                overlay.set_choice(state.field, state.heat, state.field_style)
        if "layers" in names:
            for overlay in self.overlays.values():
                overlay.set_visible("field" in state.layers)
        if names & {*CHOICES, "parts", "layers", "axes", "projection"}:
            self._ask()

    @Slot(object)
    def _framed(self, frame: Frame) -> None:
        for overlay in self.overlays.values():
            overlay.set_score(frame.score)
        self._ask()

    @Slot()
    def _moved(self, *_: object) -> None:
        self._ask()

    def _ask(self) -> None:
        """Ask for the fields anew; other weights or settings of the view bring answers by themselves."""
        plane = self._plane_now() if "field" in self._session.state.layers else None
        if plane is None:
            if self._key is not None:
                self._key = None
                self._live.field(None)
                for overlay in self.overlays.values():
                    overlay.set_answer(None)
            return
        node, extent, state = self._session.cursor.node, self._extent(), self._session.effective
        divergence, names = state.heat == "divergence", self._names() if state.field_style == "streamlines" else ()
        key = (node, extent, plane, divergence, names)
        if key != self._key:
            self._key = key
            size = FINE if names and not divergence else FieldRequest.size
            self._live.field(FieldRequest(node, plane, extent, size, divergence, names, self._apart(extent)))

    def _names(self) -> tuple[FieldName, ...]:
        """The fields of both views, each once."""
        state = self._session.effective
        return tuple(
            dict.fromkeys(shown_field(state.field, way, state.sampling.parts) for way in ("forward", "backward"))
        )

    def _apart(self, extent: Extent) -> float:
        """Distance of streamlines in coordinates of the plane."""
        box = self._boxes[0]
        pixel = float(box.viewRect().width()) / max(1.0, float(box.width()))
        return max(APART * pixel, MOST_APART * max(extent[2] - extent[0], extent[3] - extent[1]))

    def _extent(self) -> Extent:
        seen = self._boxes[0].viewRect().united(self._boxes[1].viewRect())
        return seen.left(), seen.top(), seen.right(), seen.bottom()

    def _plane_now(self) -> Plane | None:
        """The plane that is drawn, the same object as long as it is the same; None where there is none."""
        frame: Frame | None = self._live.frame
        if frame is None or frame.forward.shape[2] < 2:
            return None
        dim, state, principal = frame.forward.shape[2], self._session.state, self._live.principal
        a, b = (min(axis, dim - 1) for axis in state.axes)
        by_principal = state.projection == "principal" and principal is not None
        if a == b and not by_principal:
            return None
        key = (dim, principal, by_principal, a, b)
        if self._plane is None or self._plane[0] != key:
            if principal is not None and by_principal:
                self._plane = key, Plane.of_principal(principal)
            else:
                self._plane = key, Plane.of_pair(a, b, np.zeros(dim) if principal is None else principal.mean)
        return self._plane[1]

    @Slot(object)
    def _take(self, answer: FieldAnswer) -> None:
        if self._plane is not None and answer.asked.plane is self._plane[1]:
            for overlay in self.overlays.values():
                overlay.set_answer(answer)
