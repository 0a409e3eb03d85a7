"""The bar below the views: the time cursor, its playing, and where it stands."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QSlider, QToolButton

from dnf_studio.gui.drawing.caption import StillLabel
from dnf_studio.gui.drawing.theme import icon_size
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.cursor import TimeCursor
from dnf_studio.workers.frames import Frame

BUTTONS = ("first", "previous", "play", "next", "last", "loop")
NOTCHES = 100
"""Slider positions in each step, so that dragging is smooth between steps."""
BUTTON_ICON = 20
"""Size of the icons in pixels, while the letters are as large as the desktop's."""
LEAST_SLIDER = 90
WIDEST = ("step 000 of 000   t = 0.00000   100%", "step 000 of 000   100%", "000 of 000")
"""The texts of the readout at their widest, from the full one to the shortest, for narrow windows."""


class TransportBar(QFrame):
    """|< < play > >|  loop  ―●―  step 17 of 30  t = 0.0231  57% to noise."""

    def __init__(self, cursor: TimeCursor, commands: Commands) -> None:
        super().__init__()
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
        self.slider.setMinimumWidth(LEAST_SLIDER)
        row.addWidget(QLabel("data"))
        row.addSpacing(4)
        row.addWidget(self.slider, 1)
        row.addSpacing(4)
        row.addWidget(QLabel("noise"))
        row.addSpacing(12)
        self.readout = _Readout()
        self.readout.setToolTip("Step of the time cursor, the time there, and the share of the way to the noise")
        row.addWidget(self.readout)
        self.slider.valueChanged.connect(self._dragged)
        self.slider.sliderPressed.connect(lambda: cursor.set_playing(False))
        cursor.moved.connect(self._moved)
        self._connect(commands)
        self._moved(cursor.position)

    def set_frame(self, frame: Frame | None) -> None:
        """Show the times of `frame`."""
        self._times = None if frame is None else frame.t
        self._moved(self._cursor.position)

    def changeEvent(self, event: QEvent) -> None:
        """Resize the icons, which grow with the letters."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            for button in self.findChildren(QToolButton):
                button.setIconSize(icon_size(BUTTON_ICON))

    def _connect(self, commands: Commands) -> None:
        cursor = self._cursor

        def show_playing(playing: bool) -> None:
            """Give the Play button the icon of what a click does next."""
            commands["play"].setChecked(playing)
            commands.set_icon("play", "pause" if playing else "play")

        for name, act in (
            ("play", lambda: cursor.set_playing(not cursor.playing)),
            ("loop", lambda: cursor.set_loop(not cursor.loop)),
            ("previous", lambda: cursor.step(-1)),
            ("next", lambda: cursor.step(1)),
            ("first", lambda: cursor.jump(0)),
            ("last", lambda: cursor.jump(cursor.steps)),
        ):
            commands.connect_to(name, act)
        cursor.playing_changed.connect(show_playing)
        cursor.loop_changed.connect(commands["loop"].setChecked)
        commands["loop"].setChecked(cursor.loop)

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
        step, share = f"{self._cursor.node} of {steps}", f"{self._cursor.fraction:.0%}"
        self.readout.show_texts((f"step {step}{time}   {share}", f"step {step}   {share}", step))


class _Readout(StillLabel):
    """A label that shows the longest of its texts that always fits, so that nothing moves while time plays."""

    def __init__(self) -> None:
        super().__init__()
        self._texts = ("", "", "")
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def show_texts(self, texts: tuple[str, str, str]) -> None:
        """Show the first of `texts` that fits, the longest first."""
        self._texts = texts
        fits = [place for place in range(len(WIDEST)) if self._width_of(place) <= self.width()]
        self.setText(texts[fits[0] if fits else -1])

    def sizeHint(self) -> QSize:
        """Width of the longest text."""
        return QSize(self._width_of(0), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Width of the shortest text."""
        return QSize(self._width_of(-1), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the longest text that fits."""
        super().resizeEvent(event)
        self.show_texts(self._texts)

    def changeEvent(self, event: QEvent) -> None:
        """Measure the texts again: larger letters are wider."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.show_texts(self._texts)

    def _width_of(self, place: int) -> int:
        return self.fontMetrics().horizontalAdvance(WIDEST[place]) + 8


def _button(commands: Commands, key: str) -> QToolButton:
    action = commands[key]
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setIconSize(icon_size(BUTTON_ICON))
    button.setAccessibleName(action.text().replace("&", ""))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
