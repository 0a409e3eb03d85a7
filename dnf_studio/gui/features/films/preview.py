"""A picture of the film that is to be, and a slider through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QLabel, QSlider, QVBoxLayout, QWidget

from dnf_studio.gui.features.films.script import Moment, Script
from dnf_studio.gui.features.films.stage import Look, Stage
from dnf_studio.gui.features.films.training import Peek
from dnf_studio.gui.workspace.turns import Turns
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.fields import fields_of

LEAST = 560, 315
"""Width and height of the picture at least, pixels."""
LOOK_MS = 60
"""Until the next look whether an earlier model's frame is there, or the last picture is painted."""


class FieldAsker:
    """Asks for the fields that plots of a stage show, at the nodes of a film, in a thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._newest = Newest(workspace.studio.background)

    def ask(self, stage: Stage, positions: Sequence[float], then: Callable[[], object]) -> None:
        """Call `then` once the stage has all that there are for these positions: at once where it needs none."""
        needed, frame = stage.unanswered(positions), self._workspace.live.frame
        if not needed or frame is None:
            then()
            return
        newest = self._workspace.studio.explorer.newest
        work = partial(fields_of, needed, frame, newest)
        self._newest.start(work, stage.take_field, self._workspace.tell, lambda whole: then() if whole else None)

    def forget(self) -> None:
        """Wait for nothing any more."""
        self._newest.cancel()


class FilmPreview(QWidget):
    """Paints one picture whenever film or slider change, between other events."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture, self.slider = QLabel(), QSlider(Qt.Orientation.Horizontal)
        self.peek, self._fields = Peek(workspace), FieldAsker(workspace)
        self._film: tuple[Stage, Look, Script] | None = None
        self._painting = QTimer(self, singleShot=True, interval=0)
        self._painting.timeout.connect(self._paint)
        self._turns = Turns(self)
        self.picture.setMinimumSize(*LEAST)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setFrameShape(QLabel.Shape.StyledPanel)
        self.picture.setAccessibleName("Picture of the film")
        self.slider.setRange(0, 1000)
        self.slider.setAccessibleName("Time in the film")
        self.slider.setToolTip("Which picture of the film is shown above")
        self.slider.valueChanged.connect(lambda _value: self._painting.start())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.picture, 1)
        column.addWidget(self.slider)

    @property
    def running(self) -> bool:
        """Whether a stage is made ready or painted just now."""
        return self._turns.running

    def show_film(self, stage: Stage, look: Look, script: Script) -> None:
        """Show a picture of this film from now on; the stage is nobody else's until `forget`."""
        self._film = stage, look, script
        self._turns.stop()
        self._painting.start()

    def forget(self) -> None:
        """Leave the stage alone; the picture stays."""
        self._film = None
        self._painting.stop()
        self._turns.stop()
        self._fields.forget()
        self.peek.forget()

    @Slot()
    def _paint(self) -> None:
        if self._turns.running:
            # Else there would be none while the slider moves
            self._painting.start(LOOK_MS)
        elif self._film is not None and self._film[0].ready:
            self._turns.go(self._steps(*self._film))

    def _steps(self, stage: Stage, look: Look, script: Script) -> Iterator[object]:
        """Let the stage take the look, then paint the picture, a plot at a step."""
        yield from stage.taking(look)
        shots = list(script.shots())
        moment, _ = shots[round(self.slider.value() / 1000 * (len(shots) - 1))]
        if moment.place is None:
            self._fields.ask(stage, [moment.position], partial(self._go_on, stage, moment))
            return
        picture = self.peek.painting(stage, script, moment)
        if picture is None:
            self._painting.start(LOOK_MS)
        else:
            yield from self._showing(picture)

    def _go_on(self, stage: Stage, moment: Moment) -> None:
        if self._film is not None and self._film[0] is stage:
            self._turns.go(self._showing(stage.painting(moment.position)))

    def _showing(self, picture: Iterator[QImage | None]) -> Iterator[object]:
        for image in picture:
            yield None
            if image is not None:
                self._show(image)

    def _show(self, image: QImage) -> None:
        whole, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        size = self.picture.contentsRect().size()
        self.picture.setPixmap(QPixmap.fromImage(image).scaled(size, whole, smooth))
