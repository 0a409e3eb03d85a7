"""The bar of the second clock: where in its training the model is shown, under the one of the processes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QPoint, QRect, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QToolTip,
    QWidget,
)

from dnf_studio.core.training.record import Mark
from dnf_studio.gui.drawing.theme import icon_size
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.run_changes import mark_words
from dnf_studio.gui.workspace.training_cursor import TrainingCursor

BUTTONS = ("past-first", "past-earlier", "past-play", "past-later")
BUTTON_ICON = 20
MOST_LINES = 60
"""Marks that are drawn, the newest, as in the loss plot."""
NEAR = 5
"""Pixels from a mark within which its tooltip shows."""
TIP = (
    "Training: its beginning at the left, now at the right. Drag, or use Shift with Left, Right, Home, End. Places are "
    "even over the square root of the iteration; lines are changes of settings and stages of N."
)
HERE = (
    "Views, studies, selections and exports are of this earlier model until you go back to now; the run goes on, and "
    "Save saves it as it is now"
)


def mark_places(iterations: Sequence[int], now: int, marks: Iterable[Mark]) -> dict[float, str]:
    """Where `marks` stand among the places of snapshots and of now, each with what changed there."""
    ends = [*iterations, max(now, iterations[-1] + 1)] if iterations else []
    found: dict[float, str] = {}
    for iteration, group in groupby(sorted(marks, key=lambda mark: mark.iteration), lambda mark: mark.iteration):
        if ends and ends[0] <= iteration <= ends[-1]:
            right = max(1, bisect_left(ends, iteration))
            before, after = ends[right - 1], ends[right]
            found[right - 1 + (iteration - before) / (after - before)] = mark_words(list(group))[1]
    return found


class TrainingSlider(QSlider):
    """A place for each snapshot and one for now, with thin lines where something changed."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._marks: dict[float, str] = {}
        self.setAccessibleName("Training cursor")
        self.setToolTip(TIP)
        self.setMinimumWidth(90)
        self.setPageStep(10)

    def set_marks(self, marks: dict[float, str]) -> None:
        """Draw lines at these places, in units of the slider; each has a tooltip."""
        if marks != self._marks:
            self._marks = marks
            self.update()

    def x_of(self, place: float) -> float:
        """Where a place is, in pixels from the left."""
        groove, handle = self._rects()
        room = groove.width() - handle.width()
        return groove.left() + handle.width() / 2 + room * place / max(1, self.maximum())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines, then the slider over them."""
        painter = QPainter(self)
        painter.setPen(self.palette().placeholderText().color())
        for place in self._marks:
            x = round(self.x_of(place))
            painter.drawLine(QPoint(x, 1), QPoint(x, self.height() - 2))
        painter.end()
        super().paintEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say what changed at the mark under the mouse."""
        if isinstance(event, QHelpEvent):
            near = [text for place, text in self._marks.items() if abs(self.x_of(place) - event.pos().x()) <= NEAR]
            if near:
                QToolTip.showText(event.globalPos(), "\n".join(near), self)
                return True
        return super().event(event)

    def _rects(self) -> tuple[QRect, QRect]:
        """Groove and handle."""
        option, style = QStyleOptionSlider(), self.style()
        self.initStyleOption(option)
        parts = QStyle.SubControl.SC_SliderGroove, QStyle.SubControl.SC_SliderHandle
        groove, handle = (style.subControlRect(QStyle.ComplexControl.CC_Slider, option, part, self) for part in parts)
        return groove, handle


class TrainingBar(QFrame):
    """|< < play >  beginning ―|―●― now  iteration 400 of 2,310  [Back to now]."""

    def __init__(self, cursor: TrainingCursor, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cursor = cursor
        self.setAccessibleName("Training clock")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 4)
        row.setSpacing(2)
        for name in BUTTONS:
            row.addWidget(_button(commands, name))
        row.addSpacing(8)
        self.slider = TrainingSlider()
        row.addWidget(QLabel("beginning"))
        row.addSpacing(4)
        row.addWidget(self.slider, 1)
        row.addSpacing(4)
        row.addWidget(QLabel("now"))
        row.addSpacing(12)
        self.readout = _Readout()
        row.addWidget(self.readout)
        self.back = _button(commands, "past-now", Qt.ToolButtonStyle.ToolButtonTextOnly)
        row.addWidget(self.back)
        self.slider.valueChanged.connect(cursor.go)
        self.slider.sliderPressed.connect(lambda: cursor.set_playing(False))
        cursor.moved.connect(lambda _kept: self.refresh())
        cursor.listed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the cursor and the run, and say plainly what is shown."""
        cursor = self._cursor
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(cursor.kept))
            self.slider.setValue(cursor.place)
        self.slider.set_marks(mark_places(cursor.iterations, cursor.now, cursor.marks[-MOST_LINES:]))
        past = cursor.shown is not None
        self.readout.setText(cursor.words if past else f"now, iteration {cursor.now:,}")
        self.readout.setToolTip(HERE if past else "The model as it is now is shown")
        self.back.setVisible(past)
        if (self.objectName() == "keep") is not past:
            # The frame of what is not as usual
            self.setObjectName("keep" if past else "")
            self.style().unpolish(self)
            self.style().polish(self)
        self.setVisible(cursor.usable)

    def changeEvent(self, event: QEvent) -> None:
        """Resize the icons, which grow with the letters."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            for button in self.findChildren(QToolButton):
                button.setIconSize(icon_size(BUTTON_ICON))


class _Readout(QLabel):
    """A label as wide as its longest text so far, so that nothing moves while training plays."""

    def __init__(self) -> None:
        super().__init__()
        self._widest = 0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        """At least the widest one."""
        found = super().sizeHint()
        self._widest = max(self._widest, found.width())
        return QSize(self._widest, found.height())


def _button(
    commands: Commands, name: str, style: Qt.ToolButtonStyle = Qt.ToolButtonStyle.ToolButtonIconOnly
) -> QToolButton:
    action = commands[name]
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(style is Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setToolButtonStyle(style)
    button.setIconSize(icon_size(BUTTON_ICON))
    button.setAccessibleName(action.text().replace("&", ""))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
