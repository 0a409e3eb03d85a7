"""Small pictures of what models sample, drawn in the background and kept on disk."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from dnf_studio.errors import Cancelled, Check
from dnf_studio.gui.drawing.thumbnail import SIDE, coverage, image_of, sheet, tinted
from dnf_studio.gui.workspace.log import LOGGER
from dnf_studio.workers.background import Background, Task

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint

POINTS = 1024
MOST_STEPS = 50
SUM = re.compile(r"[0-9a-f]{64}")
"""What may be the name of a file of the cache: a checkpoint says of itself what its sum is."""


class Thumbnails(QObject):
    """Makes the wanted pictures one after the other in the background, on one core, none while `set_paused`.

    It looks at the cache first.
    """

    changed = Signal()
    """Another picture is there."""

    def __init__(self, cache: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cache, self._background = cache, background
        self._images: dict[str, QImage] = {}
        self._pixmaps: dict[tuple[str, str], QPixmap] = {}
        self._wanted: deque[tuple[str, Path]] = deque()
        self._tried: set[str] = set()
        self._paused = False
        self._task = Task()

    def pixmap(self, sha256: str, colour: str) -> QPixmap | None:
        """The picture in this colour, or None as long as there is none."""
        image = self._images.get(sha256)
        if image is None:
            return None
        if (sha256, colour) not in self._pixmaps:
            self._pixmaps[sha256, colour] = tinted(image, colour)
        return self._pixmaps[sha256, colour]

    def want(self, models: Iterable[tuple[str, Path]]) -> None:
        """Make pictures of these from now on, sum and file, and of no others."""
        self._wanted = deque(m for m in models if SUM.fullmatch(m[0]) and m[0] not in self._tried)
        self._go_on()

    def set_paused(self, paused: bool) -> None:
        """Stop making pictures for now, or go on: it stops while a model trains."""
        self._paused = paused
        self._go_on()

    def _go_on(self) -> None:
        if self._wanted and not self._paused and not self._task.running:
            # What went wrong is in the log
            self._task = self._background.start(self._pictures, self._take, lambda _error: None, self._end)

    def _pictures(self, check: Check) -> Iterator[tuple[str, QImage]]:
        """Make the pictures, in the thread of the task: those that are wanted by then."""
        wanted = self._wanted
        while wanted and not self._paused:
            sha256, path = wanted.popleft()
            self._tried.add(sha256)
            image = self._image(sha256, path)
            if image is not None:
                yield sha256, image
            check()
            wanted = self._wanted

    def _image(self, sha256: str, path: Path) -> QImage | None:
        """The picture from the cache, or drawn and put there; None for a model that cannot be sampled."""
        kept = self._cache / f"{sha256}.png"
        image = QImage(str(kept)) if os.path.isfile(kept) else QImage()
        if image.width() == SIDE == image.height():
            return image.convertToFormat(QImage.Format.Format_Grayscale8)
        try:
            grey = _picture(path)
        except Cancelled:
            raise
        except Exception as error:
            # Opening the model tells what is wrong with it; the others still want their pictures
            LOGGER.info("no picture of %s: %s: %s", path.name, type(error).__name__, error)
            return None
        image = image_of(grey)
        _keep(image, kept)
        return image

    def _take(self, made: tuple[str, QImage]) -> None:
        sha256, image = made
        self._images[sha256] = image
        self.changed.emit()

    def _end(self, _whole: bool) -> None:
        """What is wanted since the task saw its last has its turn."""
        self._go_on()


def _picture(path: Path) -> NDArray[np.uint8]:
    """Samples of the model, always the same, as points or, where they are images, as those."""
    from dnf_studio.core.data.image_shape import PixelMap
    from dnf_studio.core.storage.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(path)
    points, image = _samples(checkpoint), checkpoint.data.image
    if image is None:
        return coverage(points)
    return sheet(PixelMap(image, checkpoint.standardisation)(points[:SIDE]))


def _samples(checkpoint: Checkpoint) -> NDArray[np.float32]:
    """Points (n, D) in model units, always the same."""
    import torch

    from dnf_studio.core.sampling.blocks import sample_blocks
    from dnf_studio.core.sde.sample_settings import SampleSettings

    torch.set_num_threads(1)
    flow = checkpoint.build()
    settings = SampleSettings(steps=min(MOST_STEPS, len(flow.timestamps) - 1))
    blocks = [torch.from_numpy(b.samples) for b in sample_blocks(flow, POINTS, settings, threads=1)]
    points: NDArray[np.float32] = flow.standardisation.to_model(torch.cat(blocks)).numpy()
    return points


def _keep(image: QImage, path: Path) -> None:
    """A cache that cannot be written is no reason to complain."""
    partial = path.with_name(f".{path.stem}-partial-{os.getpid()}.png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if image.save(str(partial)):
            os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
