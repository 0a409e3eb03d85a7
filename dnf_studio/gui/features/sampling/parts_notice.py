"""What says that the backward process runs with one of its fields left out, and how far that moves its samples."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QLabel

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.sampling.panel import PARTS
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.marginals import Comparison

__all__ = ["PartsNotice"]

WORDS = {value: text for text, value in PARTS.items() if value != "both"}
MARGIN = 6


class PartsNotice(QObject):
    """A label over every plot that shows the backward process, as long as its frame is not the whole process."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        backward, time, marginals = (workspace.plots[name] for name in ("backward", "time", "marginals"))
        self._frame: Frame | None = None
        self._moved = ""
        self._small, self._right = time, marginals
        self.labels = {plot: _label(plot) for plot in (backward, time, marginals)}
        for plot in self.labels:
            plot.box.sigResized.connect(self._place)
        workspace.live.frame_shown.connect(self._show)
        workspace.live.compared.connect(self._measure)
        workspace.appearance.changed.connect(self.set_theme)
        self.set_theme(workspace.appearance.theme)
        self._write()

    @Slot(object)
    def set_theme(self, theme: Theme) -> None:
        """The colours of a warning."""
        ground = QColor(theme.base)
        ground.setAlphaF(0.88)
        for label in self.labels.values():
            palette = label.palette()
            palette.setColor(QPalette.ColorRole.Window, ground)
            palette.setColor(QPalette.ColorRole.WindowText, QColor(theme.warning))
            label.setPalette(palette)

    @Slot(object)
    def _show(self, frame: Frame) -> None:
        if self._frame is None or frame.request != self._frame.request:
            self._moved = ""
        self._frame = frame
        self._write()

    @Slot(object)
    def _measure(self, found: Comparison) -> None:
        if found.moved is None or self._frame is None or found.frame.request != self._frame.request:
            return
        distance, floor = float(found.moved.distance[0]), float(found.moved.floor[0])
        self._moved = (
            f"Its samples moved by a sliced Wasserstein distance of {distance:.3f}, floor {floor:.3f}."
            if np.isfinite(distance)
            else "Too few of its samples are finite to compare."
        )
        self._write()

    def _write(self) -> None:
        """Write the notice; nothing where the whole process is shown."""
        words, line = "", self._frame is not None and self._frame.forward.shape[2] == 1
        if self._frame is not None:
            words = WORDS.get(self._frame.request.parts, "")
        for plot, label in self.labels.items():
            large = plot is not self._small or line
            label.setText(f"Backward: {words}. Not the model." + f"\n{self._moved}" * (large and bool(self._moved)))
            label.setVisible(bool(words))
        self._place()

    @Slot()
    def _place(self, *_: object) -> None:
        """At the upper left of what the axes enclose; at the right of the marginals, whose curve falls."""
        for plot, label in self.labels.items():
            area = plot.box.sceneBoundingRect()
            label.adjustSize()
            corner = plot.plot.mapFromScene(area.topRight() if plot is self._right else area.topLeft())
            left = corner.x() - label.width() - MARGIN if plot is self._right else corner.x() + MARGIN
            label.move(left, corner.y() + MARGIN)


def _label(plot: Plot) -> QLabel:
    label = QLabel(plot.plot)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.setAutoFillBackground(True)
    label.setMargin(3)
    label.setAccessibleName("What is left out of the backward process")
    label.hide()
    return label
