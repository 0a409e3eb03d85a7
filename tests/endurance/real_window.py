"""A whole window in a process of its own, for as long as a test wants, and a record of all that goes wrong in it.

Whoever starts the process gives it a folder: `environment` makes it the home, and everything is written in it.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMessageLogContext, QObject, QTimer, QtMsgType, QUrl, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QTextEdit, QWidget

from dnf_studio.assets import checkpoint_names, checkpoint_path
from dnf_studio.core.parallel import give_memory_back
from dnf_studio.errors import StudioError
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.workspace import Workspace
from tests.endurance.watchdog import Stall, Watchdog

MOST_BYTES = 400_000_000
"""No file that is written is longer: a random number of samples may be any."""
SERIOUS = QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg


def environment(folder: Path) -> dict[str, str]:
    """What a process needs so that nothing of whoever runs it is read or written."""
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR")
    own = {name: str(folder) for name in names}
    platform = {} if "DNF_REAL_WINDOW" in os.environ else {"QT_QPA_PLATFORM": "offscreen"}
    return {**os.environ, **own, **platform, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def resident(process: int | str = "self") -> float:
    """Memory of this process or another, MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def trimmed() -> float:
    """Memory of the process, MB, once nothing lies about, as the window gives it back by itself."""
    gc.collect()
    give_memory_back()
    return resident()


def holders(most: int = 12) -> list[str]:
    """Who holds the most memory in arrays, tensors, bytes and images: MB, how many, the types on the way to them.

    Of what was there when the window began the collector knows nothing. It was told of it here once, and kept from
    then on whatever there was, garbage too.
    """
    import numpy as np
    import torch

    found, seen = Counter[str](), set[int]()
    numbers = Counter[str]()
    for holder in gc.get_objects():
        for part in gc.get_referents(holder):
            # Some objects say of themselves what they are not
            size, kind = 0, type(part)
            if issubclass(kind, np.ndarray):
                size = part.nbytes if part.base is None else 0
            elif issubclass(kind, torch.Tensor):
                size = part.untyped_storage().nbytes()
            elif issubclass(kind, bytes | bytearray):
                size = len(part)
            elif issubclass(kind, QImage):
                size = part.sizeInBytes()
            if size > 50_000 and id(part) not in seen:
                seen.add(id(part))
                above = next((type(one).__qualname__ for one in gc.get_referrers(holder)), "") if size > 10**6 else ""
                name = f"{kind.__name__} of {type(holder).__qualname__} of {above}"
                found[name] += size
                numbers[name] += 1
    return [f"{size / 1e6:.0f} MB, {numbers[name]}, {name}" for name, size in found.most_common(most)]


def has_chosen_text(widget: QWidget) -> bool:
    """Whether a drag over `widget` would carry chosen text away, which waits for a mouse of the system that drops it:
    a part of the monkey once waited there for ever."""
    whole = widget.parentWidget()
    chosen = isinstance(widget, QLabel) and widget.hasSelectedText()
    return chosen or (isinstance(whole, QTextEdit) and whole.textCursor().hasSelection())


