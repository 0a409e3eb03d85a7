"""The twin of each plot of the window looks like it, pixel by pixel, and does not follow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.core.training.record import History, Mark
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.twins import shows_something, twin_of
from dnf_studio.gui.features.films.stage import pixels_of
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from tests.gui.conftest import delete
from tests.gui.scenes import excess_of, frame_of


@pytest.fixture(scope="module")
def seen(qapp: QApplication) -> Iterator[MainWindow]:
    """A window that shows everything at once: layers, colours, a selection, a loss, at a time between two nodes."""
    window = MainWindow(Appearance(qapp))
    window.resize(1400, 700)
    window.fill()
    window.show()
    frame = frame_of()
    window.live.show(frame)
    window.live.show_excess(excess_of(frame))
    layers = {"points", "paths", "density", "overlay", "difference", "disagreement"}
    window.session.apply({"layers": frozenset(layers), "colouring": "angle", "selection": (3, 7), "dots": (170, 70)})
    window.session.cursor.go(6.4)
    loss = window.plots["loss"]
    assert isinstance(loss, LossPlot)
    history = History(iterations=list(range(0, 90, 3)), losses=np.linspace(2, 1, 30).tolist())
    loss.show_history(history, [Mark(40, "sde.steps", 5, 10)])
    qapp.processEvents()
    yield window
    window.close()
    delete(window)


def picture(plot: Plot) -> np.ndarray:
    """What is drawn of it in twice its pixels, but for the header, in which features have put buttons."""
    return pixels_of(plot.pictures.picture()).astype(int)[2 * plot.plot.y() :]


def unseen(twin: Plot, like: Plot) -> Plot:
    twin.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    twin.resize(like.size())
    twin.show()
    return twin


TABS = ("loss", "grid", "marginals", "space-time", "score")
"""Names of the plots behind tabs, in their order."""


@pytest.mark.parametrize("name", ["forward", "backward", "time", "disagreement", "loss", "grid", "space-time"])
def test_a_twin_looks_alike(seen: MainWindow, qapp: QApplication, qtbot: QtBot, name: str) -> None:
    plot = seen.plots[name]
    if name in TABS:
        seen.views.tabs.tabs.setCurrentIndex(TABS.index(name))
        qapp.processEvents()
    assert shows_something(plot) and plot.isVisible()
    twin = unseen(twin_of(plot), plot)
    qtbot.addWidget(twin)
    for side in ("left", "right"):
        # As wide as the widest numbers that were ever there
        for each in (plot, twin):
            each.plot.getAxis(side).setWidth(60)
    qapp.processEvents()
    wanted = picture(plot)
    assert differing(wanted, picture(twin)) == 0
    # At another time it is another picture, and the one that is shown stays
    twin.set_cursor(2.0)
    later = picture(twin)
    assert (differing(wanted, later) > 0) == (name != "loss")
    assert differing(wanted, picture(plot)) == 0
    plot.set_cursor(2.0)
    assert differing(later, picture(plot)) == 0
    plot.set_cursor(6.4)


def test_a_twin_does_not_follow(seen: MainWindow, qtbot: QtBot) -> None:
    plot = seen.plots["forward"]
    twin = unseen(twin_of(plot), plot)
    qtbot.addWidget(twin)
    before = picture(twin)
    seen.session.apply({"layers": frozenset({"points"}), "colouring": "radius", "selection": ()})
    seen.session.cursor.go(9)
    plot.box.setRange(xRange=(-1, 1), yRange=(-1, 1))
    try:
        assert differing(before, picture(twin)) == 0
        assert differing(before, picture(plot)) > 0
    finally:
        seen.session.undo()
        plot.reset_view()


def differing(one: np.ndarray, other: np.ndarray) -> int:
    """How many pixels are not the same."""
    assert one.shape == other.shape
    return int((one != other).any(axis=2).sum())
