"""Makes the pictures of resources/guide again, from the window itself; not part of the tests.

The sound model is not kept, its training takes two to ten minutes:

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
import torch
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from dnf_studio.assets import resource
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.exploration.contributions import contributions
from dnf_studio.core.exploration.excess import neighbour_excess, step_means, widths
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.gui.features.disagreement.bars import excess_bars
from dnf_studio.gui.features.selection.panel import SelectionPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.snapshot import Snapshot
from tests.planted import PlantedFlow, ignored_mode, scaled_score, with_long_step

WIDE, NARROW = (1500, 1000), (1080, 900)
"""Sizes of the window in which two plots of the lower row, or two process views, fill the width of a page."""
GAP = 8
COLOURS = 128
POINTS = frozenset({"points"})
Array = NDArray[np.float64]
KNOWN = 1024
"""So many points have log-ratios before a picture is taken; nearest neighbours have all of the window's."""
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
        self.window.fill()
        self.window.show()
        self.window.studio.start()
        self.window.live.start()
        self.pair = self.window.views.tabs
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
        studio.take(replace(studio.current, snapshot=Snapshot.of(flow), config=flow.config, shown=shown))
        self.settle()

    def settle(self, known: int = KNOWN) -> None:
        """Until the views show all of the model, its excess and the comparison of its processes."""
        window, studio = self.window, self.window.studio
        assert studio.current is not None
        wanted = studio.current.snapshot.version, self.window.session.state.sampling.grid

        def there() -> bool:
            frame = window.live.frame
            if frame is None or (frame.weights, frame.request.grid) != wanted or not frame.complete:
                return False
            found = window.live.excess
            if found is None or found.frame.weights != wanted[0] or found.forward.shape[1] < known:
                return False
            return len(window.plots["marginals"]._distance) == len(frame.t)

        self.wait(600, there)
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

    def tell(self, name: str) -> None:
        """Print what the views say in numbers."""
        frame, found = self.window.live.frame, self.window.live.excess
        assert frame is not None and frame.prior is not None and found is not None
        bound = float(frame.mean_contributions.sum()) + sum(frame.prior)
        bars = excess_bars(found)
        print(f"{name}: bound {bound:.3f}; {bars.texts(0)[0]}; complete {found.complete}; {bars.notes[-1]}")
        _rows("excess", bars.values, bars.errors)
        ahead = found.neighbours
        if ahead is not None:
            _rows("neighbours", ahead.mean, ahead.error)
            print("   differ at", np.flatnonzero(bars.apart).tolist(), "sum", round(float(ahead.mean.sum()), 3))
        back = step_means(found.backward)
        _rows("backward", back.mean, back.error)
        for what, saved in zip(("a drift that does not change", "no score"), found.saved, strict=True):
            print(f"   {what} would add", np.round(saved, 3).tolist())
        self._tell_modes(frame, found)
        plot = self.window.plots["marginals"]
        for what in ("distance", "floor", "highest"):
            print(f"   SWD {what}", np.round(getattr(plot, f"_{what}"), 3).tolist())
        if frame.score is not None:
            print("   share", np.round(frame.score.share, 3).tolist())

    def _tell_modes(self, frame: Frame, found: ExcessFrame) -> None:
        """The log-ratios of whole paths by the mode they begin in, and the bound of the same."""
        known = found.forward.shape[1]
        x0 = frame.forward[0, :known]
        mode = np.rint(np.arctan2(x0[:, 1], x0[:, 0]) / (np.pi / 4)).astype(int) % 8
        total = found.forward.sum(axis=0)
        bound = frame.contributions[:, :known].sum(axis=0) + 0.5 * np.square(frame.forward[-1, :known]).sum(axis=1)
        for what, values in (("log-ratio", total), ("bound", bound + np.log(2 * np.pi))):
            each = [step_means(values[None, mode == k]) for k in range(8)]
            means, errors = (np.concatenate([getattr(e, part) for e in each]) for part in ("mean", "error"))
            _rows(f"{what} by mode", means, errors)

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


def many(name: str, flow: DiffFlow) -> None:
    """Print the excess by the nearest neighbours of 20,000 fresh points, as `evaluate` has it."""
    x0 = fresh_points(flow, open_dataset(flow.config.data), 20_000, 0)
    noise = torch.randn((flow.grid().steps, *x0.shape), generator=torch.Generator().manual_seed(0))
    found = contributions(flow, x0, noise)
    added = found.steps + widths(flow.grid(), flow.dim)[:, None]
    near = neighbour_excess(found.path.numpy(), added.numpy())
    _rows(f"{name}, neighbours of {near.points:,}", near.mean, near.error)


