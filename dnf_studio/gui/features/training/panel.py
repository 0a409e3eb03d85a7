"""The pages of the experiment's settings: the SDE, and the training."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.session import Session

__all__ = ["SDEPanel", "TrainingPanel"]

FIELDS = (
    "sde.grid",
    "sde.beta",
    "sde.t_start",
    "sde.t_end",
    "sde.g_start",
    "sde.g_end",
    "sde.linear",
    "sde.condition",
)
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


class SDEPanel(Page):
    """dx = f dt + g dw over t₀ … T: everything of it but N, which Training has. A flow's ODE has g = 0."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.equations = self.add_caption("")
        self.form = self.add_form(session, FIELDS)
        self.add_note()
        session.changed.connect(self._follow)
        self._follow(frozenset({"config.model"}))

    def _follow(self, names: frozenset[str]) -> None:
        if "config.model" in names:
            self.equations.setText(MODEL_KINDS[self._session.state.config.model].equations)


class TrainingPanel(Page):
    """Settings of the next run; those of `run_changes.LIVE` also change the run in progress."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for title, names in (("Run", RUN), ("Fitting", FIT), ("Networks", NETWORKS), ("Machine", PLACE)):
            self.add_heading(title)
            self.add_form(session, names)
        self.add_note()
