"""Every command of the window as a record, and the menus as lists of their keys.

A new command is a new record and a place in `MENUS`; no constructor changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ACTIONS", "MENUS", "ActionInfo", "Key"]


class Key(StrEnum):
    """Names of the commands."""

    OPEN = "open"
    DRAW = "draw"
    SAVE = "save"
    EXPORT = "export"
    PICTURE = "picture"
    OPEN_DATA = "open-data"
    OPEN_FOLDER = "open-folder"
    REOPEN = "reopen"
    QUIT = "quit"
    UNDO = "undo"
    REDO = "redo"
    SELECT_ALL = "select-all"
    INVERT_SELECTION = "invert-selection"
    CLEAR_SELECTION = "clear-selection"
    TOOL_POINTER = "tool-pointer"
    TOOL_RECTANGLE = "tool-rectangle"
    TOOL_LASSO = "tool-lasso"
    MODE_REPLACE = "mode-replace"
    MODE_ADD = "mode-add"
    MODE_SUBTRACT = "mode-subtract"
    PREFERENCES = "preferences"
    THEME_SYSTEM = "theme-system"
    THEME_LIGHT = "theme-light"
    THEME_DARK = "theme-dark"
    POINTS = "points"
    PATHS = "paths"
    DENSITY = "density"
    DISAGREEMENT = "disagreement"
    OVERLAY = "overlay"
    FIELD = "field"
    CONTOURS = "contours"
    DIFFERENCE = "difference"
    IMAGES = "images"
    ROUND_TRIPS = "round-trips"
    RESET_VIEW = "reset-view"
    INSPECTOR = "inspector"
    ROUND_TRIP = "round-trip"
    OUTLIERS = "outliers"
    LAB = "lab"
    GRID_EDITOR = "grid-editor"
    RESET_LAYOUT = "reset-layout"
    FULL_SCREEN = "full-screen"
    TRAIN = "train"
    PAUSE = "pause"
    STOP = "stop"
    RESUME = "resume"
    DISCARD = "discard"
    PLAY = "play"
    PREVIOUS = "previous"
    NEXT = "next"
    FIRST = "first"
    LAST = "last"
    LOOP = "loop"
    GUIDE = "guide"
    SHORTCUTS = "shortcuts"
    LOG = "log"
    REPORT = "report"
    ABOUT = "about"


@dataclass(frozen=True)
class ActionInfo:
    """One command: what it is called, how it is reached and what it does."""

    key: Key
    text: str
    """As in the menu, with its mnemonic."""
    shortcut: str
    tooltip: str
    icon: str = ""
    """A picture of resources/icons, or none."""
    checkable: bool = False
    group: str = ""
    """Commands of one group exclude each other."""


_RECORDS = (
    ActionInfo(Key.OPEN, "&Open…", "Ctrl+O", "Open a checkpoint (.safetensors, .pt), data (.csv, .npy, .npz, .h5, "
               ".parquet), a picture (.png, .jpg), images (idx, CIFAR-10) or an export (.h5)", "open"),
    ActionInfo(Key.OPEN_DATA, "Open da&ta file…", "Ctrl+Alt+O", "Train on your own data; of an export (.h5) its "
               "samples, whether or not the model that drew them is here"),
    ActionInfo(Key.OPEN_FOLDER, "Open folder of i&mages…", "Ctrl+Shift+F", "Train on the pictures (.png, .jpg) of a "
               "folder, all of one size; where they lie in folders of it, these are their classes"),
    ActionInfo(Key.DRAW, "&Draw data…", "Ctrl+D", "Paint with the mouse where points are to be, and train on that"),
    ActionInfo(Key.SAVE, "&Save model…", "Ctrl+S", "Save the run, to go on with it later, or the model alone", "save"),
    ActionInfo(Key.EXPORT, "&Export samples…", "Ctrl+E", "Draw samples and write them to an HDF5 file", "export"),
    ActionInfo(Key.PICTURE, "Save &picture…", "Ctrl+Shift+P",
               "Save the window as a PNG picture; a right click on a plot saves that plot alone", "picture"),
    ActionInfo(Key.REOPEN, "Reopen &last file at start", "Ctrl+Shift+O",
               "Begin with the file that was opened last instead of the bundled model", checkable=True),
    ActionInfo(Key.QUIT, "&Quit", "Ctrl+Q", "Close the window; asks first where a run is not saved"),
    ActionInfo(Key.UNDO, "&Undo", "Ctrl+Z", "Take the last change of settings or view back", "undo"),
    ActionInfo(Key.REDO, "&Redo", "Ctrl+Shift+Z", "Make the change again that was taken back", "redo"),
    ActionInfo(Key.SELECT_ALL, "Select &all", "Ctrl+A", "Choose every point that is shown"),
    ActionInfo(Key.INVERT_SELECTION, "&Invert selection", "Ctrl+Shift+I", "Choose all other points instead"),
    ActionInfo(Key.CLEAR_SELECTION, "&Clear selection", "Esc", "Choose no point any more"),
    ActionInfo(Key.TOOL_POINTER, "&Pointer", "V", "Choose points by clicks; a drag moves the view", "pointer",
               checkable=True, group="tool"),
    ActionInfo(Key.TOOL_RECTANGLE, "Rec&tangle", "M", "Choose points by drawing a rectangle around them; the middle "
               "button still moves the view", "rectangle", checkable=True, group="tool"),
    ActionInfo(Key.TOOL_LASSO, "&Lasso", "Shift+L", "Choose points by drawing a line around them; the middle button "
               "still moves the view", "lasso", checkable=True, group="tool"),
    ActionInfo(Key.MODE_REPLACE, "Ne&w selection", "=", "What is chosen next replaces what was chosen", "mode-replace",
               checkable=True, group="mode"),
    ActionInfo(Key.MODE_ADD, "A&dd to selection", "+", "What is chosen next joins what was chosen; so does a drag with "
               "Shift", "mode-add", checkable=True, group="mode"),
    ActionInfo(Key.MODE_SUBTRACT, "&Subtract from selection", "-", "What is chosen next leaves what was chosen; so "
               "does a drag with Ctrl or Alt", "mode-subtract", checkable=True, group="mode"),
    ActionInfo(Key.PREFERENCES, "Pre&ferences…", "Ctrl+,", "Colours, size of letters and motion, kept for every start"),
    ActionInfo(Key.THEME_SYSTEM, "Colours of the s&ystem", "Ctrl+Shift+Y", "Light or dark as the desktop is",
               checkable=True, group="theme"),
    ActionInfo(Key.THEME_LIGHT, "Li&ght colours", "Ctrl+Shift+L", "Dark on light", checkable=True, group="theme"),
    ActionInfo(Key.THEME_DARK, "Dar&k colours", "Ctrl+Shift+D", "Light on dark", checkable=True, group="theme"),
    ActionInfo(Key.POINTS, "Show p&oints", "Ctrl+1", "Show the points at the time cursor", checkable=True),
    ActionInfo(Key.PATHS, "Show p&aths", "Ctrl+2", "Show the paths of the first points", checkable=True),
    ActionInfo(Key.DENSITY, "Show dens&ity", "Ctrl+3", "Show where the points are dense, over the data as faint dots",
               checkable=True),
    ActionInfo(Key.DISAGREEMENT, "&Colour by disagreement", "Ctrl+4", "Colour each step of the paths by its log-ratio, "
               "whose mean is the excess: grey is 0, purple a step that goes back too seldom, green one too often",
               checkable=True),
    ActionInfo(Key.OVERLAY, "O&verlay the other process", "Ctrl+5",
               "Show the points of the other process at the same time, faint and in its colour", checkable=True),
    ActionInfo(Key.FIELD, "Sho&w field", "Ctrl+6", "Show the field that moves points, at the time cursor, as arrows",
               checkable=True),
    ActionInfo(Key.CONTOURS, "Show log-densi&ty", "Ctrl+7", "Show the log-density at t₀ as a map with lines",
               checkable=True),
    ActionInfo(Key.DIFFERENCE, "Show &signed difference", "Ctrl+8", "Colour where the forward or the backward "
               "process has more points at the time cursor, beyond chance", checkable=True),
    ActionInfo(Key.IMAGES, "Show as imag&es", "Ctrl+9", "Show points that are images as a grid of them, or two of "
               "their components", checkable=True),
    ActionInfo(Key.ROUND_TRIPS, "Backward from the forward e&nds", "Ctrl+B", "Start each backward path where the "
               "forward path of the same point ended, which makes the two a round trip, or from fresh noise",
               checkable=True),
    ActionInfo(Key.RESET_VIEW, "&Reset view", "Ctrl+0", "Fit all views to what they show", "reset"),
    ActionInfo(Key.INSPECTOR, "In&spector", "Ctrl+I", "List the numbers of the chosen point, step by step",
               checkable=True),
    ActionInfo(Key.ROUND_TRIP, "&Round trip", "Ctrl+Shift+U", "Carry the data to noise and back, and map what is lost",
               checkable=True),
    ActionInfo(Key.OUTLIERS, "O&utliers", "Ctrl+Shift+K", "Count the samples that explode or leave the data's support, "
               "and find the step where they went wrong", checkable=True),
    ActionInfo(Key.LAB, "Discretisation &lab", "Ctrl+Shift+N",
               "See what N, λ and the last step do to the same Brownian paths and to samples", checkable=True),
    ActionInfo(Key.GRID_EDITOR, "&Grid editor", "Ctrl+Shift+G",
               "Drag the steps of the time grid, use it for the view and for training, keep it as a preset",
               checkable=True),
    ActionInfo(Key.RESET_LAYOUT, "Reset layo&ut", "Shift+F11", "Put panels, bars and splitters back in their places"),
    ActionInfo(Key.FULL_SCREEN, "&Full screen", "F11", "Fill the screen, or come back from it", checkable=True),
    ActionInfo(Key.TRAIN, "&Train", "Ctrl+R", "Train a new model with the settings at the left", "train"),
    ActionInfo(Key.PAUSE, "&Pause", "Ctrl+P", "Hold the training, or go on with it", "pause", checkable=True),
    ActionInfo(Key.STOP, "&Stop", "Ctrl+.", "End the training and keep the model as it is now", "stop"),
    ActionInfo(Key.RESUME, "&Resume ended run", "Ctrl+Shift+R", "Go on with the run that has ended or was opened"),
    ActionInfo(Key.DISCARD, "&Discard run", "Ctrl+Shift+Backspace",
               "Forget the run that has ended and show the model from before it"),
    ActionInfo(Key.PLAY, "P&lay time", "Space", "Move the time cursor from data to noise, or hold it", "play",
               checkable=True),
    ActionInfo(Key.PREVIOUS, "Step &back", "Left", "Move the time cursor one step towards the data", "previous"),
    ActionInfo(Key.NEXT, "Step o&n", "Right", "Move the time cursor one step towards the noise", "next"),
    ActionInfo(Key.FIRST, "To the &data", "Home", "Move the time cursor to the data, t₀", "first"),
    ActionInfo(Key.LAST, "To the nois&e", "End", "Move the time cursor to the noise, T", "last"),
    ActionInfo(Key.LOOP, "Loo&p", "L", "Play back and forth without end", "loop", checkable=True),
    ActionInfo(Key.GUIDE, "&How to find what is wrong", "Ctrl+F1",
               "Three faults found with the views alone: which to look at, and what tells one from another"),
    ActionInfo(Key.SHORTCUTS, "&Keyboard shortcuts", "F1", "List every command and its shortcut"),
    ActionInfo(Key.LOG, "Show &log folder", "Ctrl+Shift+J", "Show the folder with the log of what happened"),
    ActionInfo(Key.REPORT, "&Copy report", "Ctrl+Shift+C",
               "Copy versions, settings and the end of the log for a report; no personal paths"),
    ActionInfo(Key.ABOUT, "&About DNF Studio", "Shift+F1", "What this is, and the versions it runs on"),
)  # fmt: skip

ACTIONS = {record.key: record for record in _RECORDS}

MENUS: tuple[tuple[str, tuple[Key | None, ...]], ...] = (
    (
        "&File",
        (
            *(Key.OPEN, Key.OPEN_DATA, Key.OPEN_FOLDER, Key.DRAW, Key.SAVE, None, Key.EXPORT, Key.PICTURE, None),
            *(Key.REOPEN, Key.QUIT),
        ),
    ),
    (
        "&Edit",
        (
            *(Key.UNDO, Key.REDO, None, Key.SELECT_ALL, Key.INVERT_SELECTION, Key.CLEAR_SELECTION, None),
            *(Key.TOOL_POINTER, Key.TOOL_RECTANGLE, Key.TOOL_LASSO, None),
            *(Key.MODE_REPLACE, Key.MODE_ADD, Key.MODE_SUBTRACT, None, Key.PREFERENCES),
        ),
    ),
    (
        "&View",
        (
            *(Key.POINTS, Key.PATHS, Key.DENSITY, Key.DISAGREEMENT, Key.OVERLAY, Key.FIELD, Key.CONTOURS),
            *(Key.DIFFERENCE, Key.IMAGES, None, Key.ROUND_TRIPS, Key.RESET_VIEW, None),
            *(Key.THEME_SYSTEM, Key.THEME_LIGHT, Key.THEME_DARK, None, Key.RESET_LAYOUT, Key.FULL_SCREEN),
        ),
    ),
    ("Ti&me", (Key.PLAY, None, Key.PREVIOUS, Key.NEXT, Key.FIRST, Key.LAST, None, Key.LOOP)),
    ("E&xplore", (Key.INSPECTOR, None, Key.LAB, Key.GRID_EDITOR, Key.ROUND_TRIP, Key.OUTLIERS)),
    ("&Run", (Key.TRAIN, Key.PAUSE, Key.STOP, None, Key.RESUME, Key.DISCARD)),
    ("&Help", (Key.GUIDE, Key.SHORTCUTS, None, Key.LOG, Key.REPORT, None, Key.ABOUT)),
)
"""Title and commands of each menu; None is a line between."""
