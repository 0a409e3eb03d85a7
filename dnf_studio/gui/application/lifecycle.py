"""The window from its first paint to its end: load, measure, take the picture that was asked for, quit."""

from __future__ import annotations

import os
import signal
import sys
from threading import current_thread, main_thread
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtGui import QPixmapCache

from dnf_studio import api, plugins
from dnf_studio.assets import checkpoint_names
from dnf_studio.errors import StudioError
from dnf_studio.gui.application import WindowOptions
from dnf_studio.gui.application.process import Garbage, Measures, Recorder
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.log import LOGGER, start_log
from dnf_studio.gui.workspace.memory import own_folder
from dnf_studio.progress import note
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.threads import let_others_first

if TYPE_CHECKING:
    from dnf_studio.link.program import Arrival

BUNDLED = "diffflow-rings"
ASKED_MS = 1500
"""After which a file that is not being opened is being asked about."""
SETTLED_MS = 3000
"""After which what was taken for another model, or by a run, is given back: its first frames are there."""


class Lifecycle(QObject):
    """What happens from the first paint to the end: load, measure, take a picture, quit."""

    _caught = Signal(object)

    def __init__(self, options: WindowOptions, window: MainWindow, arrival: Arrival | None = None) -> None:
        super().__init__(window)
        self.code = 0
        self.results: dict[str, float | None] = {}
        self._options, self._window, self._arrival = options, window, arrival
        self._painted = self._stands_back = False
        self._pictured = False
        self._printed: set[tuple[type[BaseException], str]] = set()
        self._workspace = window.workspace
        self._viewport = self._workspace.plots["forward"].plot.viewport()
        self._garbage = Garbage(self)
        self._measures = Measures(options.started, window, self._viewport)
        self._viewport.installEventFilter(self)
        self._caught.connect(self._workspace.tell)
        self._workspace.live.frame_shown.connect(self._framed)
        self._workspace.closing.now.connect(self._close)
        self._settle = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settle.timeout.connect(self._give_back)
        for gone in (self._workspace.studio.opened, self._workspace.studio.discarded_changed):
            gone.connect(lambda _what: self._settle.start())
        self._workspace.comparison.changed.connect(self._settle.start)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first paint, after which the rest is loaded."""
        if event.type() == QEvent.Type.Paint and not self._painted:
            self._painted = True
            self._viewport.removeEventFilter(self)
            QTimer.singleShot(0, self._start)
        return False

    def catch(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show an error that nothing else has; from any thread."""
        place = (kind, str(error))
        if not isinstance(error, StudioError) and place not in self._printed:
            self._printed.add(place)
            sys.__excepthook__(kind, error, trace)
        if current_thread() is main_thread():
            self._workspace.files.tell(error)
        else:
            self._caught.emit(error)

    @Slot()
    def stop(self) -> None:
        """Close the window as Ctrl-C and SIGTERM ask, without a question; an unsaved run stays among the autosaves."""
        self.code = 128 + signal.SIGINT
        self._workspace.studio.training.leave()
        self._workspace.closing.agree()
        self._window.close()

    @Slot()
    def _start(self) -> None:
        """Load all else; but what a script holds it has computed itself, and that is seen before torch is loaded."""
        if self._arrival is None:
            self._load()
        else:
            self._window.fill_first("script").follow(self._arrival, self._load)

    def _load(self) -> None:
        """Load torch, the model and the names of the data, all in other threads."""
        workspace, studio, files = self._workspace, self._workspace.studio, self._workspace.files
        studio.start()
        self._window.fill()
        start_log()
        Recorder(workspace, self._window)
        if self._options.screenshot is None:
            studio.training.last_state.folder = own_folder() / "runs"
            if self._arrival is None:
                files.offer_left(studio.training.last_state.folder)
        workspace.live.start()
        workspace.session.cursor.set_playing(not workspace.appearance.calm)
        studio.background.run(plugins.load, self._open_first, self._open_without)

    def _open_without(self, error: Exception) -> None:
        """What looks for plug-ins has failed, which is no reason to open nothing."""
        self._workspace.tell(error)
        self._open_first(())

    def _open_first(self, broken: tuple[str, ...]) -> None:
        """Open what was asked for, once plug-ins had their say; those that are `broken` are told, a sentence each."""
        workspace, studio = self._workspace, self._workspace.studio
        for fault in broken:
            LOGGER.warning(fault)
            note(f"dnf-studio: {fault}")
        workspace.session.names_grew.emit()
        file = self._options.file or workspace.parts["library"].last_file
        if self._arrival is not None:
            workspace.parts["script"].go_on()
        elif self._options.watch is not None:
            mirror = self._options.watch
            workspace.parts["watching"].follow(mirror.here, mirror.title, mirror)
        elif file is not None:
            studio.failed.connect(self._missed)
            self._open(file)
        else:
            self._open_bundled()
        studio.background.run(
            lambda: {info.name: info.title for info in api.datasets()}, studio.data_names_found.emit, workspace.tell
        )

    def _open(self, file: str) -> None:
        """Show what was asked for, or ask what of a table to take, with a model in the views meanwhile."""
        workspace = self._workspace
        seen, session = self._options.screenshot is None, file.lower().endswith(".dnfsession")
        if session:
            workspace.parts["sessions"].open(file, asks=seen)
        elif os.path.isdir(file) and (opener := workspace.files.opener_of(file)) is not None:
            opener(file)
        elif self._options.file is not None and seen:
            workspace.files.choose(file)
        else:
            workspace.studio.open(file)
            workspace.files.opening.emit(file)
        if seen and (session or self._options.file is not None):
            QTimer.singleShot(ASKED_MS, self, self._fill_views)

    def _fill_views(self) -> None:
        if self._workspace.studio.current is None and not self._workspace.studio.loading.running:
            self._open_bundled()

    def _open_bundled(self) -> None:
        workspace = self._workspace
        name = BUNDLED if BUNDLED in checkpoint_names() else workspace.session.state.config.data
        workspace.studio.open(name)
        workspace.files.opening.emit(name)

    def _missed(self, error: Exception) -> None:
        """The file that was asked for cannot be shown: no picture comes of it, but a window does."""
        self._workspace.studio.failed.disconnect(self._missed)
        if self._workspace.studio.current is not None:
            return
        if self._options.screenshot is None:
            self._open_bundled()
        else:
            print(f"dnf-studio: {error}", file=sys.stderr)
            self.code = 1
            self._window.close()

    def _framed(self, frame: Frame) -> None:
        self._measures.count_frame(frame)
        if self._workspace.studio.current is not None:
            # Not with what a script has computed: what is there before torch would stay alone, and torch be looked at
            # again with each collection
            self._garbage.start()
        if (
            self._arrival is not None
            and not self._stands_back
            and frame.all_points
            and self._workspace.parts["script"].follows
        ):
            # Not before, since the first picture is waited for
            self._stands_back = True
            let_others_first()
        if self._options.screenshot is not None and not self._pictured:
            self._pictured = True
            QTimer.singleShot(round(1000 * self._options.after), self._picture)

    @Slot()
    def _give_back(self) -> None:
        """Keep no pictures that nobody sees, and give what is free to the system."""
        self._window.plots.forget_hidden_pictures()
        # Icons and frames in every size and colour that there was, which are drawn again when they are looked at
        QPixmapCache.clear()
        self._workspace.studio.background.run(_give_memory_back, lambda _done: None, self._workspace.tell)

    def _picture(self) -> None:
        """Save the picture that the command line asked for, and quit."""
        if self._options.screenshot is not None:
            try:
                self._workspace.files.save_picture(self._options.screenshot)
            except StudioError as error:
                print(f"dnf-studio: {error}", file=sys.stderr)
                self.code = 1
        self._workspace.studio.training.unsaved = False
        self._window.close()

    def _close(self) -> None:
        self.results = self._measures.results()


def _give_memory_back() -> None:
    """For a thread: it imports torch."""
    from dnf_studio.core.parallel import give_memory_back

    give_memory_back()
