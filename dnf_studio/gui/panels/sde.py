"""The SDE panel: time grid and diffusion coefficient."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.panels.page import Page
from dnf_studio.gui.session import Session

__all__ = ["SDEPanel"]

FIELDS = ("sde.grid", "sde.beta", "sde.t_start", "sde.t_end", "sde.g_start", "sde.g_end", "sde.linear")


class SDEPanel(Page):
    """dx = f dt + g dw over t₀ … T: everything of it but N, which Training has."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.add_caption(
            "Both processes share these times and this g: dx = f dt + g dw forward, dx = [f − g²s] dt + g dw back."
        )
        self.form = self.add_form(session, FIELDS)
        self.add_note()
