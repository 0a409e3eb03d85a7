"""A log of what happened, in three files of at most 512 KiB, without personal paths.

It is begun after the first paint. One that cannot be written is no error: its newest lines are
kept in memory for a report either way.
"""

from __future__ import annotations

import logging
import platform
import re
import sys
import traceback
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMessageLogContext, QStandardPaths, QtMsgType, qInstallMessageHandler

import dnf_studio
from dnf_studio.config import Config

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.session import Session
    from dnf_studio.gui.workspace.studio import Studio

LOGGER = logging.getLogger("dnf_studio")
BYTES = 512 * 1024
FILES = 3
KEPT = 200
LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}

_lines: deque[str] = deque(maxlen=KEPT)


def private(text: str) -> str:
    """`text` with the home folder written as ``~`` and its owner's name nowhere else in a path."""
    try:
        home = Path.home()
    except RuntimeError:
        return text
    flags = re.IGNORECASE if sys.platform == "win32" else 0
    if len(home.parts) > 1:
        # Longest first; with doubled backslashes, as a repr has them, and with slashes
        for spelling in sorted({str(home), str(home).replace("\\", "\\\\"), home.as_posix()}, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(spelling)}(?![\w.-])", "~", text, flags=flags)
        text = re.sub(rf"(?<=[/\\]){re.escape(home.name)}(?=[/\\])", "user", text, flags=flags)
    return text


def log_folder() -> Path:
    """Where the log is on this kind of system; the folder may not be there yet."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Logs" / "DNF Studio"
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericStateLocation)
    return Path(place) / "dnf-studio"


def last_lines(count: int = 50) -> list[str]:
    """The newest lines of this session, oldest first."""
    return "\n".join(_lines).splitlines()[-count:]


def start_log(folder: Path | None = None) -> Path | None:
    """Begin to write, also what Qt says; returns the file, or None where there can be none."""
    stop_log()
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    LOGGER.addHandler(_Memory())
    qInstallMessageHandler(_from_qt)
    file = (folder or log_folder()) / "dnf-studio.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        writer = _File(file, maxBytes=BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        LOGGER.info("no log file: %s", error.strerror)
        return None
    writer.setFormatter(_Private())
    LOGGER.addHandler(writer)
    return file


def stop_log() -> None:
    """Close the file, and leave Qt's messages to Qt again."""
    qInstallMessageHandler(None)
    for handler in list(LOGGER.handlers):
        LOGGER.removeHandler(handler)
        handler.close()


class _Private(logging.Formatter):
    """One line an event and a traceback below it, without personal paths."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return private(super().format(record))


class _File(RotatingFileHandler):
    """Gives up a line that cannot be written: a full disk, a file that another window holds."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: the window must not suffer from its log."""


class _Memory(logging.Handler):
    """The newest lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Private())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        _lines.append(self.format(record))


def _from_qt(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    LOGGER.log(LEVELS.get(kind, logging.WARNING), "Qt %s: %s", context.category or "default", text)
    if sys.stderr is not None and kind is not QtMsgType.QtDebugMsg:
        print(text, file=sys.stderr)


PACKAGES = ("torch", "PySide6-Essentials", "pyqtgraph", "numpy", "h5py", "safetensors")


def versions() -> dict[str, str]:
    """Name to version of the studio and of what it stands on; nothing is imported for it."""
    found = {"DNF Studio": dnf_studio.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if "torch" not in sys.modules:
        found["torch"] += ", not loaded"
    return found


def make_report(session: Session, studio: Studio, error: BaseException | None = None) -> str:
    """The report as Markdown."""
    config, run, current = session.state.config, studio.training.run, studio.current
    lines = ["## DNF Studio report", ""]
    if error is not None:
        lines += [f"{type(error).__name__}: {error}", ""]
    lines += [f"- {name}: {number}" for name, number in versions().items()]
    lines.append(f"- platform: {platform.platform()}, {platform.machine()}")
    lines.append(f"- device: {config.training.device if run is None else run.device}")
    lines.append(f"- shown: {'nothing' if current is None else current.shown.title}")
    phase = studio.training.phase.value
    lines.append(f"- run: {phase}" + ("" if run is None else f", {run.iteration:,} iterations, {run.precision}"))
    lines += ["", "### Settings", "```toml", _settings(config), "```"]
    if error is not None:
        lines += ["", "### Traceback", "```", "".join(traceback.format_exception(error)).rstrip(), "```"]
    lines += ["", "### Log", "```", *last_lines(50), "```", ""]
    return private("\n".join(lines))


def _settings(config: Config) -> str:
    """As TOML; of data files their names alone."""
    files = {name: getattr(config, name) for name in ("data", "validation", "test")}
    return config.changed({name: file and (Path(file).name or file) for name, file in files.items()}).to_toml().rstrip()
