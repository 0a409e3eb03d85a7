"""Choosing points: from clicks in the views to the session, and from the session to every view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.plots.process_view import ProcessView
from dnf_studio.gui.plots.time_view import TimeView
from dnf_studio.gui.session import Session

__all__ = ["Selecting", "after_click"]


class Selecting(QObject):
    """Writes clicks on points to the session and shows its selection in the views.

    A click beside every point clears the selection once it is certain that it was not the first
    half of a double click, which shows the whole again.
    """

    def __init__(
        self, session: Session, views: Sequence[ProcessView | TimeView], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._views = tuple(views)
        self._clearing = QTimer(self)
        self._clearing.setSingleShot(True)
        self._clearing.setInterval(QApplication.doubleClickInterval())
        self._clearing.timeout.connect(self.clear)
        for view in views:
            view.point_picked.connect(self._picked)
            if isinstance(view, ProcessView):
                view.missed.connect(self._clearing.start)
                view.double_clicked.connect(self._clearing.stop)
            session.changed.connect(partial(self._show, view))
            view.set_selection(session.state.selection)

    def clear(self) -> None:
        """Choose nothing."""
        self._clearing.stop()
        self._session.apply({"selection": ()})

    def choose(self, points: tuple[int, ...], direction: str, adds: bool) -> None:
        """Choose `points`, the current one last, on their way in `direction`; with `adds` beside what is chosen."""
        self._clearing.stop()
        kept = tuple(p for p in self._session.state.selection if p not in points) if adds else ()
        self._session.apply({"selection": (*kept, *points), "direction": direction})

    def _picked(self, point: int, direction: str, adds: bool) -> None:
        self._clearing.stop()
        chosen = after_click(self._session.state.selection, point, adds)
        self._session.apply({"selection": chosen, "direction": direction})

    def _show(self, view: ProcessView | TimeView, names: frozenset[str]) -> None:
        if "selection" in names:
            view.set_selection(self._session.state.selection)


def after_click(selection: tuple[int, ...], point: int, adds: bool) -> tuple[int, ...]:
    """What is chosen after a click on `point`, the current point last: it alone, or with `adds` one more or less."""
    if not adds:
        return (point,)
    others = tuple(other for other in selection if other != point)
    return others if len(others) < len(selection) else (*others, point)
