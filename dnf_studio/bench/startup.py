"""From the start of the process to the window and to the first live frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from dnf_studio.bench import Row, less
from dnf_studio.bench.machine import OFFSCREEN, run_python, screen

NAMES = {"window_ms": "start-up, window painted", "first_frame_ms": "start-up, first live frame"}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int = 4


FULL = Sizes()
QUICK = Sizes(rounds=1)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Milliseconds of the window with the bundled model, medians; without a display on Qt's offscreen platform.

    The first round is not counted: it brings files into memory.
    """
    references: list[float] = []
    found: dict[str, list[float]] = {key: [] for key in NAMES}
    with TemporaryDirectory(prefix="dnf-bench-") as folder:
        for number in range(sizes.rounds + 1):
            reference, measures = _imports(), _window(Path(folder))
            if number:
                references.append(reference)
                for key, values in found.items():
                    values.append(measures[key])
    where = f" ({OFFSCREEN})" if screen() == OFFSCREEN else ""
    for key, name in NAMES.items():
        yield less(name + where, median(found[key]), "ms", median(references))


def _imports() -> float:
    """Milliseconds until a Python that imports the two large libraries has come and gone."""
    started = perf_counter()
    run_python("-c", "import torch, PySide6")
    return 1e3 * (perf_counter() - started)


def _window(folder: Path) -> dict[str, float]:
    """What one window measured of itself; its settings, empty at first, are kept in `folder`."""
    homes = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    if screen() == OFFSCREEN:
        homes["QT_QPA_PLATFORM"] = OFFSCREEN
    picture = str(folder / "window.png")
    words = ("-m", "dnf_studio", "--screenshot", picture, "--after", "0", "--size", "1280x800", "--json")
    measures: dict[str, float] = json.loads(run_python(*words, environment=homes))
    return measures
