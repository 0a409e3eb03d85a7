"""What is chosen in the header of the paths over steps: one of their components; and what is said of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help
from dnf_studio.gui.drawing.words import component_name, principal_name

HELP = Help(
    "paths over steps",
    "One component of the paths, one step after the other: data at the left, noise at the right. A well-trained "
    "model has both directions fill the same band at every step. A click or a drag moves the time cursor. A "
    "rectangle or a lasso drawn over the cursor chooses the points in it, one drawn elsewhere the paths that pass "
    "through it.",
    (FORWARD_STEP, BACKWARD_STEP),
    "(11) and (12)",
)
Array = NDArray[np.float32]


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


def values_of(paths: Array, component: int, principal: PrincipalComponents | None) -> Array:
    """Component `component` of `paths` (N+1, P, D), from D on the `principal` ones where there are any: (N+1, P)."""
    place = component - paths.shape[2]
    if place >= 0 and principal is not None and len(principal.mean) == paths.shape[2]:
        return principal.project(paths)[..., place]
    return paths[..., min(component, paths.shape[2] - 1)]
