"""Points, paths and trails that keep a colour of their own, and the legend of such colours."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QFont, QFontMetrics
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.paths import MAX_COUNT, count_pixels, path_picture
from dnf_studio.gui.drawing.layers.scale import SteadyLimits
from dnf_studio.gui.drawing.point_colours import (
    DOT,
    GAP,
    LegendLayer,
    PointColours,
    angle_colours,
    mode_colours,
    radius_colours,
    ratio_colours,
)
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from tests.gui.scenes import frame_of, pixels, share_near

LEGEND_COLOURS = ("#123456",) * 4
TABLE = (np.arange(8)[:, None] * 1000 + np.arange(MAX_COUNT)).astype(np.uint32)


def shown_view(qtbot: QtBot, kind: type[ProcessView] | type[TimeView]) -> ProcessView | TimeView:
    view = ProcessView("forward") if kind is ProcessView else TimeView()
    qtbot.addWidget(view)
    view.resize(420, 420)
    with qtbot.waitExposed(view):
        view.show()
    view.set_frame(frame_of(points=60))
    return view


def halves(points: int = 60) -> PointColours:
    return mode_colours((np.arange(points) >= points // 2).astype(np.intp), 2)


def test_each_path_has_its_own_colour_and_no_mean_of_two() -> None:
    paths = np.array([[[2.5, 4.5], [8.5, 1.5]], [[14.5, 4.5], [8.5, 8.5]]], np.float32)
    picture = path_picture(paths, np.array([3, 6], np.uint8), 20, 10, TABLE)
    assert (picture[4, [3, 6, 12]] == 3001).all() and (picture[[2, 3, 6], 8] // 1000 == 6).all()
    assert picture[4, 8] // 1000 in (3, 6)
    random = np.random.default_rng(0)
    many = (random.standard_normal((9, 70, 2)) * 6 + 15).astype(np.float32)
    picture, counts = (
        path_picture(many, np.repeat([2, 7], 35).astype(np.uint8), 30, 30, TABLE),
        count_pixels(many, 30, 30),
    )
    assert set(np.unique(picture[counts > 0] // 1000)) == {2, 7} and (picture[counts == 0] == 0).all()
    np.testing.assert_array_equal(picture % 1000, np.minimum(counts, MAX_COUNT - 1))


def test_the_angle_goes_round_and_the_radius_out() -> None:
    turn = np.linspace(-math.pi, math.pi, 33)[:-1] + 0.05
    found = angle_colours(np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32))
    assert found.buckets.tolist() == np.repeat(np.arange(16), 2).tolist() and found.count == 16
    edge = angle_colours(np.array([[-1.0, 0.0], [-1.0, -0.0], [np.nan, 0]], np.float32))
    assert edge.buckets.tolist() == [0, 0, 16]
    out = radius_colours(np.array([[0, 0], [0.6, 0.8], [0, 9], [np.inf, 0]], np.float32))
    assert out.buckets[0] == 0 < out.buckets[1] < out.buckets[2] == 15 and out.buckets[3] == 16
    assert out.ends[0] == "0.0"
    many = radius_colours(np.random.default_rng(0).standard_normal((500, 100)).astype(np.float32))
    assert len(np.unique(many.buckets)) > 10


def ratios(points: int = 60) -> PointColours:
    return ratio_colours(np.linspace(-1, 1, points, dtype=np.float32), SteadyLimits(around_zero=True), "one")


def test_log_ratios_go_both_ways_from_zero_and_the_legend_says_how_far() -> None:
    totals = np.zeros(200, np.float32)
    totals[:3] = 9.0, -4.0, np.nan
    totals[3:103] = np.minimum(np.linspace(-1, 3, 100), 2.0)
    found = ratio_colours(totals, SteadyLimits(around_zero=True), "one")
    assert found.kind == "log-ratio" and found.count == 16
    assert found.buckets[:3].tolist() == [15, 0, 16] and found.buckets[150] in (7, 8)
    assert found.ends == ("−2.0 (−4.0)", "2.0 (9.0)")
    assert (np.diff(found.buckets[3:103].astype(int)) >= 0).all() and found.buckets[3] == 4


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_there_is_a_colour_for_every_bucket_and_one_for_none(theme: object) -> None:
    points = np.ones((4, 2), np.float32)
    for colours, count in (
        (mode_colours(np.array([-1, 7]), 8), 8),
        (angle_colours(points), 16),
        (radius_colours(points), 16),
        (ratios(), 16),
    ):
        named = colours.colours(theme)  # type: ignore[arg-type]
        assert len(named) == count + 1 and len(set(named)) == count + 1
    assert mode_colours(np.array([-1, 7]), 8).buckets.tolist() == [8, 7]


@pytest.mark.parametrize("kind", [ProcessView, TimeView])
@pytest.mark.parametrize("layer", ["points", "paths"])
def test_a_view_is_coloured_through_time_and_plain_again(
    qtbot: QtBot, kind: type[ProcessView] | type[TimeView], layer: str
) -> None:
    view = shown_view(qtbot, kind)
    view.set_layers(frozenset({layer, "forward"}))
    overlay = view.by_point if isinstance(view, ProcessView) else view.by_point["forward"]
    for position in (0.0, 5.0):
        view.set_cursor(position)
        overlay.show(None)
        plain = pixels(view.plot)
        overlay.show(halves())
        coloured = pixels(view.plot)
        # Below the legend, where nothing but the data has these colours
        for colour in LIGHT.modes[:2]:
            assert share_near(coloured[60:], colour, 70) > share_near(plain[60:], colour, 25)
        assert not np.array_equal(coloured[60:], plain[60:])
        overlay.show(dataclasses.replace(halves(), buckets=np.zeros(3, np.uint8)))
        assert np.array_equal(pixels(view.plot)[60:], plain[60:])
        overlay.show(None)
        assert np.array_equal(pixels(view.plot), plain)


def colours_at(view: ProcessView, where: NDArray[np.float32]) -> NDArray[np.int64]:
    """The pixel of each place (n, 2), plot units."""
    seen, found = pixels(view.plot), []
    for x, y in where.tolist():
        at = view.plot.mapFromScene(view.box.mapViewToScene(view.box.viewRect().topLeft().__class__(x, y)))
        found.append(seen[at.y(), at.x()])
    return np.array(found)


def test_a_point_keeps_its_colour_wherever_it_goes(qtbot: QtBot) -> None:
    view = shown_view(qtbot, ProcessView)
    assert isinstance(view, ProcessView)
    frame = frame_of(points=2)
    view.set_layers(frozenset({"points"}))
    view.set_frame(frame)
    view.by_point.show(halves(2))
    reds = []
    for step in (0, 4, 10):
        view.set_cursor(float(step))
        reds.append(colours_at(view, frame.forward[step]))
    assert np.abs(np.diff(np.array(reds), axis=0)).max() <= 40
    assert np.abs(reds[0][0] - reds[0][1]).max() > 60


def test_lost_paths_keep_the_colours_of_the_others_in_place(qtbot: QtBot) -> None:
    view = shown_view(qtbot, ProcessView)
    frame = frame_of(points=60)
    forward = frame.forward.copy()
    forward[4, 0] = np.nan
    view.set_frame(dataclasses.replace(frame, forward=forward))
    assert isinstance(view, ProcessView)
    view.by_point.show(halves())
    fitting = view._paths._fitting_colours()
    assert fitting is not None and fitting.tolist() == [0] * 29 + [1] * 30


def test_the_legend_says_what_the_colours_are(qtbot: QtBot) -> None:
    view = shown_view(qtbot, ProcessView)
    assert isinstance(view, ProcessView)
    view.set_layers(frozenset())
    empty = pixels(view.plot)
    points = np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32)
    drawn = []
    kinds = (halves(), "mode"), (angle_colours(points), "angle"), (radius_colours(points), "radius")
    for colours, word in (*kinds, (ratios(), "log-ratio")):
        view.by_point.show(colours)
        assert word in view.by_point.sentence()
        drawn.append(pixels(view.plot))
        assert not np.array_equal(drawn[-1][:70], empty[:70]) and np.array_equal(drawn[-1][80:], empty[80:])
    assert all(not np.array_equal(first, second) for first, second in pairwise(drawn))


def test_without_room_the_legend_loses_its_title_before_its_colours(qtbot: QtBot) -> None:
    view = shown_view(qtbot, ProcessView)
    assert isinstance(view, ProcessView)
    view.set_layers(frozenset())
    view.by_point.show(mode_colours(np.zeros(60, np.intp), 8))
    for width, dots in ((420, True), (260, True), (170, False)):
        view.resize(width, 420)
        assert (share_near(pixels(view.plot)[:40], LIGHT.modes[7], 10) > 0) == dots, width


def test_one_dimension_has_the_legend_in_its_only_view(qtbot: QtBot) -> None:
    view = shown_view(qtbot, TimeView)
    assert isinstance(view, TimeView)
    assert not view.by_point["forward"].legend.isVisible()
    view.set_frame(frame_of(points=60, dim=1))
    assert view.by_point["forward"].legend.isVisible()


@pytest.mark.parametrize(
    ("names", "room", "cut"),
    [((), 100, False), (("cat", "dog", "ox", "emu"), 300, False), (("a golden retriever",) * 4, 300, True)],
)
def test_long_names_are_cut_to_what_there_is_room_for(
    qtbot: QtBot, names: tuple[str, ...], room: float, cut: bool
) -> None:
    layer, metrics = LegendLayer(), QFontMetrics(QFont())
    layer.set_content("dot", "mode", LEGEND_COLOURS, names=names)
    shown = layer._numbers(metrics, room)
    assert len(shown) == 4 and all(word.endswith("…") for word in shown) == cut
    assert cut or shown == (names or ("1", "2", "3", "4"))
    assert sum(metrics.horizontalAdvance(word) + DOT + 2 * GAP for word in shown) <= room or not names


def test_where_there_is_hardly_any_room_nothing_is_cut_to_nothing(qtbot: QtBot) -> None:
    layer = LegendLayer()
    layer.set_content("dot", "mode", LEGEND_COLOURS, names=("a golden retriever",) * 4)
    assert layer._numbers(QFontMetrics(QFont()), 80) == ("a golden retriever",) * 4
