"""The bar below the views: the time cursor, its playing, and where it stands."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from dnf_studio.gui.actions import Key
from dnf_studio.gui.commands import Commands
from dnf_studio.gui.cursor import TimeCursor
from dnf_studio.workers.frames import Frame

__all__ = ["TransportBar"]

BUTTONS = (Key.FIRST, Key.PREVIOUS, Key.PLAY, Key.NEXT, Key.LAST, Key.LOOP)
NOTCHES = 100
"""Slider notches a step, so that dragging is smooth between steps."""


class TransportBar(QFrame):
    """|< < play > >|  loop  ―●―  step 17 of 30  t = 0.0231  57% to noise."""

    def __init__(self, cursor: TimeCursor, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cursor = cursor
        self._times: np.ndarray[tuple[int], np.dtype[np.float32]] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(2)
        for key in BUTTONS:
            row.addWidget(_button(commands, key))
        row.addSpacing(8)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName("Time cursor")
        self.slider.setToolTip("Time: data at the left, noise at the right. Drag, or use Left, Right, Home, End.")
        self.slider.setSingleStep(NOTCHES)
        self.slider.setPageStep(5 * NOTCHES)
        row.addWidget(QLabel("data"))
        row.addSpacing(4)
        row.addWidget(self.slider, 1)
        row.addSpacing(4)
        row.addWidget(QLabel("noise"))
        row.addSpacing(12)
        self.readout = QLabel()
        self.readout.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.readout.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._fit_readout()
        self.readout.setToolTip("Step of the time cursor, the time there, and the share of the way to the noise")
        row.addWidget(self.readout)
        self.slider.valueChanged.connect(self._dragged)
        self.slider.sliderPressed.connect(lambda: cursor.set_playing(False))
        cursor.moved.connect(self._moved)
        self._moved(cursor.position)

    def set_frame(self, frame: Frame | None) -> None:
        """Take the times of `frame`."""
        self._times = None if frame is None else frame.t
        self._moved(self._cursor.position)

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters need more room."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "readout"):
            self._fit_readout()

    def _fit_readout(self) -> None:
        """Room for its longest text, so that nothing moves while it plays."""
        widest = self.readout.fontMetrics().horizontalAdvance("step 000 of 000   t = 0.00000   100%")
        self.readout.setMinimumWidth(widest + 8)

    def _dragged(self, value: int) -> None:
        self._cursor.go(value / NOTCHES)

    def _moved(self, position: float) -> None:
        steps = self._cursor.steps
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, steps * NOTCHES)
            self.slider.setValue(round(position * NOTCHES))
        time = ""
        if self._times is not None and len(self._times) == steps + 1:
            time = f"   t = {np.interp(position, np.arange(steps + 1), self._times):.5f}"
        self.readout.setText(f"step {self._cursor.node} of {steps}{time}   {self._cursor.fraction:.0%}")


def _button(commands: Commands, key: Key) -> QToolButton:
    action = commands[key]
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setIconSize(QSize(20, 20))
    button.setAccessibleName(action.text().replace("&", ""))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
