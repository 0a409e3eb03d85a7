"""The status bar: what is shown, how the run stands, and messages."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStatusBar, QWidget

from dnf_studio.gui.drawing.words import counted, duration

__all__ = ["StudioStatusBar"]

LONG = 1e5
"""A bound of a run that diverges, which nobody reads digit by digit."""


class _Message(QLabel):
    """Cut short where there is no room, rather than making the window wider."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """As much of the text as there is room for."""
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class StudioStatusBar(QStatusBar):
    """model · iterations · it/s · NLL and its floor · time left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.message = _Message()
        self._meanwhile, self._before = "", ""
        self.message.setAccessibleName("Message")
        self.addWidget(self.message, 1)
        self.iterations = self._part("Iterations since the run began")
        self.rate = self._part("Iterations a second, over the last few seconds")
        self.nll = self._part("")
        self.set_bounded(True)
        self.left = self._part("Training time left")

    def say(self, text: str) -> None:
        """Show `text` until the next one."""
        self.message.setText(text)
        self.message.setToolTip(text)

    def say_meanwhile(self, text: str) -> None:
        """Show `text` until the next one, or until it is taken back."""
        if self.message.text() != self._meanwhile:
            self._before = self.message.text()
        self._meanwhile = text
        self.say(text)

    def take_back(self) -> None:
        """Show again what was said before `say_meanwhile`, where nothing was since."""
        if self._meanwhile and self.message.text() == self._meanwhile:
            self.say(self._before)

    def show_run(self, iteration: int, rate: float | None, left: float | None) -> None:
        """How far a run is; a rate or time that is not known is left out."""
        self.iterations.setText(counted(iteration, "iteration") if iteration else "")
        self.rate.setText("" if rate is None else f"{rate:.0f} it/s" if rate >= 10 else f"{rate:.1f} it/s")
        self.left.setText("" if left is None else f"{duration(left)} left")

    def add(self, widget: QWidget) -> None:
        """Put `widget` between the message and the numbers."""
        self.insertPermanentWidget(1, widget)

    def set_bounded(self, bounded: bool) -> None:
        """Whether the number told is a bound on the likelihood, or the likelihood itself."""
        self.nll.setToolTip(
            f"{'Bound on the' if bounded else 'Exact'} negative log-likelihood, smoothed in training, and the exact "
            "entropy of the data below which it cannot go, both in nats of the standardised data"
        )

    def show_nll(self, nll: float | None, floor: float | None) -> None:
        """The bound and what it cannot go below, nats."""
        parts = [] if nll is None else [f"NLL {nll:.3f}" if abs(nll) < LONG else f"NLL {nll:.1e}"]
        if floor is not None:
            parts.append(f"floor {floor:.3f}")
        self.nll.setText(", ".join(parts).replace("-", "−"))

    def _part(self, tip: str) -> QLabel:
        label = QLabel()
        label.setToolTip(tip)
        label.setContentsMargins(10, 0, 10, 0)
        self.addPermanentWidget(label)
        return label
