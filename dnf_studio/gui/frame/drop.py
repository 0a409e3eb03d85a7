"""Files dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QMainWindow

from dnf_studio.core.data.naming import split_selection
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.workspace import Workspace

REFUSED = "Only files of this computer can be dropped here; save that one first."


class DropZone(QObject):
    """Lets files be dropped onto `window`, which lights up below them, and opens the first by `open_file`."""

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
        """Use the colours of this theme."""
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


class FileDrop(QObject):
    """Opens the first of the files that were dropped together, and says that the others were not."""

    def __init__(self, window: QMainWindow, workspace: Workspace, message: Callable[[], str]) -> None:
        super().__init__(window)
        self._files, self._say, self._message = workspace.files, workspace.say, message
        self._left_out: tuple[str, int] | None = None
        self.zone = DropZone(window, self.open, workspace.say)
        self.zone.set_theme(workspace.appearance.theme)
        workspace.appearance.changed.connect(self.zone.set_theme)
        workspace.studio.opened.connect(self._opened)
        workspace.studio.failed.connect(self._forget)

    def open(self, first: str, others: Sequence[str]) -> None:
        """Open `first`, or hand it to what takes files of its kind."""
        opener = self._files.opener_of(first)
        if opener is not None:
            opener(first)
            return

        def begin() -> None:
            self._left_out = (str(Path(first).absolute()), len(others)) if others else None

        self._files.choose(first, begin)

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        left_out, self._left_out = self._left_out, None
        if left_out is not None and split_selection(opened.source)[0] == Path(left_out[0]):
            count = left_out[1]
            rest = "the other file was" if count == 1 else f"the other {count} files were"
            name = Path(left_out[0]).name
            self._say(f"Opened {name}; {rest} left out, one is shown at a time. {self._message()}")

    @Slot()
    def _forget(self) -> None:
        self._left_out = None


def _local(dragged: QMimeData) -> list[str]:
    """The files of this computer among what is dragged, each once."""
    found = [url.toLocalFile() for url in dragged.urls() if _is_local(url)]
    return list(dict.fromkeys(found))


def _is_local(url: QUrl) -> bool:
    """Whether a file's URL is of this computer: one with a host is of another."""
    return url.isLocalFile() and url.host() in ("", "localhost") and bool(url.toLocalFile())


def _name(file: str) -> str:
    return file.rstrip("/").rsplit("/", 1)[-1]
