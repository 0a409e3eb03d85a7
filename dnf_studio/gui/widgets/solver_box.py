"""The choices of how points go back: the solver, and where the backward process starts, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QToolButton, QWidget

from dnf_studio.core.sde.sample_settings import STARTS
from dnf_studio.gui.widgets.choices import ChoiceMenu, menu_button
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.session import Session

if TYPE_CHECKING:
    from dnf_studio.core.sde.sample_settings import Direction

TIP = "How the backward process steps from noise to data"


class SolverBox(ChoiceBox):
    """Offers what the model shown has, and is grey where that is one; `short` says it in a few letters."""

    def __init__(self, session: Session, short: bool = False, parent: QWidget | None = None) -> None:
        super().__init__({}, parent)
        self._session, self._short = session, short
        if short:
            self.setMinimumContentsLength(8)
        self.chosen.connect(lambda name: session.apply({"solver": name}))
        session.lacks_changed.connect(self._offer)
        session.changed.connect(lambda _names: self._show())
        self._offer()

    def _offer(self) -> None:
        solvers = self._session.solvers
        self.set_choices({one.label if self._short else one.title: one.name for one in solvers})
        self.setEnabled(len(solvers) > 1)
        self._show()

    def _grey(self) -> None:
        """Grey the solvers that do not make the N of the views, which then say which ones they make."""
        items = self.model()
        assert isinstance(items, QStandardItemModel)
        for index, one in enumerate(self._session.solvers):
            makes = one.makes(self._session.state.sampling.steps)
            why = "" if makes else f" For View N = {' and '.join(map(str, one.only))} alone."
            items.item(index).setEnabled(makes)
            items.item(index).setToolTip(f"<qt>{one.equation}{why}</qt>")

    def _show(self) -> None:
        solver = self._session.solver
        self._grey()
        self.show_value(solver.name)
        self.setToolTip(f"<qt>{TIP}: {solver.equation}</qt>")


START_WORDS = {
    "noise": ("Start from fresh &noise", "The backward process starts from latents of its own: its points have nothing "
              "in common with the forward points of the same numbers"),
    "forward": ("Start from the &forward ends", "Each backward point starts where the forward point of the same number "
                "ended: the two are a round trip, and a selection is one of both"),
}  # fmt: skip
OTHERS = "The {} point of this number is another one: the backward process starts from fresh noise"
EXPORT_WORDS = {
    "paired": "Round trips exactly as the views show them: each backward path starts where the forward path of the "
    "same point ended.",
    "forward": "Their forward paths exactly as the view shows them, and samples carried back from where these end. "
    "The backward view shows these samples only while it starts from the forward ends.",
    "backward": "Paths of the backward process, from fresh noise, exactly as the view shows them.",
}
"""What is written of the selected points: of round trips, or by the process they were chosen in."""
_TRIPS = "each backward path starts where the forward path of the same point ended"


def paths_words(direction: Direction, paired: bool) -> str:
    """Whose numbers those of several chosen points are."""
    if paired:
        return f"Round trips: {_TRIPS}."
    return f"Paths of the {direction} process, from {'the data' if direction == 'forward' else 'fresh noise'}."


def path_words(direction: Direction, paired: bool, noise: str) -> str:
    """What the path of one point is; `noise` says which it has on a round trip."""
    if paired:
        return f"A round trip: the backward path starts where the forward path ended{noise}."
    way, other = ("the data to noise", "backward") if direction == "forward" else ("fresh noise to a sample", "forward")
    return f"A path of the {direction} process, from {way}. The {other} point of this number is another one."


def start_button(session: Session) -> QToolButton:
    """Says where the backward process of the views starts, and lets that be chosen; it keeps the menu."""
    button, menu = menu_button("Where the backward process starts"), ChoiceMenu("", session, {"start": START_WORDS})
    button.setMenu(menu)
    menu.setParent(button, menu.windowFlags())

    def show(names: frozenset[str]) -> None:
        if "start" in names:
            start = session.state.sampling.start
            button.setText(f"from {STARTS[start]}")
            button.setToolTip(f"{START_WORDS[start][1]}. Choose where it starts (Ctrl+B)")

    session.changed.connect(show)
    show(frozenset({"start"}))
    return button
