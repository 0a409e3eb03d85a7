"""The dock of the outliers: how many there are, where they went wrong, and which they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.outliers.list import (
    CANCELLED,
    OUT_OF_DATE,
    OutlierList,
    definition,
    invitation,
    none_of,
    numbers,
    origins,
)
from dnf_studio.gui.features.outliers.plot import LatentsPlot, WrongStepsPlot
from dnf_studio.gui.widgets.controls import ChoiceBox, IntBox, caption, label_of
from dnf_studio.gui.workspace.state import CHOICE, choice
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.outliers import OutlierCheck, check_of

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

COUNT = 20_000
FEWEST, MOST = 1_000, 1_000_000
PLOTS = 190
"""Pixels of height for the two pictures."""
VIEWS, FRESH = "views", "fresh"
WHAT = {VIEWS: "points of the backward view", FRESH: "samples"}


class OutliersPanel(QWidget):
    """Looks by itself once, when it is first seen with a model and no run trains, then when it is asked to.

    Writes selection and direction to the session for outliers among the points of the views, and the
    step that went wrong to the cursor.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._session = workspace, workspace.session
        self.task = Newest(workspace.studio.background)
        self._found: OutlierCheck | None = None
        self._begun = False
        self._listed = VIEWS
        self._plotted: tuple[object, ...] = ()
        self._chosen_by_hand = False
        self._make_controls()
        self.steps, self.latents = WrongStepsPlot(), LatentsPlot()
        self.list = OutlierList()
        self._arrange()
        self._connect()
        self._refresh()

    @property
    def found(self) -> OutlierCheck | None:
        """What is shown."""
        return self._found

    @property
    def outliers(self) -> Outliers | None:
        """The outliers that are listed."""
        if self._found is None:
            return None
        return self._found.views if self._listed == VIEWS else self._found.fresh

    def set_theme(self, theme: Theme) -> None:
        """Recolour the plots."""
        for plot in (self.steps, self.latents):
            plot.set_theme(theme)

    def start(self) -> None:
        """Look at the newest weights with the settings of the view."""
        opened, frame = self._workspace.studio.current, self._workspace.live.frame
        wanted = self._workspace.studio.explorer.newest
        if opened is None or opened.dataset is None or not wanted.ready:
            self._refresh_page()
            return
        self._begun = True
        self.status.setText("")
        self.progress.setRange(0, 0)
        self.progress.show()
        self.go.hide()
        self.cancel.show()
        work = check_of(wanted, opened.dataset, frame, self.count.value())
        self.task.start(work, self._take, self._workspace.tell, self._end)
        self._refresh_page()

    def showEvent(self, event: QShowEvent) -> None:
        """Look as soon as somebody does."""
        super().showEvent(event)
        self._look()

    def _make_controls(self) -> None:
        self.count = IntBox(FEWEST, MOST)
        self.count.setSingleStep(FEWEST)
        self.count.setValue(COUNT)
        self.count_label = label_of(
            self.count, "Sa&mples", "How many samples are drawn to count outliers, beside the points shown"
        )
        self.go, self.cancel = QPushButton("&Check"), QPushButton("Cance&l")
        self.go.setToolTip("Look for outliers with the newest weights and the settings of the view")
        self.cancel.setToolTip("Stop looking and keep what was found")
        self.cancel.hide()
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Samples looked at")
        self.progress.setToolTip("Samples looked at so far")
        self.progress.hide()
        self.listed = ChoiceBox({})
        tip = "Whose outliers are listed: those of the backward view, where a click selects them, or of samples drawn"
        self.listed_label = label_of(self.listed, "&Of", tip)
        self.status = caption(warning=True)
        self.numbers, self.definition, self.origins, self.nothing = (caption() for _ in range(4))
        self.numbers.setProperty("caption", False)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.numbers.setToolTip("Count, share and its 95% interval (Wilson)")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setMargin(16)

    def _arrange(self) -> None:
        first, second, plots = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for part in (self.count_label, self.count, self.go, self.cancel):
            first.addWidget(part)
        first.addWidget(self.progress, 1)
        first.addStretch(0)
        second.addWidget(self.listed_label)
        second.addWidget(self.listed)
        second.addStretch(1)
        for plot in (self.steps, self.latents):
            plot.setMinimumHeight(PLOTS)
            plots.addWidget(plot, 1)
        some = QWidget()
        column = QVBoxLayout(some)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.origins)
        column.addLayout(plots, 2)
        column.addWidget(self.list, 3)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(some)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(6)
        whole.addLayout(first)
        whole.addWidget(self.status)
        whole.addLayout(second)
        for label in (self.numbers, self.definition):
            whole.addWidget(label)
        whole.addWidget(self.pages, 1)

    def _connect(self) -> None:
        workspace = self._workspace
        self.go.clicked.connect(self.start)
        self.cancel.clicked.connect(self._cancel)
        self.listed.chosen.connect(self._choose_list)
        self.steps.step_clicked.connect(self._session.cursor.jump)
        self.latents.picked.connect(self.list.choose)
        self.list.chosen.connect(self._choose)
        self.list.failed.connect(workspace.tell)
        self._session.cursor.moved.connect(self.steps.set_cursor)
        self._session.changed.connect(self._follow)
        workspace.live.frame_shown.connect(self._look)
        workspace.studio.opened.connect(self._forget)
        workspace.studio.training.phase_changed.connect(self._look)
        workspace.studio.training.phase_changed.connect(lambda _phase: self._refresh_page())
        self.count.valueChanged.connect(lambda _count: self._refresh_page())

    def _take(self, found: OutlierCheck) -> None:
        self._found = found
        fresh = found.fresh
        if fresh is not None:
            self.progress.setRange(0, fresh.total)
            self.progress.setValue(fresh.drawn)
        if not self._chosen_by_hand:
            # What can be clicked comes first, unless it is not there
            self._listed = VIEWS if len(found.views.rows) or fresh is None else FRESH
        self._refresh()

    def _end(self, whole: bool) -> None:
        self.progress.hide()
        self.cancel.hide()
        self.go.show()
        if whole:
            self._mark()
        self._refresh_page()

    def _cancel(self) -> None:
        self.status.setText(CANCELLED)
        self.task.cancel()

    @Slot(object)
    def _forget(self, _opened: object) -> None:
        """Another model or other data."""
        self.task.cancel()
        self._found, self._begun, self._chosen_by_hand = None, False, False
        self.status.setText("")
        self._refresh()

    @Slot(object)
    def _look(self, _what: object = None) -> None:
        """Once, when there is something to look at, somebody who does, and no run that would be slowed down."""
        frame, training = self._workspace.live.frame, self._workspace.studio.training
        if not self.isVisible():
            return
        if not self._begun and not training.busy and frame is not None and frame.complete:
            self.start()
        self._mark()

    def _mark(self) -> None:
        """Say so where the views show other weights or settings."""
        frame, found = self._workspace.live.frame, self._found
        if frame is None or found is None or self.task.running:
            return
        same = found.weights == frame.weights and found.request == frame.request
        if not same:
            self.status.setText(OUT_OF_DATE)
        elif self.status.text() == OUT_OF_DATE:
            self.status.setText("")
        self.status.setVisible(bool(self.status.text()))

    def _follow(self, names: frozenset[str]) -> None:
        if "axes" in names:
            self._show_plots()
        if names & CHOICE and not self._session.state.chosen_in("backward"):
            self.list.table.clearSelection()

    def _choose_list(self, which: str) -> None:
        self._listed, self._chosen_by_hand = which, True
        self._refresh()

    def _refresh(self) -> None:
        found, listed = self._found, self.outliers
        choices = {}
        if found is not None:
            choices[f"Points of the backward view: {len(found.views.rows):,}"] = VIEWS
            if found.fresh is not None:
                choices[f"Samples: {len(found.fresh.rows):,}"] = FRESH
        self.listed.set_choices(choices)
        self.listed.show_value(self._listed)
        self.numbers.setText("" if listed is None else numbers(listed))
        self.definition.setText("" if listed is None else definition(listed))
        self.origins.setText("" if listed is None else origins(listed))
        opened = self._workspace.studio.current
        self.list.set_outliers(listed, opened.shown.columns if opened is not None else ())
        self._show_plots()
        self._refresh_page()

    def _refresh_page(self) -> None:
        """The lists, or why there are none."""
        listed, opened = self.outliers, self._workspace.studio.current
        for widget in (self.listed, self.listed_label, self.numbers, self.definition):
            widget.setVisible(listed is not None)
        self.status.setVisible(bool(self.status.text()))
        self.go.setEnabled(opened is not None and opened.dataset is not None)
        self.go.setText("&Check" if self._found is None else "&Check again")
        self.pages.setCurrentIndex(int(listed is not None and len(listed.rows) > 0))
        if listed is not None and not len(listed.rows):
            self.nothing.setText(none_of(listed, WHAT[self._listed]))
        else:
            state = self.go.isEnabled(), self.task.running, self._workspace.studio.training.busy
            self.nothing.setText(invitation(opened is not None, *state, self.count.value()))

    def _show_plots(self) -> None:
        """Show the plots; the same outliers again leave range and marks as they are."""
        listed, frame = self.outliers, self._workspace.live.frame
        axes = self._session.state.axes
        if self._plotted == (listed, axes):
            return
        self._plotted = listed, axes
        self.steps.set_outliers(listed)
        if frame is not None and (listed is None or frame.backward.shape[2] == listed.rows.end.shape[1]):
            paths = frame.backward
            self.latents.set_outliers(listed, paths[0], paths[-1], axes)

    def _choose(self, places: list[int]) -> None:
        """Points of the views are selected there; the cursor goes to where the last one went wrong."""
        listed = self.outliers
        self.latents.set_current(places[-1] if places else None)
        if listed is None or not places:
            return
        if self._listed == VIEWS:
            points = tuple(int(listed.rows.number[place]) for place in places)
            self._session.apply(choice(points, "backward"))
        step = int(listed.rows.step[places[-1]])
        if step >= 0 and listed.steps == self._session.cursor.steps:
            self._session.cursor.jump(step)
