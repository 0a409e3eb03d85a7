"""Opens the window and runs it: `run` is the whole life of ``dnf-studio``.

The order is what makes it quick: the window with its panels is painted before torch is imported,
which then happens in other threads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from threading import current_thread, main_thread
from types import TracebackType

from PySide6.QtCore import QEvent, QObject, QSize, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from dnf_studio import api
from dnf_studio.assets import checkpoint_names, resource
from dnf_studio.errors import StudioError
from dnf_studio.gui.appearance import Appearance
from dnf_studio.gui.main_window import MainWindow
from dnf_studio.gui.measures import Measures
from dnf_studio.gui.options import WindowOptions
from dnf_studio.workers.frames import Frame

__all__ = ["run"]

BUNDLED = "diffflow-rings"
DEFAULT_SIZE = QSize(1440, 900)


def run(options: WindowOptions) -> int:
    """Open the window as `options` ask and return the exit code once it is closed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("DNF Studio")
    app.setWindowIcon(QIcon(str(resource("icons", "app.svg"))))
    app.setDesktopFileName("dnf-studio")
    window = MainWindow(Appearance(app))
    life = Life(options, window)
    previous = sys.excepthook
    sys.excepthook = life.catch
    try:
        window.resize(_size(options, app))
        window.show()
        code = app.exec()
    finally:
        sys.excepthook = previous
    if options.json:
        print(json.dumps(life.results), flush=True)
    return life.code or code


class Life(QObject):
    """What happens from the first paint to the end: load, measure, take a picture, quit."""

    _caught = Signal(object)

    def __init__(self, options: WindowOptions, window: MainWindow) -> None:
        super().__init__(window)
        self.code = 0
        self.results: dict[str, float | None] = {}
        self._options, self._window = options, window
        self._painted = False
        self._pictured = False
        self._viewport = window.views.forward.plot.viewport()
        self._measures = Measures(options.started, window, self._viewport)
        self._viewport.installEventFilter(self)
        self._caught.connect(window.files.tell)
        window.live.frame_shown.connect(self._framed)
        window.closing.connect(self._close)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first paint, after which the rest is loaded."""
        if event.type() == QEvent.Type.Paint and not self._painted:
            self._painted = True
            self._viewport.removeEventFilter(self)
            QTimer.singleShot(0, self._start)
        return False

    def catch(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show an error that nothing else has; from any thread. Ctrl-C closes the window."""
        if issubclass(kind, KeyboardInterrupt):
            self.code = 128 + signal.SIGINT
            self._window.studio.training.unsaved = False
            self._window.close()
            return
        if not isinstance(error, StudioError):
            sys.__excepthook__(kind, error, trace)
        if current_thread() is main_thread():
            self._window.files.tell(error)
        else:
            self._caught.emit(error)

    @Slot()
    def _start(self) -> None:
        """Torch, the model and the names of the data, all in other threads."""
        window, studio = self._window, self._window.studio
        studio.start()
        window.live.start()
        window.session.cursor.set_playing(True)
        if self._options.file is not None:
            studio.open(str(self._options.file))
        elif BUNDLED in checkpoint_names():
            studio.open(BUNDLED)
        else:
            studio.open(window.session.state.config.data)
        studio.background.run(
            lambda: {info.name: info.title for info in api.datasets()}, window.set_data_names, window.files.tell
        )

    def _framed(self, frame: Frame) -> None:
        self._measures.count_frame(frame)
        if self._options.screenshot is not None and not self._pictured:
            self._pictured = True
            QTimer.singleShot(round(1000 * self._options.after), self._picture)

    def _picture(self) -> None:
        """Save the picture that the command line asked for, and quit."""
        if self._options.screenshot is not None:
            try:
                self._window.files.save_picture(self._options.screenshot)
            except StudioError as error:
                print(f"dnf-studio: {error}", file=sys.stderr)
                self.code = 1
        self._window.studio.training.unsaved = False
        self._window.close()

    def _close(self) -> None:
        self.results = self._measures.results()


def _size(options: WindowOptions, app: QApplication) -> QSize:
    """As asked, or large without leaving the screen."""
    if options.size is not None:
        return QSize(*options.size)
    return DEFAULT_SIZE.boundedTo(app.primaryScreen().availableSize() - QSize(40, 60))
