"""The grid editor: steps of the time grid are dragged on a curve, used, and kept as presets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QPushButton, QScrollArea, QSplitter, QVBoxLayout, QWidget

from dnf_studio.config.grids import GridKind, Nodes
from dnf_studio.errors import SettingError
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.time_grid.editing import MOST_STEPS, GridEditing
from dnf_studio.gui.features.time_grid.presets import PresetButtons
from dnf_studio.gui.features.time_grid.step_curve import NoiseCurve, StepCurve
from dnf_studio.gui.widgets.choices import GridBox, grey_grids
from dnf_studio.gui.widgets.controls import FloatBox, IntBox, caption, fit, label_of
from dnf_studio.gui.workspace.memory import grids_folder
from dnf_studio.gui.workspace.workspace import Workspace

OWN = "the model's own"
USED = "The next Train has this grid."


class GridEditorPanel(QScrollArea):
    """Curves above, numbers of the chosen step, what the grid is used for and the presets below."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._session = workspace.session
        self.editing = GridEditing(workspace.session, workspace.studio, self)
        self._started: tuple[GridKind | None, Nodes] = None, ()
        self.start, self.steps = GridBox({OWN: None}), IntBox(1, MOST_STEPS)
        self.curve, self.noise = StepCurve(), NoiseCurve()
        self.step, self.time, self.length = IntBox(0, MOST_STEPS - 1), FloatBox(0, 1000), FloatBox(0, 1000)
        self.log, self.live = QCheckBox("Lo&g scale"), QCheckBox("Use for vie&w")
        self.train = QPushButton("&Use for training")
        self.problem, self.note = caption(warning=True), caption()
        self.presets = PresetButtons(grids_folder(), lambda: self.editing.nodes, self)
        self._compose()
        self._connect()
        self.editing.set_frame(workspace.live.frame)
        workspace.live.frame_shown.connect(self.editing.set_frame)

    def set_theme(self, theme: Theme) -> None:
        """Recolour the plots."""
        self.curve.set_theme(theme)
        self.noise.set_theme(theme)

    def showEvent(self, event: QShowEvent) -> None:
        """What is seen is up to date."""
        super().showEvent(event)
        self.presets.read()
        self._refresh()

    def _compose(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(self._top())
        plots: QSplitter = QSplitter(Qt.Orientation.Vertical)
        plots.setChildrenCollapsible(False)
        for plot, share in ((self.curve, 3), (self.noise, 2)):
            plots.addWidget(plot)
            plots.setStretchFactor(plots.count() - 1, share)
        column.addWidget(plots, 1)
        column.addLayout(self._numbers())
        column.addLayout(self._uses())
        column.addWidget(self.presets)
        column.addWidget(self.problem)
        column.addWidget(self.note)
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def _top(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(label_of(self.start, "St&art from", "Begin anew from this grid or preset"))
        row.addWidget(self.start, 1)
        row.addWidget(label_of(self.steps, "&N", "Number of steps; the shape of the grid stays"))
        row.addWidget(self.steps)
        fit(self.steps, "1,000")
        return row

    def _numbers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        for box, text, tip in (
            (self.step, "Ste&p", "The step that is chosen, counted from the data"),
            (self.time, "&t", "Time at which the step begins; it moves this node alone"),
            (self.length, "Δt", "How long the step is; its neighbours give way"),
        ):
            row.addWidget(label_of(box, text, tip))
            row.addWidget(box, 0 if box is self.step else 1)
        fit(self.step, "999")
        self.time.setAccessibleName("Time of the step")
        self.length.setAccessibleName("Length of the step")
        return row

    def _uses(self) -> QHBoxLayout:
        self.log.setToolTip("Powers of ten up the curves")
        self.live.setToolTip("The views follow the grid while it is changed here")
        self.live.setChecked(True)
        self.train.setToolTip("The next Train has this grid and its number of steps")
        row = QHBoxLayout()
        for part in (self.live, self.log):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.train)
        return row

    def _connect(self) -> None:
        editing, curve = self.editing, self.curve
        editing.changed.connect(self._refresh)
        self.presets.changed.connect(self._offer)
        self.presets.said.connect(self._say)
        self.start.chosen.connect(self._start)
        grey_grids(self._session, self.start)
        self.steps.valueChanged.connect(lambda count: self._try(lambda: editing.set_steps(count)))
        curve.length_wanted.connect(self._drag)
        for plot in (curve, self.noise):
            plot.step_chosen.connect(self._choose)
        self.step.valueChanged.connect(self._choose)
        self.time.valueChanged.connect(lambda time: self._try(lambda: editing.type_time(curve.chosen, time)))
        self.length.valueChanged.connect(lambda length: self._try(lambda: editing.type_length(curve.chosen, length)))
        self.log.toggled.connect(curve.set_log)
        self.log.toggled.connect(self.noise.set_log)
        self.live.clicked.connect(editing.set_live)
        self.train.clicked.connect(lambda _checked=False: self._try(editing.use_for_training))

    def _start(self, kind: GridKind | None) -> None:
        def start() -> None:
            self.editing.start_from(kind)
            self._started = kind, self.editing.nodes

        self._try(start)
        self._refresh()

    @Slot(int, float, bool, object)
    def _drag(self, step: int, length: float, everywhere: bool, gesture: object) -> None:
        self._try(lambda: self.editing.set_length(step, length, everywhere, gesture))

    @Slot(int)
    def _choose(self, step: int) -> None:
        self.curve.choose(step)
        self.noise.choose(step)
        self._show_numbers()

    def _try(self, act: Callable[[], object]) -> None:
        """What cannot be is told, and the controls show what is in force."""
        try:
            act()
        except SettingError as problem:
            self._say(str(problem))
            self._refresh()
        else:
            self._say("")

    def _say(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def _offer(self) -> None:
        self.start.set_presets({preset.name: preset.nodes for preset in self.presets.presets})
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        """Show what is in the editor, while somebody sees it."""
        if not self.isVisible():
            return
        editing = self.editing
        ready = editing.ready
        for part in (self.start, self.steps, self.step, self.time, self.length, self.live, self.train):
            part.setEnabled(ready)
        if ready:
            self.curve.set_steps(np.diff(editing.times), np.diff(editing.own))
            self.noise.set_reason(self._session.lacks.get("noise"))
            self.noise.show_values(editing.noise)
            self.noise.reset_view()
        with QSignalBlocker(self.steps):
            self.steps.setValue(max(1, len(editing.nodes) - 1))
        state = self._session.state
        kind = self._draft() if state.draft and not editing.live else self._session.effective.sampling.grid
        self.start.show_value(kind)
        self.presets.show_grid(kind)
        trains = ready and editing.trains
        self.train.setEnabled(ready and not trains)
        self.note.setText(USED if trains else "")
        self.note.setVisible(trains)
        self._show_numbers()

    def _draft(self) -> GridKind | None:
        """The grid that is edited, or what a draft nobody changed was begun from."""
        kind, nodes = self._started
        return kind if nodes == self.editing.nodes else self.editing.nodes

    def _show_numbers(self) -> None:
        if not self.editing.ready:
            return
        step, times = self.curve.chosen, self.editing.times
        with QSignalBlocker(self.step):
            self.step.setMaximum(len(times) - 2)
        values = (self.step, step), (self.time, times[step]), (self.length, times[step + 1] - times[step])
        for box, value in values:
            with QSignalBlocker(box):
                box.setValue(value)
        self.time.setEnabled(step > 0)
