"""What the model shown, or its solver, cannot do greys its control, which then says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.session import Session

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability

__all__ = ["grey_plane", "grey_unused", "grey_without", "greying"]

Control = QWidget | QAction


def grey_without(session: Session, ability: Ability, *controls: Control) -> None:
    """Grey `controls`, which nothing else disables, while the model of `session` lacks `ability`, and explain it."""
    session.lacks_changed.connect(greying(lambda: session.lacks.get(ability), *controls))


def grey_unused(session: Session, setting: str, *controls: Control) -> None:
    """The same while `setting` of the view has no meaning for the model and the solver that are shown."""
    show = greying(lambda: session.unused.get(setting), *controls)
    session.lacks_changed.connect(show)
    session.changed.connect(lambda names: show() if "solver" in names else None)


def grey_plane(session: Session, *controls: Control) -> None:
    """The same while the process views show no plane."""
    show = greying(lambda: session.no_plane, *controls)
    session.lacks_changed.connect(show)
    session.changed.connect(lambda names: show() if "projection" in names else None)


def greying(reason: Callable[[], str | None], *controls: Control) -> Callable[[], None]:
    """What brings `controls` up to date, which they are now: grey where there is a reason, which they tell."""
    tips = [control.toolTip() for control in controls]

    def show() -> None:
        why = reason()
        for control, tip in zip(controls, tips, strict=True):
            control.setEnabled(why is None)
            control.setToolTip(why or tip)

    show()
    return show