def _rows(name: str, values: Array, errors: Array) -> None:
    each = enumerate(zip(values, errors, strict=True))
    print(f"   {name}:", "  ".join(f"{i} {v:+.3f}±{e:.3f}" for i, (v, e) in each), flush=True)


def _shrink(path: Path) -> None:
    """A palette instead of three channels, which views of few colours do not need."""
    from PIL import Image

    with Image.open(path) as image:
        # Median cut would give up rare colours, such as those of the two directions
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main(model: str, folder: Path) -> None:
    """All pictures."""
    app = QApplication([])
    scene = Scene(app, folder)
    window = scene.window
    sound = scene.open(model)
    many("sound", sound)
    scene.set(0, layers=POINTS)
    scene.tell("sound")
    scene.save("sound", scene.look(window.plots["disagreement"], window.plots["marginals"]))
    scene.pair.tabs.setCurrentIndex(4)
    share = scene.look(window.plots["score"])
    scene.pair.tabs.setCurrentIndex(2)
    field = field_of(scene)
    step(scene, sound)
    score(scene, sound, share)
    drift(scene, sound, field)
    window.studio.training.unsaved = False
    window.close()


def field_of(scene: Scene) -> list[QImage]:
    """The drift at the data; the window is wide again afterwards."""
    window = scene.window
    scene.resize(NARROW)
    scene.set(0, layers=frozenset({"field"}), field="drift", heat="magnitude")
    window.plots["forward"].box.setRange(xRange=(-2.3, 2.3), yRange=(-2.3, 2.3))
    scene.wait(1)
    images = scene.look(window.plots["forward"])
    window.plots.reset_ranges()
    scene.set(0, layers=POINTS, heat="none")
    scene.resize(WIDE)
    return images


def score(scene: Scene, sound: DiffFlow, share: list[QImage]) -> None:
    """The score scaled by 1.5 between two times."""
    window, tabs = scene.window, scene.pair.tabs
    flow = PlantedFlow(sound, scaled_score(1.5, 0.25, 0.55))
    many("score", flow)
    scene.put(flow)
    scene.set(16)
    scene.tell("score")
    scene.save("score-excess", scene.look(window.plots["disagreement"], window.plots["marginals"]))
    tabs.setCurrentIndex(4)
    for node in (8, 9, 17, 18, 9):
        scene.set(node)
        print("  ", window.plots["score"].note.texts[0])
    scene.save("score-share", [*share, *scene.look(window.plots["score"])])
    tabs.setCurrentIndex(2)
    scene.wait(0.5)


def step(scene: Scene, sound: DiffFlow) -> None:
    """One far too long step."""
    window = scene.window
    flow = with_long_step(sound, 10, 20)
    many("step", flow)
    scene.put(flow)
    scene.set(10)
    scene.tell("step")
    scene.save("step-excess", scene.look(window.plots["disagreement"], window.plots["marginals"]))
    scene.pair.tabs.setCurrentIndex(1)
    scene.save("step-grid", scene.look(window.plots["grid"]))
    scene.pair.tabs.setCurrentIndex(2)
    window.session.apply({"grid": "reference", "steps": 30})
    scene.settle(256)
    scene.tell("step, on the reference grid")
    window.session.apply({"grid": None})


def drift(scene: Scene, sound: DiffFlow, field: list[QImage]) -> None:
    """A drift that ignores one mode."""
    window = scene.window
    flow = PlantedFlow(sound, ignored_mode((MODE, 0.0), 0.8))
    many("drift", flow)
    scene.put(flow)
    scene.set(30)
    scene.tell("drift")
    # Before points are chosen: the Inspector that they open takes room
    scene.save("drift-field", [*field, *field_of(scene)])
    scene.set(30)
    frame = window.live.frame
    assert frame is not None
    chosen = np.flatnonzero((np.abs(frame.forward[0] - [MODE, 0]) < 0.6).all(axis=1))
    window.session.apply({"selection": tuple(int(i) for i in chosen)})
    window.docks["inspector"].tabs.setCurrentIndex(1)
    scene.wait(1)
    panel = window.docks["inspector"].pages["Selection"]
    assert isinstance(panel, SelectionPanel)
    print("  ", panel.comparison.rows())
    scene.save("drift-selection", scene.look(window.plots["forward"], panel.comparison))


if __name__ == "__main__":
    gc.disable()
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else resource("guide"))
