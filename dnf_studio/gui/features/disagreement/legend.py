"""What bars by step stand for: the chooser, the switch that splits them, and what the colours of the parts are."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import UNAFFORDABLE
from dnf_studio.gui.features.disagreement.bars import PARTS, Shown

SHORT = ("g", "f", "s")
"""The parts' short names, for where the long ones do not fit."""
NAMED, NAMED_BESIDE, WORDY = 22, 28, 38
"""Heights of a line from which width of the plot on the switch, it beside the legend, and the parts are named."""
SHOWN: dict[Shown, str] = {"excess": "excess", "contribution": "contribution to the bound"}
CHOICES = "Excess: what the step misses, 0 for a perfect model. Contribution: its summand of the bound, which is not"
LEAST = 30
"""Width in pixels of the chooser without its words, for where they do not fit."""
QWIDGETSIZE_MAX = (1 << 24) - 1


class BarsChooser(QComboBox):
    """What the bars show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before: Shown = "excess"
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.addItems(list(SHOWN.values()))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        # In a narrow window its letters go, before the window gets wider than the screen
        self.setMinimumWidth(LEAST)
        self.setAccessibleName("What the bars show")
        self.setToolTip(CHOICES)

    @property
    def shown(self) -> Shown:
        """What is chosen."""
        return "contribution" if self.currentIndex() else "excess"

    def show_choice(self, shown: Shown) -> None:
        """Choose `shown`, without a signal."""
        self.setCurrentIndex(list(SHOWN).index(shown))

    def set_excess_known(self, known: bool) -> None:
        """Offer the choice only where there is an excess; what was chosen comes back with it."""
        before, self._before = self._before, self.shown
        self.setEnabled(known)
        self.setToolTip(CHOICES if known else UNAFFORDABLE)
        self.show_choice(before if known else "contribution")


class PartsLegend(QWidget):
    """A switch named "parts" and, while it is on, the name of each part in its colour."""

    toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours: tuple[str, ...] = ("#000000",) * len(PARTS)
        self._wordy: bool | None = None
        self.switch = QToolButton(self)
        self.switch.setCheckable(True)
        self.switch.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.switch.setToolTip("Split each bar into noise ratio, drift change and score, the three parts of δB (15)")
        self.switch.setAccessibleName("Split the bars into their parts")
        self.names = QLabel(self)
        self.names.setTextFormat(Qt.TextFormat.RichText)
        self.names.setToolTip("What the bars are split into: " + ", ".join(PARTS))
        self.names.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.switch)
        row.addWidget(self.names)
        self.switch.toggled.connect(self._show)

    @property
    def on(self) -> bool:
        """Whether the bars are split."""
        return self.switch.isChecked()

    def set_width(self, width: float) -> None:
        """Name switch and parts, or give them signs, in a plot `width` heights of a line wide."""
        wordy = width >= WORDY
        named = width >= (NAMED_BESIDE if self.on else NAMED)
        self.switch.setText("parts" if named else "≡")
        self.switch.setMaximumWidth(QWIDGETSIZE_MAX if named else 2 * self.switch.fontMetrics().horizontalAdvance("≡"))
        if wordy != self._wordy:
            self._wordy = wordy
            self._write()

    def set_theme(self, theme: Theme) -> None:
        """Colours of the parts and of the switch."""
        self._colours = theme.parts
        self.switch.setStyleSheet(
            f"QToolButton {{ border: 1px solid {theme.border}; border-radius: 3px; padding: 0 4px; "
            f"color: {theme.muted}; }}"
            f"QToolButton:checked, QToolButton:hover, QToolButton:focus {{ border-color: {theme.accent}; "
            f"color: {theme.accent}; }}"
        )
        self._write()

    def _show(self, on: bool) -> None:
        self.names.setVisible(on)
        self.toggled.emit(on)

    def _write(self) -> None:
        words = PARTS if self._wordy else SHORT
        marks = zip(self._colours, words, strict=True)
        text = "&nbsp; ".join(f'<span style="color:{c}">■</span>&nbsp;{w.replace(" ", "&nbsp;")}' for c, w in marks)
        self.names.setText(text)
        self.names.setAccessibleName(", ".join(words))
