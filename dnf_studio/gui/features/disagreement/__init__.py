"""Disagreement: the excess of each step as bars, and as the colour of the steps of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.look_back import Past

UNTRAINED = (
    "Untrained: 0 means nothing. Steps that hardly move a point are easily undone; what is wrong is where the paths "
    "end, which is not the noise that samples begin with."
)


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.disagreement.plot import DisagreementPlot

    plot, session = DisagreementPlot(), workspace.session
    plot.step_clicked.connect(session.cursor.jump)
    workspace.live.excess_known.connect(plot.set_excess_known)
    session.lacks_changed.connect(lambda: plot.set_steps_known("bound" not in session.lacks))
    plot.worst_wanted.connect(lambda step, adds: _choose_worst(workspace, plot.shown, step, adds))
    _explain_untrained(workspace, plot)
    return plot


def _explain_untrained(workspace: Workspace, plot: Plot) -> None:
    """Say why the bars of weights that nobody has trained are about 0, until there are others."""
    title, caption, studio = plot.accessibleName(), plot.caption, workspace.studio

    def say(untrained: bool) -> None:
        wanted = UNTRAINED if untrained else caption
        if plot.caption != wanted:
            plot.set_words(title, wanted)

    def say_of(past: Past | None) -> None:
        now = studio.current is not None and not studio.current.shown.trained and not studio.past.now
        say(now if past is None else not past.kept.iteration)

    def say_of_run(_reports: object) -> None:
        if studio.past.shown is None:
            say(False)

    studio.opened.connect(lambda opened: say(not opened.shown.trained))
    studio.past_changed.connect(say_of)
    workspace.live.reported.connect(say_of_run)


def _choose_worst(workspace: Workspace, shown: str, step: int, adds: bool) -> None:
    """Choose the points that are worst at `step` by what the bars show."""
    from dnf_studio.core.exploration.by_step import worst_points

    frame, found, session = workspace.live.frame, workspace.live.excess, workspace.session
    if frame is None or step >= len(frame.t) - 1:
        return
    if shown == "contribution":
        worst = worst_points(frame.contributions, step)
    elif found is not None:
        worst = worst_points(found.rows("forward", frame.forward.shape[1]), step)
    else:
        return
    session.apply(session.state.choosing(worst, "forward", adds))


def _start(workspace: Workspace) -> None:
    from dnf_studio.gui.widgets.choices import grey_without

    grey_without(workspace.session, "bound", workspace.commands["disagreement"])


COMMANDS = (
    Command("disagreement", "&Colour by disagreement", "Ctrl+4", "Colour each step of the paths by its log-ratio, "
            "whose mean is the excess: grey is 0, purple a step that goes back too seldom, green one too often",
            menu="View", section="layers", order=4, checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "disagreement",
    commands=COMMANDS,
    layers=("disagreement",),
    plots=(PlotPlace("disagreement", "Disagreement", "below", _plot, needs="bound"),),
    start=_start,
)
