"""The menu bar, and the commands that are of the window itself and of its time cursor."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command

__all__ = ["COMMANDS", "MENUS"]

MENUS = {
    "&File": ("open", "write", "quit"),
    "&Edit": ("undo", "select", "tool", "mode", "preferences"),
    "&View": ("layers", "look", "colours", "window"),
    "Ti&me": ("play", "step", "loop"),
    "E&xplore": ("point", "study"),
    "&Run": ("run", "ended"),
    "&Help": ("read", "report", "about"),
}
"""Titles and sections of the menus; the features say which of their commands stands where."""
COMMANDS = (
    Command("picture", "Save &picture…", "Ctrl+Shift+P", "Save the window as a PNG picture; a right click on a plot "
            "saves that plot alone", menu="File", section="write", order=1, icon="picture"),
    Command("quit", "&Quit", "Ctrl+Q", "Close the window; asks first where a run is not saved", menu="File",
            section="quit", order=1),
    Command("undo", "&Undo", "Ctrl+Z", "Take the last change of settings or view back", menu="Edit", section="undo",
            icon="undo"),
    Command("redo", "&Redo", "Ctrl+Shift+Z", "Make the change again that was taken back", menu="Edit",
            section="undo", icon="redo"),
    Command("reset-view", "&Reset view", "Ctrl+0", "Fit all views to what they show", menu="View", section="look",
            order=1, icon="reset"),
    Command("reset-layout", "Reset layo&ut", "Shift+F11", "Put panels, bars and splitters back in their places",
            menu="View", section="window"),
    Command("full-screen", "&Full screen", "F11", "Fill the screen, or come back from it", menu="View",
            section="window", checkable=True),
    Command("play", "P&lay time", "Space", "Move the time cursor from data to noise, or hold it", menu="Time",
            section="play", icon="play", checkable=True),
    Command("previous", "Step &back", "Left", "Move the time cursor one step towards the data", menu="Time",
            section="step", icon="previous"),
    Command("next", "Step o&n", "Right", "Move the time cursor one step towards the noise", menu="Time",
            section="step", icon="next"),
    Command("first", "To the &data", "Home", "Move the time cursor to the data, t₀", menu="Time", section="step",
            icon="first"),
    Command("last", "To the nois&e", "End", "Move the time cursor to the noise, T", menu="Time", section="step",
            icon="last"),
    Command("loop", "Loo&p", "L", "Play back and forth without end", menu="Time", section="loop", icon="loop",
            checkable=True),
)  # fmt: skip
