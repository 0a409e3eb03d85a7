"""Small controls that several parts of the window use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QShowEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import breakable

MOMENT_MS = 1500


class IntBox(QSpinBox):
    """A whole number; the wheel turns it only while it has the focus."""

    refused = Signal(str)
    """What was typed and is out of range, where `tells_range`; the number stays as it was."""
    tells_range = False
    """Whether more than fits may be typed, so that it can be told, and not only left out."""

    def __init__(self, low: int, high: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(max(low, -(2**31)), min(high, 2**31 - 1))
        self.setGroupSeparatorShown(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)
        self.installEventFilter(_UndoOfWindow(self))
        self.editingFinished.connect(lambda: self.lineEdit().setModified(False))

    def validate(self, text: str, position: int) -> Any:  # noqa: ANN401 - Qt takes a tuple here
        """Let a number out of range stand until it is entered, where that is told then."""
        found: Any = super().validate(text, position)
        if self.tells_range and found[0] == QValidator.State.Invalid and (text == "-" or _whole(text)):
            return QValidator.State.Intermediate, text, position
        return found

    def fixup(self, text: str) -> str:
        """Tell of a number out of range."""
        if self.tells_range and _whole(text):
            self.refused.emit(text)
        return str(super().fixup(text))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the scrolling panel unless focused."""
        _wheel(self, event, super().wheelEvent)


class FloatBox(QDoubleSpinBox):
    """A number written as short as it can be, from 1e-12 on; the wheel needs the focus."""

    refused = Signal(str)
    """What was typed and is out of range; the number stays as it was."""
    tells_range = True

    def __init__(self, low: float, high: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(12)
        self.setRange(low, high)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)
        self.installEventFilter(_UndoOfWindow(self))
        self.editingFinished.connect(lambda: self.lineEdit().setModified(False))

    def textFromValue(self, value: float) -> str:
        """Six significant digits without trailing zeros."""
        return f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """Also 1e-3 and a comma for the point."""
        try:
            return float(self._number_of(text))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> Any:  # noqa: ANN401 - Qt takes a tuple here
        """Accept what `float` reads; text on its way there may stay for now."""
        typed = self._number_of(text)
        try:
            number = float(typed)
        except ValueError:
            partial = all(letter in "0123456789+-.eE" for letter in typed)
            return (QValidator.State.Intermediate if partial else QValidator.State.Invalid), text, position
        inside = self.minimum() <= number <= self.maximum()
        return (QValidator.State.Acceptable if inside else QValidator.State.Intermediate), text, position

    def fixup(self, text: str) -> str:
        """Tell of a number out of range."""
        number = text.removesuffix(self.suffix())
        if _is_number(number):
            self.refused.emit(number)
        return text

    def _number_of(self, text: str) -> str:
        """The number in `text`, which comes with the unit behind it and without."""
        return text.removesuffix(self.suffix()).replace(",", ".")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the scrolling panel unless focused."""
        _wheel(self, event, super().wheelEvent)


class ChoiceBox(QComboBox):
    """One of a few named values; the wheel needs the focus, which comes with Tab alone.

    A click chooses and leaves the keys to the window, whose Space plays and whose Home goes to the data.
    """

    chosen = Signal(object)

    def __init__(self, choices: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumContentsLength(6)
        # Choices change after the first show, with which Qt's own policy would cut longer ones
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.set_choices(choices)
        self.activated.connect(lambda index: self.chosen.emit(self.value_at(index)))

    def value_at(self, index: int) -> Any:  # noqa: ANN401 - whatever the choices are
        """The value of a choice."""
        return self.itemData(index)

    def set_choices(self, choices: dict[str, Any]) -> None:
        """Replace the choices, text to value; emits nothing."""
        with QSignalBlocker(self):
            value = self.currentData()
            self.clear()
            for text, data in choices.items():
                self.addItem(text, data)
            self.show_value(value)

    def show_value(self, value: object) -> None:
        """Show the choice that has `value`, if there is one; emits nothing."""
        for index in range(self.count()):
            if self.itemData(index) == value:
                self.setCurrentIndex(index)
                return

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """End a name that does not fit in an ellipsis, where Qt would cut it between two letters."""
        super().initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        width = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        option.currentText = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, width)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the scrolling panel unless focused."""
        _wheel(self, event, super().wheelEvent)


def fit(box: QAbstractSpinBox, text: str) -> None:
    """Make `box` as wide as `text` and its arrows need."""
    box.ensurePolished()
    box.setFixedWidth(box.fontMetrics().horizontalAdvance(text) + 2 * box.fontMetrics().height())


def keep_place(widget: QWidget) -> None:
    """Let `widget` keep its place while it is hidden, so that nothing jumps when it appears."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def say_for_a_moment(button: QAbstractButton, text: str) -> None:
    """Let `button` say that it was done, `text`, then its own words again."""
    words = button.text()
    if words != text:
        button.setMinimumWidth(button.width())
        button.setText(text)
        QTimer.singleShot(MOMENT_MS, button, lambda: button.setText(words))


def caption(text: str = "", warning: bool = False) -> QLabel:
    """A quiet line of explanation, or a warning, that wraps."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("warning" if warning else "caption", True)
    return label


class FilesPanel(QWidget):
    """A panel of what lies in files: `refresh` reads them anew whenever it comes into sight, or the window to the
    front. `problem` says why they cannot be read, as long as it is so; `tell` is told what is no fault of theirs."""

    def __init__(self, tell: Callable[[Exception], object]) -> None:
        super().__init__()
        self._tell, self._ready = tell, False
        self.problem = caption(warning=True)
        self.problem.hide()

    @property
    def due(self) -> bool:
        """Whether somebody sees what would be read."""
        return self._ready and self.isVisible()

    @Slot()
    def start(self) -> None:
        """From now on files may be read: what is first seen of the window is there."""
        if not self._ready:
            self._ready = True
            self.refresh()

    @abstractmethod
    def refresh(self) -> None:
        """Read the files again, if it is `due`."""

    def showEvent(self, event: QShowEvent) -> None:
        """What is seen is up to date."""
        super().showEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Coming back from where files are copied."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.refresh()

    def complain(self, error: Exception) -> None:
        """Say why the files cannot be read."""
        if isinstance(error, StudioError):
            self.problem.setText(breakable(str(error)))
            self.problem.show()
        else:
            self._tell(error)


def heading(text: str) -> QLabel:
    """A bold line."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def label_of(control: QWidget, text: str, tip: str) -> QLabel:
    """The label of `control`, which gets its name from it; one tooltip for both."""
    label = QLabel(text)
    label.setBuddy(control)
    for part in (label, control):
        part.setToolTip(tip)
    control.setAccessibleName(text.replace("&", ""))
    return label


class _UndoOfWindow(QObject):
    """Lets the keys of undo and redo through a field in which nothing is half typed: they are the window's."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the field from claiming a shortcut that it has no use for."""
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        travels = event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
        if not travels or not isinstance(watched, IntBox | FloatBox) or watched.lineEdit().isModified():
            return False
        event.ignore()
        return True


def _whole(text: str) -> bool:
    """Whether `text` is a whole number, with or without separators between thousands."""
    return text.lstrip("+-").translate({ord(mark): None for mark in ",.’'\u00a0\u202f "}).isdigit()


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _wheel(control: QWidget, event: QWheelEvent, turn: Any) -> None:  # noqa: ANN401 - a bound Qt method
    if control.hasFocus():
        turn(event)
    else:
        event.ignore()
