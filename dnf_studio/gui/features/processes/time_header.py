"""What is chosen in the header of the paths over steps: the directions shown, and one of their components."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolButton, QWidget

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import component_name, principal_name

__all__ = ["HELP", "ComponentBox", "DirectionSwitch"]

HELP = Help(
    "paths over steps",
    "One component of the paths, one step after the other: data at the left, noise at the right. A well-trained "
    "model has both directions fill the same band at every step. A click or a drag moves the time cursor. A "
    "rectangle or a lasso drawn over the cursor chooses the points in it, one drawn elsewhere the paths that pass "
    "through it.",
    (FORWARD_STEP, BACKWARD_STEP),
    "(11) and (12)",
)
WORDY = 22
"""Heights of a line from which width of the plot without the choice of a component on they are named."""


class ComponentBox(QComboBox):
    """The components of the data and, of more than two, its principal ones; hidden where there is but one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # A click chooses; the keys stay with the plot
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # Principal components, longer than the others, come after the first show; cut, they would all be the same
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Component shown")
        self.setToolTip("The component shown")
        self.setVisible(False)

    def minimumSizeHint(self) -> QSize:
        """The width that the components offered now need; Qt's own keeps that of the first ones."""
        return self.sizeHint()

    def offer(self, dim: int, principal: PrincipalComponents | None, component: int) -> int:
        """Offer those of data with `dim` components; returns the one chosen, `component` or the last there is."""
        names = [component_name(k) for k in range(dim)]
        if principal is not None and len(principal.mean) == dim:
            names += [principal_name(k, float(share)) for k, share in enumerate(principal.explained)]
        if names != [self.itemText(k) for k in range(self.count())]:
            component = min(component, len(names) - 1)
            self.clear()
            self.addItems(names)
            self.setCurrentIndex(component)
        self.setVisible(dim > 1)
        return component


class DirectionSwitch(QToolButton):
    """Shows or hides the paths of one direction, ``forward`` or ``backward``, in whose colour it is while on."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self.setText(f"● {name}")
        self.setCheckable(True)
        self.setChecked(True)
        self.setToolTip(f"Show the {name} paths")
        self.setAccessibleName(f"Show the {name} paths")

    def fit(self, width: int) -> None:
        """Bear the name, or in a plot with little `width` (pixels) beside the choice of a component its dot."""
        metrics = self.fontMetrics()
        self.setText(f"● {self._name}" if width >= WORDY * metrics.height() else "●")
        self.setMinimumWidth(metrics.horizontalAdvance("●") + 6)

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        self.setStyleSheet(
            f"QToolButton {{ border: none; padding: 1px; color: {theme.muted}; }}"
            f"QToolButton:checked {{ color: {theme.direction(self._name)}; }}"
            f"QToolButton:focus {{ border-bottom: 1px solid {theme.accent}; }}"
        )
