"""How quickly the window came up and how often it draws, for ``--json`` and the tests of speed."""

from __future__ import annotations

from time import perf_counter

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from dnf_studio.workers.frames import Frame

__all__ = ["Measures"]


class Measures(QObject):
    """Counts paint events of one view and complete frames since the first of them.

    `started` is when the process started, on the clock of `time.perf_counter`.
    """

    def __init__(self, started: float, window: QWidget, view: QWidget) -> None:
        super().__init__(window)
        self._started = started
        self._window_at: float | None = None
        self._first_frame_at: float | None = None
        self._redraws = 0
        self._frames = 0
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count what is painted; nothing is held back."""
        if watched is self._view and event.type() == QEvent.Type.Paint:
            self._redraws += 1
            if self._window_at is None:
                self._window_at = perf_counter()
        return False

    def count_frame(self, frame: Frame) -> None:
        """A frame is in the views."""
        if self._first_frame_at is None:
            self._first_frame_at = perf_counter()
            self._redraws = 0
        elif frame.complete:
            self._frames += 1

    def results(self) -> dict[str, float | None]:
        """The four numbers of DESIGN; null where it did not come so far."""
        since = None if self._first_frame_at is None else perf_counter() - self._first_frame_at
        return {
            "window_ms": self._milliseconds(self._window_at),
            "first_frame_ms": self._milliseconds(self._first_frame_at),
            "redraws_per_second": round(self._redraws / since, 2) if since else None,
            "model_frames_per_second": round(self._frames / since, 2) if since else None,
        }

    def _milliseconds(self, moment: float | None) -> float | None:
        return None if moment is None else round(1000 * (moment - self._started), 1)
