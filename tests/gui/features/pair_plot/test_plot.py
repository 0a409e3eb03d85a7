"""The pair plot by itself: what its cells show, what a click and a region choose, and that it draws in turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.point_colours import mode_colours
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.drawing.units import Units
from dnf_studio.gui.features.pair_plot import matrix
from dnf_studio.gui.features.pair_plot.plot import CAPTION, HALVES, OVER, SPLIT, PairPlot
from tests.gui.mouse import drag
from tests.gui.scenes import frame_of, pixels

NONE = {name: np.empty(0, np.intp) for name in ("forward", "backward")}


@pytest.fixture
def plot(qtbot: QtBot) -> PairPlot:
    made = PairPlot()
    qtbot.addWidget(made)
    made.resize(600, 420)
    made.show()
    qtbot.waitExposed(made)
    made.set_components((0, 2, 3))
    made.set_frame(frame_of(dim=5))
    made.layer.finish()
    return made


def place_in(plot: PairPlot, cell: tuple[int, int], at: np.ndarray) -> QPointF:
    """Where a point of a cell is, in pixels of the plot."""
    return plot.layer.content.transform(plot.layer.cells.rect(*cell), *cell).map(QPointF(*at.tolist()))


def test_it_shows_the_chosen_components_at_the_cursor(plot: PairPlot) -> None:
    frame = plot._frame
    assert frame is not None and plot.components == (0, 2, 3)
    content = plot.layer.content
    assert np.array_equal(content.points["forward"], frame.forward[0][:, [0, 2, 3]])
    plot.set_cursor(3.25)
    between = 0.75 * frame.backward[3] + 0.25 * frame.backward[4]
    assert plot.layer.content.points["backward"] == pytest.approx(between[:, [0, 2, 3]], abs=1e-6)
    plot.set_cursor(10)
    assert np.array_equal(plot.layer.content.points["backward"], frame.backward[10][:, [0, 2, 3]])
    # Columns that other data does not have are left out
    plot.set_frame(frame_of(dim=3))
    assert plot.components == (0, 2)
    plot.set_frame(frame_of(dim=1))
    assert plot.components == ()


def test_both_colours_are_seen_and_follow_the_theme(plot: PairPlot) -> None:
    for theme in (LIGHT, DARK):
        plot.set_theme(theme)
        plot.layer.finish()
        seen = pixels(plot).reshape(-1, 3)
        for name in ("forward", "backward"):
            colour = np.array(QColor(theme.direction(name)).getRgb()[:3])
            assert (np.abs(seen - colour).max(axis=1) < 40).sum() > 50, (theme.name, name)
    plot._switches["backward"].setChecked(False)
    assert list(plot.layer.content.points) == ["forward"]


def test_a_click_chooses_the_point_under_it_and_a_region_those_in_it(plot: PairPlot, qtbot: QtBot) -> None:
    content, cell = plot.layer.content, (2, 0)
    place = place_in(plot, cell, content.plane("backward", *cell)[17])
    with qtbot.waitSignal(plot.point_picked) as picked:
        assert plot.pick(plot.box.mapViewToScene(place), adding=False)
    point, direction, _ = picked.args
    assert content.plane(direction, *cell)[point] == pytest.approx(content.plane("backward", *cell)[17], abs=0.1)
    with qtbot.waitSignal(plot.missed):
        plot.pick(plot.box.mapViewToScene(plot.layer.cells.rect(1, 1).center()), adding=False)
    plot.set_tool("rectangle")
    first, last = (place_in(plot, cell, np.array(corner)) for corner in ((-1.6, -1.6), (0, 0)))
    with qtbot.waitSignal(plot.region_chosen) as chosen:
        drag(plot, [(first.x(), first.y()), (0.5 * (first.x() + last.x()), last.y()), (last.x(), last.y())])
    found, _ = chosen.args
    plane = content.plane("forward", *cell)
    inside = (plane[:, 0] < 0) & (plane[:, 1] < 0)
    assert inside.any() and (found["forward"] != inside).mean() < 0.03


def test_labels_part_the_directions_and_those_left_out_are_not_drawn(plot: PairPlot) -> None:
    parts = np.arange(300) % 3
    for name in ("forward", "backward"):
        plot.coloured[name].show(mode_colours(parts, 3, ("a", "b", "c")))
    assert plot.layer.content.split and plot.caption == SPLIT
    plot.show_only({"forward": parts == 1})
    points = plot.layer.content.points
    assert np.isnan(points["forward"][parts != 1]).all() and np.isfinite(points["backward"]).all()
    plot.show_only({})
    for name in ("forward", "backward"):
        plot.coloured[name].show(None)
    assert not plot.layer.content.split and plot.caption == CAPTION


def test_units_are_written_and_nothing_moves(plot: PairPlot) -> None:
    plot.set_units(Units(tuple("abcde"), (10.0,) * 5, (2.0,) * 5))
    content = plot.layer.content
    assert np.array_equal(content.points["forward"], plot._frame.forward[0][:, [0, 2, 3]])
    middle = plot.layer.cells.rect(1, 1).center()
    assert plot.explain(middle.x(), middle.y()).startswith("The marginal density of x₃  c, per data unit")
    lower = plot.layer.cells.rect(2, 1).center()
    assert plot.explain(lower.x(), lower.y()) == "x₄  d up, x₃  c across: forward and backward points."
    assert plot.explain(1, 1) == ""


def test_it_draws_in_turns_and_not_at_all_while_hidden(
    plot: PairPlot, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "BUDGET", 0.0)
    plot.set_cursor(2)
    drawn = []
    while plot.layer.waiting:
        drawn.append(plot.layer.waiting)
        plot.layer._work()
    # Without any time a turn still draws one cell
    assert drawn[0] == 9 and len(drawn) <= 10
    plot.set_cursor(3)
    plot.layer._draw_next()
    first = plot.layer.waiting
    plot.set_cursor(4)
    assert first == 8 and list(plot.layer._old)[-1] == (0, 0), "who has waited longest comes first"
    plot.layer.finish()
    plot.hide()
    content = plot.layer.content
    plot.set_cursor(7)
    plot.set_frame(replace(frame_of(dim=5), weights=2))
    assert plot.layer.content is content and not plot.layer.waiting
    plot.show()
    assert plot.layer.content is not content


def test_the_list_offers_at_most_eight_and_leaves_one(plot: PairPlot, qtbot: QtBot) -> None:
    plot.set_frame(frame_of(dim=10))
    plot.set_components(tuple(range(7)))
    told: list[tuple[int, ...]] = []
    plot.components_chosen.connect(told.append)
    plot.menu._fill()
    items = [plot.menu.list.item(k) for k in range(10)]
    items[9].setCheckState(Qt.CheckState.Checked)
    assert told[-1] == (0, 1, 2, 3, 4, 5, 6, 9)
    assert not items[7].flags() & Qt.ItemFlag.ItemIsEnabled and items[0].flags() & Qt.ItemFlag.ItemIsEnabled
    for k in (0, 1, 2, 3, 4, 5, 9):
        items[k].setCheckState(Qt.CheckState.Unchecked)
    assert told[-1] == (6,) and not items[6].flags() & Qt.ItemFlag.ItemIsEnabled


def test_a_second_model_is_above_the_diagonal_or_over_the_first_or_alone(plot: PairPlot, qtbot: QtBot) -> None:
    second = replace(frame_of(dim=5, steps=20), forward=frame_of(dim=5, steps=20).forward + np.float32(0.25))
    plot.set_cursor(3)
    plot.set_second(second, "split")
    content = plot.layer.content
    # At the same part of the way
    assert np.array_equal(content.points["second forward"], second.forward[6][:, [0, 2, 3]])
    assert plot.caption == HALVES and content.names_in(0, 2) == ("second forward", "second backward")
    assert [sign.text for sign in plot.signs()] == ["forward", "backward"] and "B backward" in plot.explain(
        *(plot.layer.cells.rect(0, 2).center().toTuple())
    )
    told = plot.numbers()
    assert told is not None and [*told.columns][:2] == ["model", "direction"]
    place = place_in(plot, (0, 2), content.plane("second backward", 0, 2)[17])
    with qtbot.waitSignal(plot.point_picked) as picked:
        assert plot.pick(plot.box.mapViewToScene(place), adding=False)
    assert picked.args == [17, "backward", False]
    plot.set_second(second, "overlay")
    plot.layer.finish()
    assert plot.caption == OVER and plot.layer.content.names_in(0, 2) == ("backward", "second backward")
    assert [sign.text for sign in plot.signs()][-1] == "B"
    colour = np.array(QColor(LIGHT.second).getRgb()[:3])
    assert (np.abs(pixels(plot).reshape(-1, 3) - colour).max(axis=1) < 40).sum() > 50
    plot.set_second(second, "other")
    assert [*plot.layer.content.points] == ["forward", "backward"] and plot.caption == CAPTION
    assert np.array_equal(plot.layer.content.points["forward"], second.forward[6][:, [0, 2, 3]])
    plot.set_second(None, "split")
    assert np.array_equal(plot.layer.content.points["forward"], plot._frame.forward[3][:, [0, 2, 3]])  # type: ignore[union-attr]
