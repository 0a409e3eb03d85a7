"""Labels of marks have room or go; newer ones go first."""

from __future__ import annotations

import itertools

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.training.record import Mark
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.loss.plot import LossPlot
from tests.gui.features.loss.test_plot import reports


@pytest.fixture
def plot(qtbot: QtBot) -> LossPlot:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 260)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.append(reports([3.0] * 1000))
    return plot


def change(iteration: int, before: int = 30, after: int = 10) -> Mark:
    return Mark(iteration, "sde.steps", before, after)


def test_lines_with_labels_inside_the_view(plot: LossPlot) -> None:
    plot.add_marks([change(100), change(500, 10, 20), change(998, 20, 30)])
    assert plot.marks.places == [100, 500, 998] and plot.marks.labels == ["N 30→10", "N 10→20", "N 20→30"]
    inside = plot.box.sceneBoundingRect()
    for _, text in plot.marks._marks.values():
        assert inside.adjusted(-1, -1, 1, 1).contains(text.mapRectToScene(text.boundingRect()))
    assert "From iteration 501 on: N 10→20." in plot.plot.accessibleDescription()


def test_labels_never_overlap_and_the_newest_stays(plot: LossPlot) -> None:
    plot.add_marks([change(k, k, k + 5) for k in range(700, 800, 5)])
    shown = [text for _, text in plot.marks._marks.values() if text.isVisible()]
    rects = sorted((text.mapRectToScene(text.boundingRect()) for text in shown), key=lambda rect: rect.left())
    assert all(a.right() <= b.left() + 1 for a, b in itertools.pairwise(rects))
    assert "N 795→800" in plot.marks.labels and len(plot.marks.labels) < len(plot.marks.places)


def test_zooming_in_makes_room(plot: LossPlot) -> None:
    plot.add_marks([change(700), change(705, 10, 12), change(710, 12, 14)])
    assert len(plot.marks.labels) < 3
    plot.box.setRange(xRange=(695, 720), padding=0)
    assert len(plot.marks.labels) == 3


def test_the_same_mark_comes_once_and_clear_forgets(plot: LossPlot) -> None:
    plot.add_marks([change(5)])
    plot.add_marks([change(5)])
    assert plot.marks.places == [5]
    plot.set_theme(DARK)
    plot.clear()
    assert plot.marks.places == [] and "From iteration" not in plot.plot.accessibleDescription()


def test_only_the_newest_sixty_are_drawn(plot: LossPlot) -> None:
    plot.add_marks([change(k) for k in range(1, 200)])
    assert plot.marks.places == list(range(140, 200))
