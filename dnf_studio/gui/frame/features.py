"""The features of the window, in the order of their tabs, docks and pages, and the menus of all commands."""

from __future__ import annotations

from dnf_studio.gui.features.comparison import FEATURE as COMPARISON
from dnf_studio.gui.features.data import FEATURE as DATA
from dnf_studio.gui.features.disagreement import FEATURE as DISAGREEMENT
from dnf_studio.gui.features.export import FEATURE as EXPORT
from dnf_studio.gui.features.fields import FEATURE as FIELDS
from dnf_studio.gui.features.figures import FEATURE as FIGURES
from dnf_studio.gui.features.films import FEATURE as FILMS
from dnf_studio.gui.features.help import FEATURE as HELP
from dnf_studio.gui.features.history import FEATURE as HISTORY
from dnf_studio.gui.features.images import FEATURE as IMAGES
from dnf_studio.gui.features.inspector import FEATURE as INSPECTOR
from dnf_studio.gui.features.lab import FEATURE as LAB
from dnf_studio.gui.features.library import FEATURE as LIBRARY
from dnf_studio.gui.features.log_density import FEATURE as LOG_DENSITY
from dnf_studio.gui.features.loss import FEATURE as LOSS
from dnf_studio.gui.features.marginals import FEATURE as MARGINALS
from dnf_studio.gui.features.outliers import FEATURE as OUTLIERS
from dnf_studio.gui.features.pair_plot import FEATURE as PAIR_PLOT
from dnf_studio.gui.features.preferences import FEATURE as PREFERENCES
from dnf_studio.gui.features.processes import FEATURE as PROCESSES
from dnf_studio.gui.features.report import FEATURE as REPORT
from dnf_studio.gui.features.round_trip import FEATURE as ROUND_TRIP
from dnf_studio.gui.features.runs import FEATURE as RUNS
from dnf_studio.gui.features.sampling import FEATURE as SAMPLING
from dnf_studio.gui.features.score import FEATURE as SCORE
from dnf_studio.gui.features.script import FEATURE as SCRIPT
from dnf_studio.gui.features.scripts import FEATURE as SCRIPTS
from dnf_studio.gui.features.selection import FEATURE as SELECTION
from dnf_studio.gui.features.sessions import FEATURE as SESSIONS
from dnf_studio.gui.features.space_time import FEATURE as SPACE_TIME
from dnf_studio.gui.features.time_grid import FEATURE as TIME_GRID
from dnf_studio.gui.features.training import FEATURE as TRAINING
from dnf_studio.gui.features.watching import FEATURE as WATCHING
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature

FEATURES: tuple[Feature, ...] = (
    PROCESSES,
    DISAGREEMENT,
    LOSS,
    INSPECTOR,
    LAB,
    TIME_GRID,
    MARGINALS,
    SPACE_TIME,
    SCORE,
    FIELDS,
    LOG_DENSITY,
    IMAGES,
    PAIR_PLOT,
    SELECTION,
    COMPARISON,
    ROUND_TRIP,
    OUTLIERS,
    RUNS,
    DATA,
    TRAINING,
    HISTORY,
    SAMPLING,
    LIBRARY,
    EXPORT,
    FIGURES,
    FILMS,
    SCRIPT,
    WATCHING,
    SCRIPTS,
    REPORT,
    SESSIONS,
    PREFERENCES,
    HELP,
)


MENUS = {
    "&File": ("open", "session", "write", "quit"),
    "&Edit": ("undo", "copy", "select", "tool", "mode", "preferences"),
    "&View": ("layers", "look", "points", "colours", "window"),
    "Ti&me": ("play", "step", "loop"),
    "E&xplore": ("point", "study"),
    "&Run": ("run", "ended", "past"),
    "&Compare": ("second", "mode", "change", "end", "runs"),
    "&Help": ("read", "report", "about"),
}
"""Titles and sections of the menus; the features say which of their commands stands where."""
SUBMENUS = {"points": "Si&ze and opacity of points", "colours": "Li&ght or dark"}
"""Sections that are menus of their own within theirs, since a menu has fewer letters than View has commands."""
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
