"""Files dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QMainWindow

from dnf_studio.gui.drawing.theme import Theme

__all__ = ["DropZone"]

REFUSED = "Only files of this computer can be dropped here; save that one first."


class DropZone(QObject):
    """Lets `window` take files: it lights up below them, and `open_file` opens the first that was dropped."""

    def __init__(
        self, window: QMainWindow, open_file: Callable[[str, Sequence[str]], object], say: Callable[[str], object]
    ) -> None:
        super().__init__(window)
        self._window, self._open, self._say = window, open_file, say
        self.light = QLabel(window)
        self.light.setObjectName("drop-light")
        self.light.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.light.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.light.setTextFormat(Qt.TextFormat.PlainText)
        self.light.hide()
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:
        """Recolour the light."""
        red, green, blue = (int(theme.base[k : k + 2], 16) for k in (1, 3, 5))
        self.light.setStyleSheet(
            f"QLabel#drop-light {{ border: 3px dashed {theme.accent}; border-radius: 8px; font-size: 20px; "
            f"color: {theme.text}; background: rgba({red}, {green}, {blue}, 225); }}"
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Drag and drop events of the window."""
        kind = event.type()
        if kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            return self._enter(event)
        if kind == QEvent.Type.DragLeave:
            self.light.hide()
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            return self._drop(event)
        return False

    def _enter(self, event: QDragEnterEvent) -> bool:
        if not event.mimeData().hasUrls():
            return False
        files = _local(event.mimeData())
        if not files:
            self._say(REFUSED)
            event.ignore()
            return True
        self.light.setText(f"Drop to open {_name(files[0])}" + (", the first of them" if len(files) > 1 else ""))
        self.light.setGeometry(self._window.rect())
        self.light.show()
        self.light.raise_()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        return True

    def _drop(self, event: QDropEvent) -> bool:
        self.light.hide()
        files = _local(event.mimeData())
        if not files:
            return False
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        # A question about an unsaved run would hold up the program that the file was dragged from
        QTimer.singleShot(0, lambda: self._open(files[0], files[1:]))
        return True


def _local(dragged: QMimeData) -> list[str]:
    """The files of this computer among what is dragged, each once."""
    found = [url.toLocalFile() for url in dragged.urls() if _is_local(url)]
    return list(dict.fromkeys(found))


def _is_local(url: QUrl) -> bool:
    """A host in a file's address is another computer."""
    return url.isLocalFile() and url.host() in ("", "localhost") and bool(url.toLocalFile())


def _name(file: str) -> str:
    return file.rstrip("/").rsplit("/", 1)[-1]
