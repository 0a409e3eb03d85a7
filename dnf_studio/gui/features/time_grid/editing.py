"""The grid in the editor: whose it is, how it is changed, and what it is used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.config.grids import LEAST_STEP, GridKind, Nodes
from dnf_studio.core.sde.nodes import change_step, interpolate, move_node, nodes_of
from dnf_studio.core.sde.solvers import missing_grids
from dnf_studio.errors import SettingError
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.snapshot import Snapshot

MOST_STEPS = 1000
Array = NDArray[np.float64]


class GridEditing(QObject):
    """While `live` it is the grid of the view, else a draft of its own; both are in the session, and so is undo.

    Times and g are those of the model shown; what is drawn of it is fractions of the way.
    """

    changed = Signal()

    def __init__(self, session: Session, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._studio = session, studio
        self._frame: Frame | None = None
        self.live = True
        self._begun: tuple[object, Nodes] = None, ()
        self._known: tuple[Snapshot, GridKind | None, int, Nodes] | None = None
        session.changed.connect(self._follow)

    @Slot(object)
    def set_frame(self, frame: Frame | None) -> None:
        """The model shown, at its grid; None for none."""
        before, self._frame = self._frame, frame
        same = before is not None and frame is not None
        if not (same and np.array_equal(before.t, frame.t) and np.array_equal(before.g, frame.g)):  # type: ignore[union-attr]
            self.changed.emit()

    @property
    def ready(self) -> bool:
        """Whether there is a model whose grid can be edited."""
        return self._frame is not None

    @property
    def nodes(self) -> Nodes:
        """What is in the editor; empty without a model."""
        if self._frame is None:
            return ()
        state, snapshot = self._session.state, self._studio.explorer.newest.snapshot
        if snapshot is None:
            return ()
        if state.draft and not self.live:
            return state.draft
        return self._realised(state.sampling.grid, state.sampling.steps or snapshot.steps, snapshot)

    @property
    def times(self) -> Array:
        """(N+1,) t_i of the model shown."""
        assert self._frame is not None
        start, end = float(self._frame.t[0]), float(self._frame.t[-1])
        return start + np.array(self.nodes) * (end - start)

    @property
    def noise(self) -> Array:
        """(N,) g_i √Δ_i, the standard deviation that a step adds; empty for a model without noise."""
        if "noise" in self._session.lacks:
            return np.empty(0)
        assert self._frame is not None
        t = self.times
        steps: Array = np.interp(t[:-1], self._frame.t, self._frame.g) * np.sqrt(np.diff(t))
        return steps

    @property
    def own(self) -> Array:
        """(M+1,) times of the model's own grid."""
        assert self._frame is not None
        return np.asarray(self._frame.t if self._frame.own is None else self._frame.own, np.float64)

    def set_live(self, live: bool) -> None:
        """Use the grid for the view, now and while it is edited, or leave the view as it is."""
        nodes, self.live = self.nodes, live
        if nodes:
            self._put(nodes)
        self.changed.emit()

    def start_from(self, kind: GridKind | None) -> None:
        """Begin anew from a grid by its name or nodes, or from the model's own."""
        snapshot = self._studio.explorer.newest.snapshot
        if self.live:
            self._session.apply({"grid": kind})
        elif snapshot is not None:
            self._put(self._realised(kind, len(self.nodes) - 1, snapshot))

    def set_steps(self, steps: int) -> None:
        """Change N and keep the shape of the grid."""
        if self.live:
            self._session.apply({"steps": steps})
        else:
            self._put(tuple(interpolate(self.nodes, steps).tolist()))

    def set_length(self, step: int, length: float, everywhere: bool = False, gesture: object = None) -> None:
        """Δ of a step as near to `length`, in time, as can be; its neighbours give way, or all others do.

        What belongs to one `gesture` is one step of undo, and starts from the grid as it was before.
        """
        if gesture is None or gesture is not self._begun[0]:
            self._begun = gesture, self.nodes
        self._put(change_step(self._begun[1], step, length / self._span, everywhere), gesture)

    def type_length(self, step: int, length: float) -> None:
        """Set a step's length as typed; raises `SettingError` for one that cannot be."""
        count = len(self.nodes) - 1
        least, most = LEAST_STEP * self._span, (1 - (count - 1) * LEAST_STEP) * self._span
        if count == 1 or not least <= length <= most:
            raise SettingError(f"Step {step} can only be between {least:.3g} and {most:.3g} long.")
        self.set_length(step, length)

    def type_time(self, node: int, time: float) -> None:
        """Move t_i alone; raises `SettingError` where it is not between its neighbours."""
        try:
            moved = move_node(self.nodes, node, (time - self.times[0]) / self._span)
        except SettingError:
            t = self.times[max(0, node - 1) : node + 2]
            raise SettingError(f"Node {node} must lie between its neighbours at {t[0]:.4g} and {t[-1]:.4g}.") from None
        self._put(moved)

    def use_for_training(self) -> None:
        """Let the next Train have this grid and its N."""
        nodes = self.nodes
        self._session.apply({"config.sde.grid": nodes, "config.sde.steps": len(nodes) - 1})

    @property
    def trains(self) -> bool:
        """Whether the next Train has it already."""
        sde = self._session.state.config.sde
        return sde.grid == self.nodes and sde.steps == len(self.nodes) - 1

    @property
    def _span(self) -> float:
        t = self.times
        return float(t[-1] - t[0])

    def _realised(self, kind: GridKind | None, count: int, snapshot: Snapshot) -> Nodes:
        """The nodes of `kind` at N = `count` for the model of `snapshot`; the last answer is kept."""
        # The state keeps a grid that another model had
        kind = None if kind in missing_grids(snapshot.flow.solvers) else kind
        known = self._known
        if known is None or known[0] is not snapshot or known[1:3] != (kind, count):
            if isinstance(kind, tuple):
                nodes: Nodes = tuple(interpolate(kind, count).tolist())
            else:
                nodes = nodes_of(snapshot.flow.grid(count, kind).t)
            self._known = known = snapshot, kind, count, nodes
        return known[3]

    def _put(self, nodes: Nodes, gesture: object = None) -> None:
        change: Mapping[str, Any] = {"draft": nodes}
        snapshot = self._studio.explorer.newest.snapshot
        if self.live and snapshot is not None:
            count = len(nodes) - 1
            same = (self._session.state.sampling.steps or snapshot.steps) == count
            change = {"grid": nodes} if same else {"grid": nodes, "steps": count}
        self._session.apply(change, gesture)

    def _follow(self, names: frozenset[str]) -> None:
        if names & {"grid", "steps", "draft", "config.sde.grid", "config.sde.steps"}:
            self.changed.emit()
