"""A number that is slid or typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from dnf_studio.gui.widgets.controls import FloatBox, IntBox, fit


class NumberSlider(QWidget):
    """A label, a slider and the same number to type.

    `value_changed` tells of changes by a person only. The number may go beyond the slider, which
    then rests at its end.
    """

    value_changed = Signal(float)

    def __init__(
        self,
        label: str,
        low: float,
        high: float,
        step: float,
        limit: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._step = low, step
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.box: IntBox | FloatBox
        if step == int(step):
            self.box = IntBox(int(low), int(high if limit is None else limit), self)
        else:
            self.box = FloatBox(low, high if limit is None else limit, self)
        self.slider.setRange(0, round((high - low) / step))
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        self.label = QLabel(label, self)
        self.label.setBuddy(self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in (self.label, self.slider, self.box):
            row.addWidget(part)
        self.slider.setMinimumWidth(70)
        fit(self.box, "1000")
        self.slider.valueChanged.connect(self._slid)
        self.box.valueChanged.connect(self._typed)

    def changeEvent(self, event: QEvent) -> None:
        """Measure again: larger letters are wider."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            fit(self.box, "1000")

    def setToolTip(self, text: str) -> None:
        """One tooltip for all three parts."""
        for part in (self.label, self.slider, self.box):
            part.setToolTip(text)

    def set_name(self, name: str) -> None:
        """What a screen reader calls it."""
        self.slider.setAccessibleName(f"{name}, slider")
        self.box.setAccessibleName(name)

    def value(self) -> float:
        """The number."""
        return float(self.box.value())

    def set_value(self, value: float) -> None:
        """Show `value`; emits nothing."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.box):
            self.slider.setValue(round((value - self._low) / self._step))
            self._show(value)

    def _show(self, value: float) -> None:
        if isinstance(self.box, IntBox):
            self.box.setValue(round(value))
        else:
            self.box.setValue(value)

    def _slid(self, notch: int) -> None:
        value = round(self._low + notch * self._step, 10)
        with QSignalBlocker(self.box):
            self._show(value)
        self.value_changed.emit(value)

    def _typed(self) -> None:
        value = self.value()
        with QSignalBlocker(self.slider):
            self.slider.setValue(round((value - self._low) / self._step))
        self.value_changed.emit(value)
