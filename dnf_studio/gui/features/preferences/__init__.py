"""How the window looks and moves."""

from __future__ import annotations

from functools import partial

from dnf_studio.gui.workspace.appearance import CHOICES
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace

__all__ = ["FEATURE"]


def _start(workspace: Workspace) -> None:
    appearance, commands = workspace.appearance, workspace.commands

    def show() -> None:
        from dnf_studio.gui.features.preferences.dialog import PreferencesDialog

        PreferencesDialog(appearance, workspace.parent).show()

    commands.connect_to("preferences", show)
    for choice in CHOICES:
        commands.connect_to(f"theme-{choice}", partial(appearance.choose, choice))
    appearance.choice_changed.connect(lambda choice: commands[f"theme-{choice}"].setChecked(True))
    commands[f"theme-{appearance.choice}"].setChecked(True)


COMMANDS = (
    Command("preferences", "Pre&ferences…", "Ctrl+,", "Colours, size of letters and motion, kept for every start",
            menu="Edit", section="preferences"),
    Command("theme-system", "Colours of the s&ystem", "Ctrl+Shift+Y", "Light or dark as the desktop is", menu="View",
            section="colours", checkable=True, group="theme"),
    Command("theme-light", "Li&ght colours", "Ctrl+Shift+L", "Dark on light", menu="View", section="colours",
            checkable=True, group="theme"),
    Command("theme-dark", "Dar&k colours", "Ctrl+Shift+D", "Light on dark", menu="View", section="colours",
            checkable=True, group="theme"),
)  # fmt: skip

FEATURE = Feature(
    "preferences",
    commands=COMMANDS,
    start=_start,
)
