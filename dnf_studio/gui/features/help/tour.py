"""A tour of six stations on a bundled model: what to do at each, and what one has then seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QToolButton, QWidget

from dnf_studio.gui.features.help.entries import reveal
from dnf_studio.gui.widgets.notice_bar import NoticeBar
from dnf_studio.gui.workspace.memory import exactly
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

MODEL = "diffflow-rings"
FEW_STEPS, HIGH = 8, 2
"""A View N that counts as few, and the last of the steps whose disagreement is high in the bundled model."""


@dataclass(frozen=True)
class Station:
    """One thing to do in the window."""

    task: str
    seen: str
    """What is said once it is done."""
    done: Callable[[Workspace], bool]
    """Whether it is, as far as the window tells."""
    place: str
    """The plot, by its name, or the control, by its accessible name, that it is done at."""


STATIONS = (
    Station(
        "Both processes move: data to noise at the left, noise to data at the right. Hold them with Space.",
        "Space goes on; the arrow keys step. One time moves all views.",
        lambda workspace: not workspace.session.cursor.playing,
        "forward",
    ),
    Station(
        f"The model was trained on 30 steps. Turn View N in the toolbar down to {FEW_STEPS} or fewer.",
        "The same noise, cut into fewer and longer steps: the rings are a little rougher, and sampling is quicker.",
        lambda workspace: (workspace.session.state.sampling.steps or FEW_STEPS + 1) <= FEW_STEPS,
        "View N",
    ),
    Station(
        "Turn λ down to 0: no noise on the way back.",
        "That is the probability-flow ODE: smooth paths with the same clouds, where the score is right.",
        lambda workspace: workspace.session.state.sampling.lam == 0,
        "Lambda",
    ),
    Station(
        "Which step misses most? Click the highest bar of Disagreement by step.",
        "Time has gone to that step. Its points are nearest to the data, where the rings are thinner than its noise.",
        lambda workspace: not workspace.session.cursor.playing and workspace.session.cursor.node <= HIGH,
        "disagreement",
    ),
    Station(
        "Choose points: click one in a view, or drag a rectangle (R) or a lasso around some.",
        "Their whole paths light up in both views, and the Inspector lists the numbers of one. Esc lets them go.",
        lambda workspace: bool(workspace.session.state.selection),
        "backward",
    ),
    Station(
        "Now a model of your own: press Train.",
        "Both views follow the weights while the loss falls. Stop keeps the model, Ctrl+S saves it, Ctrl+E exports.",
        lambda workspace: workspace.studio.training.phase in (Phase.STARTING, Phase.RUNNING),
        "Train",
    ),
)


class Tour(QObject):
    """Leads from station to station in a bar above the plots; where it was left is remembered."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace = workspace
        self.bar = NoticeBar("Tour", 3)
        workspace.add_bar(self.bar)
        self.station, self._open, self._seen = 0, True, False
        """The number of the station, whether what it asks was not so when it began, and whether it is done."""
        session = workspace.session
        for signal in (session.changed, session.cursor.moved, session.cursor.playing_changed):
            signal.connect(self._look)
        workspace.studio.training.phase_changed.connect(self._look)

    def begin(self) -> None:
        """Go on where it was left, else from the start on the bundled model."""
        known = self._workspace.memory.get("tour", exactly(int), 0)
        current = self._workspace.studio.current
        if current is None or current.shown.name != MODEL:
            self._workspace.files.show(MODEL)
        self._go(known if 0 <= known < len(STATIONS) else 0)

    def _go(self, number: int) -> None:
        if number >= len(STATIONS):
            self._workspace.memory.put("tour", 0)
            self.bar.hide()
            self._workspace.say("The tour is over; Help has it again.")
            return
        self._workspace.memory.put("tour", number)
        self.station = number
        self._seen, self._open = False, not STATIONS[number].done(self._workspace)
        self._tell()

    @Slot()
    def _look(self) -> None:
        """Whether the person has done what the station asks."""
        if self.bar.isHidden() or self._seen:
            return
        done = STATIONS[self.station].done(self._workspace)
        # What was so already when the station began has to be left first
        self._open = self._open or not done
        if done and self._open:
            self._seen = True
            self._tell()

    def _tell(self) -> None:
        number, station = self.station, STATIONS[self.station]
        last = number == len(STATIONS) - 1
        text = station.seen if self._seen else station.task
        forward = ("End tour" if last else "Next", "Go on", lambda: self._go(number + 1))
        back = ("Back", "The station before", lambda: self._go(number - 1))
        show = ("Show me", "Bring it into sight", self._show)
        # From the right, so that none moves when another one comes or goes
        choices = [*([back] if number else []), *([] if self._seen else [show]), forward]
        mark = "✓ " if self._seen else ""
        self.bar.tell(
            f"{mark}{number + 1} of {len(STATIONS)}. {text}", "The tour can be left and resumed in Help", choices
        )

    def _show(self) -> None:
        place, plots = STATIONS[self.station].place, self._workspace.plots
        if (part := self._control(place)) is not None:
            reveal(part)
        else:
            reveal(plots[place])
            plots[place].plot.setFocus()

    def _control(self, name: str) -> QWidget | None:
        """The first control of the window with this name that is seen."""
        for part in self._workspace.parent.findChildren(QWidget):
            named = part.accessibleName() == name or (isinstance(part, QToolButton) and part.text() == name)
            if named and part.isVisible() and part.isEnabled():
                return part
        return None
