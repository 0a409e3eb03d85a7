"""A second model beside the first: side by side, one over the other, or in turn, and how the two differ."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.comparison.plot import ChangePlot

    return ChangePlot()


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.comparison.controller import ComparisonController

    return ComparisonController(workspace)


COMMANDS = (
    Command("compare-with", "Choose second &model…", "Ctrl+M", "Choose the model that is shown as B beside the one "
            "that is open, A: of the Library, one that is kept, or of a file", menu="Compare", section="second"),
    Command("compare-file", "&Open second model…", "Ctrl+Alt+B", "Show the model of a file as B beside the one that "
            "is open, A", menu="Compare", section="second", icon="open"),
    Command("compare-now", "Hold the model as it is &now", "Ctrl+Shift+M", "Compare with a copy of the model that is "
            "shown, as its weights are now or, looking back, were then: what training changes from there on is then "
            "seen", menu="Compare", section="second"),
    Command("compare-split", "&Side by side", "Ctrl+Alt+1", "Show A and B beside each other", menu="Compare",
            section="mode", checkable=True, group="comparing"),
    Command("compare-overlay", "One o&ver the other", "Ctrl+Alt+2", "Draw the points of B over those of A, in a "
            "colour of their own", menu="Compare", section="mode", checkable=True, group="comparing"),
    Command("compare-blink", "In &turn", "Ctrl+Alt+3", "Show A and B in the same place, one after the other",
            menu="Compare", section="mode", checkable=True, group="comparing"),
    Command("compare-other", "Show the oth&er of both", "B", "Show B in place of A, or A again, and hold the blinking",
            menu="Compare", section="mode", order=1),
    Command("compare-run", "&Blink by itself", "Shift+B", "Change between A and B about three times in two seconds, "
            "or hold what is shown", menu="Compare", section="mode", order=1, checkable=True),
    Command("density-change", "B − A of the &density", "Ctrl+Alt+D", "Colour where B or A has more points at the time "
            "cursor, beyond chance", menu="Compare", section="change", checkable=True),
    Command("field-change", "B − A of the &field", "Ctrl+Alt+F", "Draw the field of B less that of A at the time "
            "cursor; View, Field and heat map says which", menu="Compare", section="change", checkable=True),
    Command("compare-swap", "S&wap A and B", "Ctrl+Shift+X", "Make B the model that is open, and A the second one",
            menu="Compare", section="end"),
    Command("compare-close", "&Close B", "Ctrl+Shift+W", "Show the model that is open alone again; Undo brings B back",
            menu="Compare", section="end"),
)  # fmt: skip

FEATURE = Feature(
    "comparison",
    commands=COMMANDS,
    layers=("density-change", "field-change"),
    plots=(PlotPlace("change", "B−A", "tabs", _plot, offered=False),),
    fill=_fill,
)
