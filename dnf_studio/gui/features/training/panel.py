"""The Training panel: how long and how the networks are fitted, and their size."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.session import Session

__all__ = ["TrainingPanel"]

RUN = (
    "model",
    "sde.steps",
    "training.batch",
    "training.iterations",
    "training.seconds",
    "training.patience",
    "training.progressive",
    "training.flexible_grid",
)
FIT = (
    "training.learning_rate",
    "training.decay",
    "training.clip",
    "training.weight_decay",
    "training.inward",
    "training.ema",
)
PLACE = ("training.seed", "training.device", "training.precision")
NETWORKS = ("network.kind", "network.layers", "network.channels", "network.features")


class TrainingPanel(Page):
    """Settings of the next run; N and the learning rate also change the run in progress."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for title, names in (("Run", RUN), ("Fitting", FIT), ("Networks", NETWORKS), ("Machine", PLACE)):
            self.add_heading(title)
            self.add_form(session, names)
        self.add_note()
