"""Loss over iterations and the floor under it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from dnf_studio.core.training.report import StepReport
from dnf_studio.gui.plots.base import Plot

__all__ = ["LossPlot"]


class LossPlot(Plot):
    """The bound of every batch, faint, and smoothed; the entropy of the data as its floor."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Loss", "", "", parent)

    def append(self, reports: Sequence[StepReport]) -> None:
        """Add iterations, in order."""

    def set_floor(self, floor: float | None) -> None:
        """The exact entropy, nats, or None where unknown."""

    def clear(self) -> None:
        """Forget the curve, for a new run."""

    @property
    def smoothed(self) -> float | None:
        """The last value of the smoothed curve, nats, or None while there is none."""
        return None
