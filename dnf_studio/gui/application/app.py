"""Opens the window and runs it: `run` is the whole life of ``dnf-studio``.

The order is what makes it quick: the window with the panels that show is painted before torch is
imported, which then happens in other threads.
"""

from __future__ import annotations

import builtins
import ctypes
import gc
import json
import os
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from dnf_studio.assets import resource
from dnf_studio.gui.application import WindowOptions

if TYPE_CHECKING:
    from dnf_studio.link.program import Arrival

DEFAULT_SIZE = QSize(1440, 900)
ARENA_MAX = -8
"""An option of glibc's `mallopt`."""
ARENAS = 3
"""Places that memory is taken from: one more than the threads that mostly compute beside the window."""


def run(options: WindowOptions) -> int:
    """Open the window as `options` ask and return the exit code once it is closed."""
    _prepare_process()
    arrival = _arrival(options.live)
    from dnf_studio.gui.application.lifecycle import Lifecycle
    from dnf_studio.gui.application.process import StopRequest
    from dnf_studio.gui.frame.main_window import MainWindow
    from dnf_studio.gui.workspace.appearance import Appearance
    from dnf_studio.gui.workspace.log import stop_log
    from dnf_studio.gui.workspace.memory import Memory

    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("DNF Studio")
    app.setWindowIcon(QIcon(str(resource("icons", "app.svg"))))
    app.setDesktopFileName("dnf-studio")
    # A picture shows the window as everybody has it, and leaves no trace
    memory = Memory() if options.screenshot is not None else Memory.of_user()
    appearance = Appearance(app, memory)
    window = MainWindow(appearance, memory)
    life = Lifecycle(options, window, arrival)
    previous = sys.excepthook
    sys.excepthook = life.catch
    request = StopRequest(window)
    request.came.connect(life.stop)
    try:
        if not window.window_layout.restore(options.size):
            window.resize(_size(options, app))
        window.show()
        code = app.exec()
    finally:
        request.close()
        sys.excepthook = previous
        stop_log()
    if options.json:
        print(json.dumps(life.results), flush=True)
    return life.code or code


def _prepare_process() -> None:
    """What makes starting quick and has to be set before NumPy and torch are loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # NumPy's BLAS, which is loaded after this, has small matrices here. Helped by threads of its own, which wait for a
    # core while the explorer computes, the principal components of a first frame took a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Looking for plugins of pydantic, which it does not use, would hold the window up by a hundredth of a second
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # For each number of points that a network has carried torch keeps kernels, of 1,024 at first: 120 numbers were
    # 295 MB that nothing gave back, with 64 of each 28, now 14; passes were no slower with 64, nor told from those
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "32")
    # PySide reads the source of each module that is imported, in search of a switch to names in other letters, which
    # nobody uses here: of torch's import it was a tenth of the time, and 38 MB of text that was kept
    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
    # Hardly anything made while starting is garbage: without the collector that is a tenth quicker. From the
    # first frame on the window's thread collects. It is not switched on again: a thread that has not ended
    # in time must not take the window apart.
    gc.disable()
    _use_few_arenas()


def _use_few_arenas() -> None:
    """Let all threads take memory from the same few places, mallopt(3); other C libraries are left as they are.

    Left to itself glibc makes one for each thread that lives beside others, here up to fourteen, of eight a core at
    most, and each keeps up to 64 MiB that no one else can use: a window whose models and panels were closed again kept
    200 MB more.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(ARENA_MAX, ARENAS)


def _arrival(line: str) -> Arrival | None:
    """The way to the script that waits where `line` says, on which the window goes before it is built."""
    if not line:
        return None
    from dnf_studio.link.program import Arrival

    return Arrival(line)


def _size(options: WindowOptions, app: QApplication) -> QSize:
    """Size of the window: as asked, or large without leaving the screen."""
    if options.size is not None:
        return QSize(*options.size)
    return DEFAULT_SIZE.boundedTo(app.primaryScreen().availableSize() - QSize(40, 60))
