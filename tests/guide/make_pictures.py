"""Makes the pictures of resources/guide again, from the window itself; not part of the tests.

The sound model is not kept, its training takes two to five minutes:

    dnf-studio train --config tests/guide/live.toml --weights -o LIVE.safetensors
    xvfb-run -s "-screen 0 1920x1080x24" python -m tests.guide.make_pictures LIVE.safetensors [FOLDER]

Needs Pillow. Prints the numbers that the guide quotes.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import numpy as np
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from dnf_studio.assets import resource
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.gui.appearance import Appearance
from dnf_studio.gui.main_window import MainWindow
from dnf_studio.gui.plots.explain import about_prior, about_step
from dnf_studio.workers.snapshot import Snapshot
from tests.planted import PlantedFlow, ignored_mode, scaled_score, with_long_step

WIDE, NARROW = (1500, 1000), (1080, 900)
"""Sizes of the window in which two plots of the lower row, or two process views, fill the width of a page."""
GAP = 8
COLOURS = 128
POINTS = frozenset({"points"})
MODE = 4 / 8.25**0.5
"""How far the modes of 8gaussian are from the middle, model units."""


class Scene:
    """A window, what it is set to, and pictures of its parts."""

    def __init__(self, app: QApplication, folder: Path) -> None:
        self._app, self._folder = app, folder
        appearance = Appearance(app)
        appearance.choose("light")
        self.window = MainWindow(appearance)
        self.window.resize(*WIDE)
        self.window.add_panels()
        self.window.show()
        self.window.studio.start()
        self.window.live.start()
        self.pair = self.window.views.pair
        self.pair.tabs.setCurrentIndex(2)

    def wait(self, seconds: float, done: Callable[[], object] = lambda: False) -> None:
        """Until `done`, or this long."""
        end = monotonic() + seconds
        while not done() and monotonic() < end:
            self._app.processEvents()
            sleep(0.01)

    def open(self, name: str) -> DiffFlow:
        """Open a checkpoint; returns its model."""
        studio = self.window.studio
        studio.open(name)
        self.wait(60, lambda: studio.current is not None)
        self.settle()
        assert studio.current is not None
        return studio.current.snapshot.build()

    def put(self, flow: DiffFlow) -> None:
        """Show another model of the same data as if it had been opened."""
        studio = self.window.studio
        assert studio.current is not None
        shown = replace(studio.current.shown, steps=flow.grid().steps)
        studio._take(replace(studio.current, snapshot=Snapshot.of(flow), config=flow.config, shown=shown))
        self.settle()

    def settle(self) -> None:
        """Until the views show all of the model and their comparison."""
        studio, views = self.window.studio, self.window.views
        assert studio.current is not None
        wanted = studio.current.snapshot.version, self.window.session.state.grid

        def there() -> bool:
            frame = views.frame
            if frame is None or (frame.weights, frame.request.grid) != wanted or not frame.complete:
                return False
            return len(views.marginals._distance) == len(frame.t)

        self.wait(60, there)
        self.wait(1.5)

    def resize(self, size: tuple[int, int]) -> None:
        """Another size of the window."""
        self.window.resize(*size)
        self.wait(0.5)

    def set(self, at: float, **state: object) -> None:
        """The cursor at a node, the view as said."""
        self.window.session.apply(state)
        self.window.session.cursor.jump(at)
        self.wait(1.2)

    def tell(self, name: str, *steps: int) -> None:
        """Print what the views say in numbers."""
        views, frame = self.window.views, self.window.views.frame
        assert frame is not None and frame.prior is not None
        bound = float(frame.disagreement.sum()) + sum(frame.prior)
        print(f"{name}: bound {bound:.3f}; {about_prior(frame.prior, 2)}")
        for step in steps:
            print("  ", about_step(step, float(frame.disagreement[step]), frame.parts[:, step]))
        plot = views.marginals
        print("   SWD", np.round(plot._distance, 3).tolist(), "\n   floor", np.round(plot._floor, 3).tolist())
        print("   highest", np.round(plot._highest, 3).tolist())
        if frame.score is not None:
            print("   share", np.round(frame.score.share, 3).tolist())

    def look(self, *parts: QWidget) -> list[QImage]:
        """Pictures of parts of the window as they are now."""
        self.wait(0.4)
        return [part.grab().toImage() for part in parts]

    def save(self, name: str, images: list[QImage]) -> None:
        """Side by side as a small PNG."""
        width = sum(image.width() for image in images) + GAP * (len(images) - 1)
        whole = QImage(width, max(image.height() for image in images), QImage.Format.Format_RGB32)
        whole.fill(0xFFFFFF)
        painter, x = QPainter(whole), 0
        for image in images:
            painter.drawImage(x, 0, image)
            x += image.width() + GAP
        painter.end()
        path = self._folder / f"{name}.png"
        whole.save(str(path))
        _shrink(path)
        print(f"   {path.name}: {whole.width()} x {whole.height()}, {path.stat().st_size // 1000} kB")


def _shrink(path: Path) -> None:
    """A palette instead of three channels, which views of few colours do not need."""
    from PIL import Image

    with Image.open(path) as image:
        # Median cut would give up rare colours, such as those of the two directions
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main(model: str, folder: Path) -> None:
    """All pictures, in the order of the guide."""
    app = QApplication([])
    scene = Scene(app, folder)
    window, views = scene.window, scene.window.views
    sound = scene.open(model)
    lower = views.disagreement, views.marginals
    scene.set(10, layers=POINTS)
    scene.tell("sound", 8, 9, 10)
    views.disagreement.legend.switch.click()
    scene.save("sound", scene.look(*lower))
    views.disagreement.legend.switch.click()
    for fault in (score, step, drift):
        window.session.apply({"layers": POINTS, "heat": "none"})
        fault(scene, sound)
    window.studio.training.unsaved = False
    window.close()


def score(scene: Scene, sound: DiffFlow) -> None:
    """The score scaled by 1.5 between two times."""
    views, tabs = scene.window.views, scene.pair.tabs
    tabs.setCurrentIndex(4)
    images = scene.look(views.score)
    tabs.setCurrentIndex(2)
    scene.put(PlantedFlow(sound, scaled_score(1.5, 0.2, 0.4)))
    scene.tell("score, t = 0.2 to 0.4", *range(6, 15))
    scene.put(PlantedFlow(sound, scaled_score(1.5, 0.25, 0.55)))
    scene.set(9)
    tabs.setCurrentIndex(4)
    for node in (8, 9, 17, 18, 9):
        scene.set(node)
        print("  ", views.score._notes[0])
    scene.save("score-share", [*images, *scene.look(views.score)])
    tabs.setCurrentIndex(2)
    scene.wait(0.5)
    scene.tell("score", *range(6, 19))
    views.disagreement.legend.switch.click()
    scene.save("score-marginals", scene.look(views.disagreement, views.marginals))
    views.disagreement.legend.switch.click()


def step(scene: Scene, sound: DiffFlow) -> None:
    """One far too long step."""
    views, switch = scene.window.views, scene.window.views.disagreement.legend.switch
    scene.put(with_long_step(sound, 10, 20))
    scene.set(10)
    scene.tell("step", 9, 10, 11)
    switch.click()
    scene.save("step-marginals", scene.look(views.disagreement, views.marginals))
    switch.click()
    scene.pair.tabs.setCurrentIndex(1)
    scene.save("step-grid", scene.look(views.grid))
    scene.pair.tabs.setCurrentIndex(2)
    scene.window.session.apply({"grid": "reference", "steps": 30})
    scene.settle()
    scene.tell("step, on the reference grid", 10)


def drift(scene: Scene, sound: DiffFlow) -> None:
    """A drift that ignores one mode."""
    window, views = scene.window, scene.window.views
    scene.put(sound)
    scene.resize(NARROW)
    images = []
    for flow in (sound, PlantedFlow(sound, ignored_mode((MODE, 0.0), 0.8))):
        scene.put(flow)
        scene.set(0, layers=frozenset({"field"}), field="drift", heat="magnitude")
        views.forward.box.setRange(xRange=(-2.3, 2.3), yRange=(-2.3, 2.3))
        scene.wait(1)
        images += scene.look(views.forward)
    scene.save("drift-field", images)
    views.reset_ranges()
    scene.resize(WIDE)
    scene.set(30, layers=POINTS, heat="none")
    scene.tell("drift", 4, 5, 6)
    scene.save("drift-marginals", scene.look(views.disagreement, views.marginals))
    frame = views.frame
    assert frame is not None
    chosen = np.flatnonzero((np.abs(frame.forward[0] - [MODE, 0]) < 0.6).all(axis=1))
    window.session.apply({"selection": tuple(int(i) for i in chosen)})
    window.inspector.tabs.setCurrentIndex(1)
    scene.wait(1)
    assert window.inspector.selection is not None
    scene.save("drift-selection", scene.look(views.forward, window.inspector.selection.comparison))


if __name__ == "__main__":
    gc.disable()
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else resource("guide"))
