"""The loss of a run, its floor, and the marks of what changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from dnf_studio.core.training.record import History, Marks, StepReport
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.loss.plot import LossPlot
    from dnf_studio.gui.workspace.look_back import Past


class LossController(QObject):
    """Feeds the plot by the run or by what a checkpoint holds, and tells the studio how the smoothed bound stands."""

    def __init__(self, workspace: Workspace, plot: LossPlot) -> None:
        super().__init__(plot)
        self._studio, self._plot = workspace.studio, plot
        workspace.live.reported.connect(self._append)
        self._studio.opened.connect(self._take)
        self._studio.training.phase_changed.connect(self._follow)
        self._studio.past_changed.connect(self._place)
        plot.iteration_clicked.connect(lambda iteration: self._studio.past.look_at(iteration))
        plot.double_clicked.connect(lambda: self._studio.past.to_now())

    @Slot(object)
    def _append(self, reports: list[StepReport]) -> None:
        self._plot.append(reports)
        current = self._studio.current
        if current is None or not current.held:
            self._studio.note_reports(reports, self._plot.smoothed)
        elif current.checkpoint is not None:
            self._studio.note_bound(self._plot.smoothed)

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The loss curve and the marks that a checkpoint brings; none where it brings none."""
        shown, plot = opened.shown, self._plot
        plot.clear()
        plot.set_model(opened.snapshot.config.model)
        # What fitted noise can attain is not of a loss without it
        later = opened.snapshot.config.sde.backward_deviation == "afterwards"
        plot.set_floor(shown.entropy, None if later else shown.attainable)
        if opened.held and opened.checkpoint is None:
            plot.set_other()
        saved = opened.checkpoint.history if opened.checkpoint is not None else {}
        history = History.read(saved.get("loss"))
        if history.losses:
            validation = History.read(saved.get("validation"))
            plot.show_history(history, Marks.from_dict(saved.get("marks")).all, validation)
        self._studio.note_bound(plot.smoothed)

    @Slot(object)
    def _place(self, past: Past | None) -> None:
        """Show where in training the views are."""
        self._plot.look_back(None if past is None else past.kept.iteration)

    @Slot()
    def _follow(self) -> None:
        """Show the marks of what changed before the phase did."""
        training = self._studio.training
        self._plot.set_training(training.active)
        if training.run is not None:
            self._plot.add_marks(training.run.marks.all)


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.loss.plot import LossPlot

    plot = LossPlot()
    LossController(workspace, plot)
    return plot


FEATURE = Feature(
    "loss",
    plots=(PlotPlace("loss", "Loss", "tabs", _plot),),
)
