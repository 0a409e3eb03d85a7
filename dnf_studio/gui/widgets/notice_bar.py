"""A bar above the plots: a sentence, and what may be done about it at a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

Choice = tuple[str, str, Callable[[], object]]
"""The text of a button, its tooltip, and what it does."""


class NoticeBar(QFrame):
    """A sentence, up to `count` buttons, and one that lets the bar go; it takes no focus by itself."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__()
        self.setObjectName("keep")
        self.setAccessibleName(name)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 4, 8, 4)
        self._row.setSpacing(6)
        self._row.addWidget(self.text, 1)
        self._acts: dict[QToolButton, Callable[[], object]] = {}
        # All there may be, so that Tab comes to them in the order of the window
        self.buttons = [self._button() for _ in range(count)]
        self.close_button = self._button()
        self._give(self.close_button, ("×", "Let this line go", self.hide))
        self.close_button.setAccessibleName("Close")
        self.hide()

    def tell(self, text: str, tip: str, choices: Sequence[Choice]) -> None:
        """Show `text` with a tooltip, and a button for each of `choices`."""
        self.text.setText(text)
        self.text.setToolTip(tip)
        for button, choice in zip(self.buttons, choices, strict=False):
            self._give(button, choice)
        for place, button in enumerate(self.buttons):
            button.setVisible(place < len(choices))
        self.show()

    def _button(self) -> QToolButton:
        button = QToolButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self._acts[button]())
        self._row.addWidget(button)
        return button

    def _give(self, button: QToolButton, choice: Choice) -> None:
        text, tip, self._acts[button] = choice
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
