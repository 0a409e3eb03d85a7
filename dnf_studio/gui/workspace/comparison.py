"""The second model, B, beside the one that is shown, A: what it is, its frames, and what the two have in common."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from dnf_studio.errors import LinkError, StudioError, UnsupportedError
from dnf_studio.gui.workspace import opening
from dnf_studio.gui.workspace.kept_models import SecondModel, is_same_data, shared_points, standardised_apart
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import SAMPLING, State
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.background import Newest
from dnf_studio.workers.frames import Frame, InspectRequest

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame
    from dnf_studio.workers.explorer import Explorer
    from dnf_studio.workers.fields import FieldRequest

LATE_SECONDS = 0.25
"""After which some points of B are shown where all of them do not come."""
MOST = 4
"""Models that are kept to be compared with again."""


class Comparison(QObject):
    """Which model is compared with the one shown, with an explorer of its own that there is only while there is one.

    Both start from the same points where they are of the same data, and have the same latents and Brownian paths, at
    the times of each. Which model it is stands as a number in the state, `second`, so that undo brings it back.
    """

    sought = Signal()
    """A model to compare with is being opened; there is time to prepare for it."""
    changed = Signal()
    """B is another model, there is none any more, or A is another one."""
    kept_changed = Signal()
    """Other models are kept."""
    frame_shown = Signal(object)
    """A new `Frame` of B, which is `frame` from now on; None once there is no B."""
    excess_found = Signal(object)
    """A new `ExcessFrame` of B, from now on `excess`; None where nothing is known."""
    field_found = Signal(object)
    """A new `FieldAnswer` of B."""
    inspected = Signal(object)
    """A new `Inspection` of the point of B that is asked for."""
    _told = Signal()

    def __init__(self, session: Session, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._studio = session, studio
        self._known: dict[str, SecondModel] = {}
        self._numbers = count(1)
        self._loading = Newest(studio.background)
        self._explorer: Explorer | None = None
        self._second: SecondModel | None = None
        self._frame: Frame | None = None
        self._shown_at = 0.0
        self._excess: ExcessFrame | None = None
        self._field: FieldRequest | None = None
        self._inspect: InspectRequest | None = None
        session.changed.connect(self._follow)
        studio.opened.connect(self._take_first)
        studio.training.phase_changed.connect(self._share_cores)
        self._told.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def second(self) -> SecondModel | None:
        """B; None where nothing is compared, also not for the moment in which A is of another dimension already."""
        first, second = self._studio.current, self._second
        return second if first is None or second is None or second.opened.shown.dim == first.shown.dim else None

    @property
    def frame(self) -> Frame | None:
        """The newest `Frame` of B."""
        return self._frame

    @property
    def excess(self) -> ExcessFrame | None:
        """The excess of B as far as it is known."""
        return self._excess

    @property
    def names(self) -> tuple[str, ...]:
        """What A and B are called: nothing, one name or two, which differ."""
        second = None if self.second is None else self.second.opened
        found = [model.shown.name for model in (self._studio.current, second) if model is not None]
        return (f"{found[0]} (A)", f"{found[1]} (B)") if len(set(found)) < len(found) else tuple(found)

    @property
    def effective(self) -> State:
        """The state as far as B can have it."""
        shown = None if self.second is None else self.second.opened.shown
        return self._session.state if shown is None else self._session.state.without(shown.lacks, shown.solvers)

    @property
    def kept(self) -> tuple[SecondModel, ...]:
        """Models that have been compared and are still in memory, the last one first."""
        return tuple(reversed(self._known.values()))

    @property
    def same_data(self) -> bool:
        """Whether A and B are of the same data, and so start from the same points."""
        first = self._studio.current
        return first is not None and self.second is not None and is_same_data(first, self.second.opened)

    @property
    def apart(self) -> str:
        """Why a place of A's views is another one for B, as a sentence; empty where it is the same."""
        first = self._studio.current
        if first is None or self.second is None:
            return "There is no second model: Compare opens one."
        return standardised_apart(first, self.second.opened)

    def open(self, name: str, origin: str = "file") -> None:
        """Compare with a bundled model or the model of a file from now on; `failed` of the studio says why not."""
        config = self._session.state.config
        work = partial(opening.open_any, name, config, tuple(self._studio.places()))
        self._loading.run(work, partial(self._take_opened, origin), self._studio.failed.emit)
        self.sought.emit()

    def take(self, second: SecondModel) -> None:
        """Compare with this one from now on; raises `StudioError` where it cannot be."""
        self._check(second.opened)
        number = next((k for k, known in self._known.items() if known is second), "") or self.keep(second)
        self._session.apply({"second": number})

    def renew(self, newer: Opened) -> None:
        """Go on with newer weights of the run that is B, as another process has trained it; of another B nothing."""
        second, number = self._second, self._session.state.second
        if second is not None and self._explorer is not None and second.opened.source == newer.source:
            self._second = self._known[number] = replace(second, opened=newer)
            self._explorer.publish(newer.snapshot)

    def keep(self, second: SecondModel) -> str:
        """Keep this model to be compared with later; the number by which the state knows it."""
        number = str(next(self._numbers))
        others = [known for known in self._known if known != self._session.state.second]
        for old in others[: max(0, len(self._known) + 1 - MOST)]:
            del self._known[old]
        self._known[number] = second
        self.kept_changed.emit()
        return number

    def close(self) -> None:
        """Compare no longer."""
        self._loading.cancel()
        self._session.apply({"second": ""})

    def field(self, asked: FieldRequest | None) -> None:
        """Ask for the vector fields of B at one node, or none; `field_found` brings them with every change."""
        self._field = asked
        if self._explorer is not None:
            self._explorer.field(asked)

    def inspect(self, asked: InspectRequest | None) -> None:
        """Ask for the numbers of one path of B, or of none; `inspected` brings them with every change."""
        self._inspect = asked
        if self._explorer is not None:
            self._explorer.inspect(asked)

    def stop(self) -> None:
        """End the thread: the window closes."""
        explorer, self._explorer = self._explorer, None
        self._second = None
        if explorer is not None:
            explorer.tell(None)
            explorer.close()

    def _take_opened(self, origin: str, opened: Opened) -> None:
        try:
            if opened.kind == "data" or not opened.shown.trained:
                raise UnsupportedError(
                    f"{opened.shown.data} holds data and no model to compare with; open a checkpoint."
                )
            self.take(SecondModel(replace(opened, export=None), origin))
        except StudioError as error:
            self._studio.failed.emit(error)

    def _check(self, opened: Opened) -> None:
        first = self._studio.current
        if first is None:
            raise UnsupportedError("There is nothing to compare with yet; open a model first.")
        if opened.shown.dim != first.shown.dim:
            raise UnsupportedError(
                f"{opened.shown.title} has {_components(opened)} and the model shown has {_components(first)}; only "
                "models of as many components can be compared."
            )

    def _follow(self, names: frozenset[str]) -> None:
        if "second" in names:
            self._renew()
        elif names & SAMPLING and self._explorer is not None:
            self._explorer.request(self.effective.sampling)

    @Slot(object)
    def _take_first(self, opened: Opened) -> None:
        """A is another model, perhaps of other data."""
        wanted = self._known.get(self._session.state.second)
        if wanted is not None and wanted.opened.shown.dim != opened.shown.dim:
            self._studio.said.emit(f"{wanted.name} is compared no longer: it has {_components(wanted.opened)}.")
        self._renew()

    def _renew(self) -> None:
        """Show the model that the state names, unless it is of another dimension than A."""
        first, wanted = self._studio.current, self._known.get(self._session.state.second)
        if first is None or wanted is None or wanted.opened.shown.dim != first.shown.dim:
            wanted = None
        same, self._second = wanted is self._second, wanted
        if wanted is None or first is None:
            self._end()
        else:
            if self._explorer is None:
                self._explorer = self._begin()
                self._studio.explorer.share(True)
            if not same:
                self._forget()
            self._explorer.request(self.effective.sampling)
            self._explorer.publish(wanted.opened.snapshot, shared_points(first, wanted.opened))
        self.changed.emit()

    def _begin(self) -> Explorer:
        from dnf_studio.workers.explorer import Explorer

        explorer = Explorer()
        explorer.set_training(self._studio.training.phase in (Phase.STARTING, Phase.RUNNING))
        explorer.tell(self._told.emit)
        explorer.share(True)
        explorer.field(self._field)
        explorer.inspect(self._inspect)
        return explorer

    def _end(self) -> None:
        explorer, self._explorer = self._explorer, None
        if explorer is not None:
            self._studio.explorer.share(False)
            explorer.tell(None)
            # A pass ends at its next step, which may take a while
            self._studio.background.run(explorer.close, lambda _closed: None, self._studio.failed.emit)
            self._forget()

    def _forget(self) -> None:
        """Show nothing of a model that is B no longer."""
        if self._frame is not None:
            self._frame = self._excess = None
            self.excess_found.emit(None)
            self.frame_shown.emit(None)

    @Slot()
    def _take(self) -> None:
        """Take what the explorer has left in its mailboxes, and emit it."""
        explorer, second = self._explorer, self._second
        if explorer is None or second is None:
            return
        error = explorer.errors.take()
        if isinstance(error, LinkError):
            self._studio.said.emit(str(error))
        elif error is not None:
            self._studio.failed.emit(error)
        frame = explorer.mailbox.take()
        # A grows block by block before one's eyes; B once more would be twice as much to draw. But where a slider is
        # moved so fast that no pass comes to its end, the first points are shown now and then.
        now = perf_counter()
        late = self._frame is None or now - self._shown_at > LATE_SECONDS
        if frame is not None and (frame.all_points or late) and frame.weights == second.opened.snapshot.version:
            self._frame, self._shown_at = frame, now
            if self._excess is not None and not self._excess.fits(frame):
                self._excess = None
            self.frame_shown.emit(frame)
        excess = explorer.excess.take()
        if excess is not None and excess.fits(self._frame):
            self._excess = excess
            self.excess_found.emit(excess)
        field = explorer.fields.take()
        if field is not None and self._field is not None and field.weights == second.opened.snapshot.version:
            self.field_found.emit(field)
        found = explorer.inspections.take()
        if found is not None and found.asked == self._inspect and found.weights == second.opened.snapshot.version:
            self.inspected.emit(found)

    @Slot(object)
    def _share_cores(self, phase: Phase) -> None:
        if self._explorer is not None:
            self._explorer.set_training(phase in (Phase.STARTING, Phase.RUNNING))


def _components(opened: Opened) -> str:
    return f"{opened.shown.dim} component{'s' if opened.shown.dim > 1 else ''}"
