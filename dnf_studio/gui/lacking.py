"""What the model shown cannot do greys its control, which then says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.session import Session

if TYPE_CHECKING:
    from dnf_studio.core.models.base import Ability

__all__ = ["explain_without", "grey_without"]


def grey_without(session: Session, ability: Ability, *controls: QWidget | QAction) -> None:
    """Grey `controls`, which nothing else disables, while the model of `session` lacks `ability`, and explain it."""

    def show() -> None:
        for control in controls:
            control.setEnabled(ability not in session.lacks)

    explain_without(session, ability, *controls)
    session.lacks_changed.connect(show)
    show()


def explain_without(session: Session, ability: Ability, *controls: QWidget | QAction) -> None:
    """Say in the tooltips of `controls` why they are grey while the model of `session` lacks `ability`."""
    tips = [control.toolTip() for control in controls]

    def show() -> None:
        reason = session.lacks.get(ability)
        for control, tip in zip(controls, tips, strict=True):
            control.setToolTip(reason or tip)
            control.setStatusTip(reason or (tip if isinstance(control, QAction) else ""))

    session.lacks_changed.connect(show)
    show()
