"""A log of what happened, in three files of at most 512 KiB, without personal paths.

It is begun after the first paint. One that cannot be written is no error: its newest lines are
kept in memory for a report either way.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QStandardPaths, QtMsgType, qInstallMessageHandler

__all__ = ["LOGGER", "last_lines", "log_folder", "private", "start_log", "stop_log"]

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
