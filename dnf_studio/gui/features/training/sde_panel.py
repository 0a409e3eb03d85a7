"""The SDE panel: time grid and diffusion coefficient."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.session import Session

__all__ = ["SDEPanel"]

FIELDS = ("sde.grid", "sde.beta", "sde.t_start", "sde.t_end", "sde.g_start", "sde.g_end", "sde.linear")


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