class Record:
    """Prints one JSON object a line of whatever is told."""

    def __init__(self) -> None:
        self.doing = "start"
        self._begun = time.monotonic()

    def tell(self, what: str, **more: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """One line."""
        at = round(time.monotonic() - self._begun, 1)
        print(json.dumps({"what": what, "at": at, "doing": self.doing, **more}), flush=True)

    def exception(self, kind: type[BaseException], error: BaseException | None, trace: Any) -> None:  # noqa: ANN401
        """What nobody caught."""
        lines = traceback.format_exception(kind, error, trace)
        self.tell("exception", text="".join(lines)[-6000:])

    def stall(self, stall: Stall) -> None:
        """A stall of the event loop."""
        numbers = {name: round(getattr(stall, name), 3) for name in ("own", "held", "wall", "stopped", "waited", "cpu")}
        self.tell("stall", **numbers, imports=stall.imports, stacks=stall.stacks[:8], others=stall.others)

    def watch(self, workspace: Workspace) -> None:
        """Tell of exceptions, warnings and Qt's messages from now on."""
        before = sys.excepthook

        def caught(kind: type[BaseException], error: BaseException, trace: Any) -> None:  # noqa: ANN401
            if not issubclass(kind, StudioError):
                self.exception(kind, error, trace)
            before(kind, error, trace)

        def shown(error: BaseException) -> None:
            if isinstance(error, StudioError):
                self.tell("sentence", text=str(error)[:300])
            else:
                self.exception(type(error), error, error.__traceback__)

        def said(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
            if kind in SERIOUS:
                self.tell("message", text=text, stack=traceback.format_stack(limit=8)[:-1])

        sys.excepthook = caught
        threading.excepthook = lambda args: self.exception(args.exc_type, args.exc_value, args.exc_traceback)
        sys.unraisablehook = lambda args: self.exception(args.exc_type, args.exc_value, args.exc_traceback)
        workspace.files.told.connect(shown)
        qInstallMessageHandler(said)
        warnings.showwarning = lambda text, kind, file, line, *_: self.tell(
            "warning", text=f"{file}:{line} {kind.__name__}: {text}"
        )


def answer_dialogs(folder: Path, chance: random.Random) -> None:
    """Let file dialogs name a file of `folder` or a bundled model at once, and now and then none."""

    def to_read(*_: object, **__: object) -> tuple[str, str]:
        own = [str(file) for file in sorted(folder.glob("*")) if file.is_file() and not file.name.startswith(".")]
        bundled = [str(checkpoint_path(name)) for name in checkpoint_names()]
        return chance.choice([chance.choice(own or bundled), chance.choice(bundled), ""]), ""

    def to_write(
        _parent: object = None, _title: str = "", proposed: str = "", kinds: str = "", **_: object
    ) -> tuple[str, str]:
        name = f"{chance.randrange(3)}-{Path(proposed).name or 'file'}"
        return chance.choice([str(folder / name), str(folder / name), ""]), chance.choice(kinds.split(";;"))

    def directory(*_: object, **__: object) -> str:
        return chance.choice([str(folder), ""])

    def open_url(_url: QUrl) -> bool:
        return True

    for name, answer in (
        ("getOpenFileName", to_read),
        ("getSaveFileName", to_write),
        ("getExistingDirectory", directory),
    ):
        setattr(QFileDialog, name, staticmethod(answer))
    QDesktopServices.openUrl = staticmethod(open_url)  # type: ignore[method-assign, assignment]


def no_network() -> None:
    """Nothing goes out: only sockets of this machine's own processes connect."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401
        if self.family != socket.AF_UNIX:
            raise OSError("no network in this test")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]


def run(begin: Callable[[MainWindow, Record], QObject], seed: int) -> int:
    """Start the studio, call `begin` when the first model is seen whole, and return the exit code at its end."""
    from resource import RLIMIT_FSIZE, setrlimit

    from dnf_studio.gui.application import WindowOptions
    from dnf_studio.gui.application import app as studio

    faulthandler.enable()
    folder = Path(os.environ["HOME"]) / "scratch"
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    setrlimit(RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    no_network()
    answer_dialogs(folder, random.Random(seed))
    application = QApplication(sys.argv[:1])
    record, kept = Record(), list[object]()

    def look() -> None:
        window = next((one for one in application.topLevelWidgets() if isinstance(one, MainWindow)), None)
        if window is None or window.live.frame is None or not window.live.frame.complete:
            QTimer.singleShot(100, look)
            return
        record.watch(window.workspace)
        kept.extend((Watchdog(record.stall), begin(window, record)))

    QTimer.singleShot(0, look)
    return studio.run(WindowOptions(size=(1280, 800)))
