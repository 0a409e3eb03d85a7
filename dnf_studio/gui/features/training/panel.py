"""The pages of the experiment's settings: the SDE, and the training."""

from __future__ import annotations

from math import exp

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.gui.widgets.controls import FloatBox
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.session import Session

__all__ = ["SDEPanel", "TrainingPanel"]

FIELDS = ("sde.grid", "sde.beta", "sde.t_start", "sde.t_end", "sde.g_start", "sde.g_end", "sde.linear")
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
    "training.straight",
    "training.ema",
)
PLACE = ("training.seed", "training.device", "training.precision")
NETWORKS = ("network.kind", "network.layers", "network.channels", "network.features", "network.drift")
LEAST_NOISE, MOST_NOISE = 1e-9, 1e7
NOISE = (
    "The variance that the noise of the forward process adds up to, ∫ g² dt. Another one scales g as a whole: near 0 "
    "is a flow, from 4 on a diffusion."
)
FIXED = {
    "free": "",
    "residual": " f = −½g²x and a network, which begins at 0; −½g²x alone leaves {:.2g}% of the data at T.",
    "frozen": " f = −½g²x, which leaves {:.2g}% of the data at T.",
}
"""What is fixed of the forward process, by the kind of drift."""


class SDEPanel(Page):
    """dx = f dt + g dw over t₀ … T: everything of it but N, which Training has. A flow's ODE has g = 0."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.equations = self.add_caption("")
        self.form = self.add_form(session, FIELDS)
        self.noise = FloatBox(LEAST_NOISE, MOST_NOISE)
        self._parts = self.form.add_row("Total noise g²T", self.noise), self.noise
        self.noise.valueChanged.connect(self._scale)
        self.add_note()
        session.changed.connect(self._follow)
        self._follow(frozenset({"config.model"}))

    def _follow(self, names: frozenset[str]) -> None:
        if not any(name.startswith(("config.model", "config.sde", "config.network")) for name in names):
            return
        config = self._session.state.config
        noise, kind = config.sde.total_noise, MODEL_KINDS[config.model]
        self.equations.setText(kind.equations + FIXED[config.network.drift].format(100 * exp(-0.5 * noise)))
        with QSignalBlocker(self.noise):
            self.noise.setValue(noise)
        why = kind.unused.get("sde.g_start")
        self.noise.setEnabled(why is None)
        for part in self._parts:
            part.setToolTip(why or NOISE)

    def _scale(self, noise: float) -> None:
        """Scale g so that the total noise is `noise`."""
        if not self.form.change(self._session.state.config.noise_changes(noise)):
            self._follow(frozenset({"config.sde"}))


class TrainingPanel(Page):
    """Settings of the next run; those of `run_changes.LIVE` also change the run in progress."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for title, names in (("Run", RUN), ("Fitting", FIT), ("Networks", NETWORKS), ("Machine", PLACE)):
            self.add_heading(title)
            self.add_form(session, names)
        self.add_note()
