"""The window: composes docks, bars and menus, and follows what the studio does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.data.panel import DataPanel
from dnf_studio.gui.features.export.exporter import Exporter
from dnf_studio.gui.features.fields.controller import Fielding
from dnf_studio.gui.features.images.controller import Imaging
from dnf_studio.gui.features.images.nearest import Neighbouring
from dnf_studio.gui.features.inspector.dock import InspectorDock
from dnf_studio.gui.features.log_density.controller import Contouring
from dnf_studio.gui.features.processes.colouring import Colouring
from dnf_studio.gui.features.sampling.panel import SamplingPanel
from dnf_studio.gui.features.sampling.parts_notice import PartsNotice
from dnf_studio.gui.features.training.keep_bar import KeepBar
from dnf_studio.gui.features.training.panel import TrainingPanel
from dnf_studio.gui.features.training.sde_panel import SDEPanel
from dnf_studio.gui.features.training.watch import RunWatch
from dnf_studio.gui.frame.docks import explore_docks
from dnf_studio.gui.frame.habits import Habits
from dnf_studio.gui.frame.status_bar import StudioStatusBar
from dnf_studio.gui.frame.toolbar import StudioToolBar
from dnf_studio.gui.frame.views import Views
from dnf_studio.gui.frame.wiring import connect_commands
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace import question
from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.files import Files
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.run_ending import RunPlace
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.training import Phase

if TYPE_CHECKING:
    from dnf_studio.gui.features.export.panel import ExportPanel
    from dnf_studio.workers.frames import Frame

__all__ = ["MainWindow"]

LEFT_WIDTH = 290
PHASES = {
    Phase.NONE: "",
    Phase.STARTING: "starting",
    Phase.RUNNING: "training",
    Phase.PAUSED: "training paused",
    Phase.ENDED: "training ended",
}
NOTES = {
    True: "A run is under way: N, progressive or not, the learning rate, iterations and seconds reach it at once; "
    "the rest waits for the next Train.",
    False: "The model shown is trained; these settings are for the next Train.",
}


class MainWindow(QMainWindow):
    """Menus, toolbar, the dock of panels, the views and the status bar."""

    closing = Signal()
    """The window closes for good."""

    def __init__(self, appearance: Appearance, memory: Memory | None = None) -> None:
        super().__init__()
        self.appearance = appearance
        self.session = Session(parent=self)
        self.studio = Studio(self.session, self)
        self.files = Files(self, self.session, self.studio)
        self.exporter = Exporter(self.studio, self)
        self.commands = Commands(self)
        self.views = Views(self.session, self.commands)
        self.keep = KeepBar(self.session, self.studio, self.commands)
        self.watch = RunWatch(self.session, self.studio.training, self.views.loss, self)
        self.live = Live(self.session, self.studio, self.views, self)
        self.toolbar = StudioToolBar(self.session, self.commands, self.files.choose_data)
        self.status = StudioStatusBar()
        self.data_panel = DataPanel(self.session, self.commands, self.files.choose_data)
        self.export_panel: ExportPanel | None = None
        self.parts_notice: PartsNotice | None = None
        self.tabs = QTabWidget()
        self._noted: tuple[Page, ...] = ()
        self._agreed, self._memory = False, memory or Memory()
        self._compose()
        self._wire_studio()
        self.habits = Habits(self, self._memory)
        connect_commands(self)
        self.inspector = InspectorDock(self)
        self.explore = explore_docks(self)
        self.fielding, self.contouring = Fielding(self), Contouring(self)
        self.imaging, self.colouring = Imaging(self), Colouring(self)
        self.neighbouring = Neighbouring(self)
        self._set_theme(appearance.theme)
        self._show_phase(Phase.NONE)
        self._retitle()

    def add_panels(self) -> None:
        """Pages and plots behind the first ones, which nobody sees before the window is there."""
        from dnf_studio.gui.features.export.panel import ExportPanel

        self.views.fill(self.appearance.theme)
        self.parts_notice = PartsNotice(self)
        sde, training = SDEPanel(self.session), TrainingPanel(self.session)
        self._noted = sde, training
        current = self.tabs.currentIndex()
        sampling, library = SamplingPanel(self.session, self.commands), self.habits.make_library()
        sampling.set_theme(self.appearance.theme)
        self.appearance.changed.connect(sampling.set_theme)
        self.export_panel = ExportPanel(self.session, self.studio, self.files, self.exporter, self._memory)
        for place, page in enumerate((sde, training, sampling, library, self.export_panel), start=1):
            title = self.tabs.tabText(place)
            self.tabs.removeTab(place)
            self.tabs.insertTab(place, page, title)
        self.tabs.setCurrentIndex(current)
        self.inspector.fill()
        self.imaging.fill()
        self._note()

    def set_data_names(self, titles: Mapping[str, str]) -> None:
        """Offer these built-in data sets, name to title."""
        self.toolbar.set_data(titles)
        self.data_panel.set_data(titles)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close once it is known what becomes of a running export and of an unsaved run; asks before it does either."""
        if not self._agreed and not self._may_end_exports():
            event.ignore()
            return
        if self.studio.unsaved:
            event.ignore()
            # Qt ignores a close within a close
            self.files.when_safe(lambda: QTimer.singleShot(0, self._close_as_agreed))
            return
        self.exporter.shut()
        self.live.stop()
        self.session.cursor.set_playing(False)
        self.studio.close()
        self.closing.emit()
        event.accept()

    def _compose(self) -> None:
        self.setDockNestingEnabled(True)
        # The order of Tab: toolbar, bar, views, panels
        self.addToolBar(self.toolbar)
        self.setCentralWidget(self.views)
        self.views.add_bar(self.keep)
        self.keep.follow(self.toolbar.dice)
        # Not on Train, which the space bar would press
        self.views.forward.plot.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        self.setStatusBar(self.status)
        self.commands.fill(self.menuBar())
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.data_panel, "Data")
        for title in ("SDE", "Training", "Sampling", "Library", "Export"):
            self.tabs.addTab(QWidget(), title)
        self.dock = QDockWidget("Settings")
        self.dock.setObjectName("settings")
        self.dock.setWidget(self.tabs)
        self.dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.dock)
        self.resizeDocks([self.dock], [LEFT_WIDTH], Qt.Orientation.Horizontal)

    def _wire_studio(self) -> None:
        studio = self.studio
        studio.opened.connect(self._show_opened)
        studio.progressed.connect(self._show_progress)
        studio.bound_changed.connect(lambda bound: self.status.show_nll(bound, self._floor()))
        studio.bound_changed.connect(self.keep.show_nll)
        studio.said.connect(self.status.say)
        self.watch.said.connect(self.status.say)
        studio.failed.connect(self.files.tell)
        studio.training.failed.connect(lambda _sentence: self._retitle())
        studio.training.phase_changed.connect(self._show_phase)
        studio.training.unsaved_changed.connect(lambda _unsaved: self._retitle())
        self.live.failed.connect(self.files.tell)
        self.live.frame_shown.connect(self._follow_steps)
        self.appearance.changed.connect(self._set_theme)
        self.session.changed.connect(self._follow)

    def _may_end_exports(self) -> bool:
        """Whether an export that runs may be cancelled."""
        running = self.isVisible() and self.exporter.running
        return not running or question.ask_about_export(self) is not question.Answer.CANCEL

    @Slot()
    def _close_as_agreed(self) -> None:
        """Close without asking about an export again."""
        self._agreed = True
        self.close()
        self._agreed = False

    def _floor(self) -> float | None:
        return None if self.studio.current is None else self.studio.current.shown.entropy

    def _show_opened(self, opened: Opened) -> None:
        shown = opened.shown
        for key in (Key.SAVE, Key.EXPORT):
            self.commands[key].setEnabled(True)
        self.toolbar.set_own_steps(shown.steps)
        self.data_panel.set_shown(shown)
        for view in (self.views.forward, self.views.backward):
            view.set_columns(shown.columns)
        self.views.loss.clear()
        self.views.loss.set_model(opened.snapshot.config.model)
        self.views.loss.set_floor(shown.entropy, shown.attainable)
        self.watch.show_past(opened)
        iterations = opened.checkpoint.iteration if opened.checkpoint is not None else 0
        self.status.show_run(iterations, None, None)
        metrics = opened.checkpoint.metrics if opened.checkpoint is not None else {}
        self.status.set_bounded("bound" not in shown.lacks)
        self.status.show_nll(metrics.get("nll_bound", metrics.get("nll_ode", self.views.loss.smoothed)), shown.entropy)
        self.status.say(opened.note or _sentence(opened))
        self._retitle()
        self._note()

    @Slot(object)
    def _follow_steps(self, frame: Frame) -> None:
        """A run may change the N of the model that is shown."""
        if frame.request.steps is None:
            self.toolbar.set_own_steps(len(frame.t) - 1)

    def _show_progress(self, iteration: int, rate: float | None, left: float | None) -> None:
        self.status.show_run(iteration, rate, left)
        if not self.isWindowModified():
            self._retitle()

    def _show_phase(self, phase: Phase) -> None:
        training, active = self.studio.training, self.studio.training.active
        self.commands[Key.TRAIN].setEnabled(not active)
        self.commands[Key.PAUSE].setEnabled(active)
        self.commands.show_paused(phase is Phase.PAUSED, training.pausing)
        self.commands[Key.STOP].setEnabled(active)
        self.views.loss.set_training(active)
        run = training.run
        device = str(run.device) if run is not None else self.session.state.config.training.device
        self.toolbar.set_device(f"device {device}")
        self._say_phase(phase)
        if phase in (Phase.PAUSED, Phase.ENDED) and run is not None:
            self.status.show_run(run.iteration, None, None)
        self._retitle()
        self._note()

    def _say_phase(self, phase: Phase) -> None:
        """A run that goes on leaves what was said meanwhile, such as that it was saved; without one the model is it."""
        current, said = self.studio.current, self.status.message.text()
        words = {each: word.capitalize() for each, word in PHASES.items()}
        if phase is Phase.NONE:
            if current is not None:
                self.status.say(current.note or _sentence(current))
        elif phase is not Phase.RUNNING or said in words.values():
            self.status.say(words[phase])

    def _note(self) -> None:
        current = self.studio.current
        active = self.studio.training.active
        trained = active or self.studio.training.run is not None or (current is not None and current.shown.trained)
        for panel in self._noted:
            panel.set_note(NOTES[active] if trained else "")

    def _retitle(self) -> None:
        current, phase = self.studio.current, PHASES[self.studio.training.phase]
        parts = [] if current is None else [current.shown.name, data_label(current.shown.data)]
        what = ", ".join([*parts, phase] if phase else parts)
        self.setWindowTitle(f"{what}[*] – DNF Studio" if what else "DNF Studio[*]")
        self.setWindowModified(self.studio.unsaved)

    def _follow(self, names: frozenset[str]) -> None:
        if "config.training.device" in names and not self.studio.training.active:
            self._show_phase(self.studio.training.phase)

    def _set_theme(self, theme: Theme) -> None:
        self.commands.set_theme(theme)
        self.toolbar.set_theme(theme)
        self.views.set_theme(theme)
        self.inspector.set_theme(theme)
        for dock in self.explore:
            dock.set_theme(theme)


def _sentence(opened: Opened) -> str:
    """What is seen, in one line."""
    shown = opened.shown
    if not shown.trained:
        return f"An untrained {shown.kind} of {data_label(shown.data)}: press Train to fit it."
    saved = opened.checkpoint
    end = RunPlace.of_checkpoint(saved).sentence(opened.config) if saved is not None and saved.kind == "run" else ""
    return f"{shown.name}: {end or 'at the left it carries data to noise, at the right noise to data.'}"
