"""A small table with labels, opened as the window opens it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dnf_studio.config import Config
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.opening import Opened, untrained
from dnf_studio.gui.workspace.workspace import Workspace

COLUMNS = ("height [m]", "girth [cm]", "age", "pH")


@cache
def trees() -> Opened:
    """400 rows of four columns about 20, 40, 60 and 5, of the labels birch and oak; an untrained model of them."""
    random = np.random.default_rng(0)
    kinds = np.arange(400) % 2
    rows = np.array([20, 40, 60, 5]) + np.array([4, 8, 12, 0.5]) * random.standard_normal((400, 4)) + 6 * kinds[:, None]
    lines = [f"{('birch', 'oak')[k]},{','.join(f'{x:.4f}' for x in row)}" for k, row in zip(kinds, rows, strict=True)]
    with TemporaryDirectory() as folder:
        path = Path(folder, "trees.csv")
        path.write_text("\n".join([",".join(("kind", *COLUMNS)), *lines]))
        return untrained(Config().changed({"data": str(path), "label": "kind", "network.channels": 8}))


def show(workspace: Workspace | MainWindow, opened: Opened) -> None:
    """Tell every feature of `workspace`, or of a window, that this is open, without any thread that computes frames."""
    shown = opened.shown
    workspace.session.set_lacks(shown.lacks, shown.solvers, shown.dim, shown.as_images, shown.table)
    workspace.studio.opened.emit(opened)
