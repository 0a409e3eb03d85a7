"""Drawing one process view: our layers beside the items of pyqtgraph.

Everything is drawn into a picture in memory: no window opens and no display is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.bench import Row, less
from dnf_studio.bench.timing import in_turn
from dnf_studio.system_libraries import explain_import_error

if TYPE_CHECKING:
    from dnf_studio.bench.canvas import Canvas

KINDS = {"played": False, "new paths": True}
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """What is in the picture; the paths have `steps` + 1 nodes."""

    name: str
    points: int
    paths: int
    steps: int = 30


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    scenes: tuple[Scene, ...] = (Scene("default scene", 2000, 500), Scene("heavy scene", 50_000, 2000))
    frames: int = 30
    seconds: float = 10.0
    """Time spent on one kind of frame in one scene."""


FULL = Sizes()
QUICK = Sizes(frames=5, seconds=3.0)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Milliseconds of a whole frame, from the arrays to the picture, medians.

    Played: the cursor moves over the same paths. New paths: as new weights bring them, with the
    cursor moved too. Raises `SetupError` where Qt lacks a library of the system.
    """
    for scene in sizes.scenes:
        for kind, new in KINDS.items():
            canvases = _canvases(scene)
            works = {name: _frames(canvas, scene.steps, new) for name, canvas in canvases.items()}
            taken = in_turn(works, sizes.frames, sizes.seconds)
            for canvas in canvases.values():
                canvas.close()
            value, reference = (1e3 * median(taken[name]) for name in ("ours", "plain"))
            words = f"{scene.points:,} points, {scene.paths:,} paths"
            yield less(f"{scene.name} ({words}), {kind}", value, "ms", reference)


def _canvases(scene: Scene) -> dict[str, Canvas]:
    """The scene drawn both ways; here Qt is imported."""
    try:
        from dnf_studio.bench.canvas import ItemsCanvas, LayersCanvas, ensure_application
    except ImportError as error:
        raise explain_import_error(error) or error from error
    ensure_application()
    states = _states(scene)
    return {"ours": LayersCanvas(states, scene.paths), "plain": ItemsCanvas(states, scene.paths)}


def _frames(canvas: Canvas, steps: int, new: bool) -> Callable[[], None]:
    """Draws the next frame of a cursor that goes round by a third of a step."""
    position = 0.0

    def draw() -> None:
        nonlocal position
        position = (position + 1 / 3) % steps
        canvas.draw(position, new)

    return draw


def _states(scene: Scene) -> Array:
    """Points on their way from two squares to noise, (N+1, P, 2), with some Brownian motion on it."""
    random = np.random.default_rng(0)
    shape = (scene.points, 2)
    data = random.uniform(-0.4, 0.4, shape) + np.where(random.random((scene.points, 1)) < 0.5, -1.0, 1.0)
    way = np.linspace(0, 1, scene.steps + 1)[:, None, None]
    noise = np.cumsum(random.standard_normal((scene.steps + 1, *shape)), axis=0) * (0.3 / scene.steps**0.5)
    states: Array = ((1 - way) * data + way * random.standard_normal(shape) + noise).astype(np.float32)
    return states
