"""Settings of a run, the run while it trains, and what becomes of it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PagePlace, Workspace


def _sde(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.training.panel import SDEPanel

    page = SDEPanel(workspace.session)
    workspace.parts["training"].explain(page)
    return page


def _training(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.training.panel import TrainingPanel

    page = TrainingPanel(workspace.session)
    workspace.parts["training"].explain(page)
    return page


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.training.controller import TrainingController

    return TrainingController(workspace)


def _fill(workspace: Workspace) -> None:
    workspace.parts["training"].fill()


COMMANDS = (
    Command("save", "&Save model…", "Ctrl+S", "Save the model, to sample with",
            menu="File", section="open", icon="save"),
    Command("train", "&Train", "Ctrl+R", "Train a new model with the settings at the left", menu="Run",
            section="run", icon="train"),
    Command("pause", "&Pause", "Ctrl+P", "Hold the training, or go on with it", menu="Run", section="run",
            icon="pause", checkable=True),
    Command("stop", "&Stop", "Ctrl+.", "End the training and keep the model as it is now", menu="Run", section="run",
            icon="stop"),
    Command("resume", "&Resume ended run", "Ctrl+Shift+R", "Go on with the run that has ended or was opened",
            menu="Run", section="ended"),
    Command("discard", "&Discard run", "Ctrl+Shift+Backspace", "Forget the run that has ended and show the model "
            "from before it; Bring back undoes it", menu="Run", section="ended"),
    Command("bring-back", "&Bring back run", "Ctrl+Alt+Backspace", "Show the run again that was discarded last, with "
            "its weights and history; until the window closes", menu="Run", section="ended"),
)  # fmt: skip

FEATURE = Feature(
    "training",
    commands=COMMANDS,
    pages=(PagePlace("SDE", _sde), PagePlace("Training", _training)),
    start=_start,
    fill=_fill,
)
