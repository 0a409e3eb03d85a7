from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QTransform
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.by_step import ScoreShare
from dnf_studio.core.exploration.fields import FieldGrid
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.exploration.streamlines import Streamlines
from dnf_studio.gui.drawing.layers.vectors import CLOSEST, arrow_lines, next_limit, upper_limit
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.fields.overlay import FieldOverlay, shown_field
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from tests.gui.drawing.test_theme import contrast
from tests.gui.scenes import frame_of, pixels, share_near
from tests.views import viewed

FLAT = Plane.of_pair(0, 1, np.zeros(2))
EXTENT = (-3.3, -3.3, 3.3, 3.3)
ASKED = FieldRequest(5, FLAT, EXTENT)
REQUEST = viewed()
SCREEN = QTransform(50, 0, 0, -50, 200, 200)
"""50 pixels a unit, y upward, the origin at (200, 200)."""


def answer_of(
    drift: NDArray[np.float64] | None = None, lam: float = 1.0, weights: int = 1, node: int = 5
) -> FieldAnswer:
    """f = x or as given, g²s = (0, −0.25), divergence of f rising from −2 to 2 from left to right."""
    x = np.linspace(-3.2, 3.2, 32)
    f = np.stack(np.meshgrid(x, x), axis=-1) if drift is None else drift
    score = np.broadcast_to([0.0, -0.25], (32, 32, 2)).copy()
    rising = np.broadcast_to(np.linspace(-2, 2, 32), (32, 32)).copy()
    grid = FieldGrid(5, 0.02, 0.2, FLAT, x, x, f, score, rising, rising * 0, True)
    request = REQUEST if lam == 1 else viewed(lam=lam)
    asked = ASKED if node == ASKED.node else FieldRequest(node, FLAT, EXTENT)
    return FieldAnswer(asked, weights, request, grid, np.ones((32, 32), np.bool_))


def share_of(share: float) -> ScoreShare:
    return ScoreShare(np.ones(10), np.full(10, share / (1 - share)))


def field_view(qtbot: QtBot, direction: str = "backward", theme: Theme = LIGHT) -> tuple[ProcessView, FieldOverlay]:
    view = ProcessView(direction)
    field = FieldOverlay(view)
    qtbot.addWidget(view)
    view.resize(420, 420)
    view.set_theme(theme)
    with qtbot.waitExposed(view):
        view.show()
    view.set_frame(frame_of())
    field.set_visible(True)
    return view, field


def test_an_arrow_lies_on_its_place_and_points_where_the_vector_does() -> None:
    lines = arrow_lines(np.array([1.0]), np.array([2.0]), np.array([[[0.0, 3.0]]]), 3.0, SCREEN)
    shaft, left, right = lines
    assert (shaft[:2] + shaft[2:]) / 2 == pytest.approx([250, 100])
    assert shaft[0] == shaft[2] and shaft[1] < shaft[3]
    for stroke in (left, right):
        assert stroke[:2] == pytest.approx(shaft[:2]) and stroke[3] > stroke[1]
    assert left[2] - 250 == pytest.approx(250 - right[2])


def test_lengths_go_with_the_root_up_to_the_limit() -> None:
    x = np.array([0.0, 1.0, 2.0])
    vectors = np.stack([np.array([[1.0, 4.0, 16.0]]), np.zeros((1, 3))], axis=-1)
    lines = arrow_lines(x, np.array([0.0]), vectors, 4.0, SCREEN)[:3]
    lengths = lines[:, 0] - lines[:, 2]
    assert lengths[1] == pytest.approx(2 * lengths[0]) and lengths[2] == pytest.approx(lengths[1])
    assert lengths[2] < 50


def test_what_has_no_direction_is_no_arrow() -> None:
    x = np.arange(5.0)
    vectors = np.array([[[0.0, 0.0], [np.nan, 1.0], [np.inf, 0.0], [1e-9, 0.0], [1.0, 0.0]]])
    assert len(arrow_lines(x, np.array([0.0]), vectors, 1.0, SCREEN)) == 3


def test_arrows_that_would_lie_too_close_are_thinned_out() -> None:
    x = np.linspace(-3, 3, 32)
    ones = np.ones((32, 32, 2))
    for scale in (20, 40, 90):
        lines = arrow_lines(x, x, ones, 1.0, QTransform(scale, 0, 0, -scale, 0, 0))
        middles = np.unique(np.round((lines[: len(lines) // 3, 0] + lines[: len(lines) // 3, 2]) / 2, 3))
        assert np.diff(middles).min() >= CLOSEST
    assert len(lines) == 3 * 32 * 32


def test_limits_leave_few_above_and_ease_only_where_asked() -> None:
    values = np.append(np.linspace(-1, 1, 1001), [1e6, np.nan, np.inf])
    assert upper_limit(values) == pytest.approx(0.98, abs=0.01)
    assert upper_limit(np.array([np.nan])) == 0
    assert next_limit(None, 5.0) == 5 and next_limit(4.0, 4.0) == 4
    assert 1 < next_limit(1.0, 2.0) < 1.2 and 1.8 < next_limit(2.0, 1.0) < 2
    assert next_limit(0.0, 3.0) == 3 and next_limit(3.0, 0.0) == 0


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_arrows_come_and_go_with_their_layer(qtbot: QtBot, theme: Theme) -> None:
    view, field = field_view(qtbot, theme=theme)
    empty = pixels(view.plot)
    field.set_answer(answer_of())
    drawn = pixels(view.plot)
    assert (np.abs(drawn - empty).max(axis=-1) > 40).mean() > 0.03
    field.set_visible(False)
    assert field.button.isHidden() and field.legend.isHidden()
    assert np.array_equal(pixels(view.plot), empty)
    field.set_answer(answer_of())
    assert np.array_equal(pixels(view.plot), empty)


def test_the_heat_map_is_coloured_by_its_values(qtbot: QtBot) -> None:
    view, field = field_view(qtbot, "forward")
    field.set_choice("used", "divergence")
    field.set_answer(answer_of())
    picture = pixels(view.plot)
    third = picture.shape[1] // 3
    low, high = LIGHT.divergence[0], LIGHT.divergence[-1]
    assert share_near(picture[:, :third], low, 25) > 0.2 > share_near(picture[:, :third], high, 25)
    assert share_near(picture[:, -third:], high, 25) > 0.2 > share_near(picture[:, -third:], low, 25)
    assert "divergence −2 " in field.legend.text()
    field.set_choice("used", "magnitude")
    assert "length 0" in field.legend.text()


def test_nothing_finite_draws_nothing(qtbot: QtBot) -> None:
    view, field = field_view(qtbot)
    field.set_choice("drift", "magnitude")
    empty = pixels(view.plot)
    field.set_answer(answer_of(drift=np.full((32, 32, 2), np.nan)))
    field.legend.hide()
    assert np.array_equal(pixels(view.plot), empty)


def test_each_process_shows_what_it_uses() -> None:
    assert [shown_field("used", way) for way in ("forward", "backward")] == ["drift", "backward"]
    assert [shown_field("flow", way) for way in ("forward", "backward")] == ["flow", "flow"]


def test_the_legend_tells_the_field_and_an_idle_score(qtbot: QtBot) -> None:
    _view, field = field_view(qtbot)
    field.set_score(share_of(0.003))
    field.set_answer(answer_of())
    assert field.button.text() == "g²s − f"
    assert "score idle: 0.3% of the backward drift" in field.legend.text()
    field.set_score(share_of(0.2))
    text = field.legend.text()
    assert "score: 20% of the backward drift" in text and "idle" not in text
    field.set_answer(answer_of(lam=0.0))
    assert field.button.text() == "0.5 g²s − f"
    field.set_answer(answer_of(node=0))
    assert "score" not in field.legend.text()
    field.set_choice("drift", "none")
    field.set_score(share_of(0.003))
    field.set_answer(answer_of())
    assert field.button.text() == "−f" and "score" not in field.legend.text()


def test_arrows_and_lines_point_the_way_points_move_in_their_view_and_the_legend_says_so(qtbot: QtBot) -> None:
    (_forward, ahead), (_backward, back) = (field_view(qtbot, way) for way in ("forward", "backward"))
    line = Streamlines(np.array([[0.0, 0.0], [1.0, 0.0], [1.5, 0.0], [2.0, 2.0], [2.0, 3.0]]), np.array([0, 3, 5]))
    answer = dataclasses.replace(answer_of(), lines={name: line for name in ("drift", "score")})
    for style in ("arrows", "streamlines"):
        for name, sign in (("drift", -1), ("score", 1)):
            for field in (ahead, back):
                field.set_choice(name, "none", style)
                field.set_answer(answer)
            if style == "arrows":
                np.testing.assert_array_equal(back.arrows._vectors, sign * ahead.arrows._vectors)
            else:
                expected = ahead.streams._points[::sign]
                np.testing.assert_array_equal(back.streams._points, expected)
                assert back.streams._steps.tolist() == ([0, 1, 3] if sign > 0 else [0, 2, 3])
            told = [each.legend.text() for each in (ahead, back)]
            if name == "score":
                assert all("up the log-density, whichever way time runs" in text for text in told)
            else:
                assert "from data to noise" in told[0] and "from noise to data" in told[1]


def test_the_legend_stays_at_the_lower_left(qtbot: QtBot) -> None:
    view, field = field_view(qtbot)
    field.set_answer(answer_of())
    for size in ((420, 420), (700, 500)):
        view.resize(*size)
        pixels(view)
        area = view.plot.mapFromScene(view.box.sceneBoundingRect()).boundingRect()
        legend = field.legend.geometry()
        assert area.contains(legend) and legend.left() - area.left() < 12 and area.bottom() - legend.bottom() < 12


def test_new_weights_ease_the_limit_and_another_time_sets_it(qtbot: QtBot) -> None:
    _view, field = field_view(qtbot, "forward")
    first = answer_of()
    field.set_answer(first)
    start = field.arrows._limit
    doubled = dataclasses.replace(first, weights=2, grid=dataclasses.replace(first.grid, drift=2 * first.grid.drift))
    field.set_answer(doubled)
    assert start < field.arrows._limit < 1.2 * start
    field.set_answer(dataclasses.replace(doubled, asked=FieldRequest(6, FLAT, EXTENT)))
    assert field.arrows._limit == pytest.approx(2 * start)


def test_limits_come_from_where_points_are(qtbot: QtBot) -> None:
    _view, field = field_view(qtbot, "forward")
    middle = np.zeros((32, 32), np.bool_)
    middle[12:20, 12:20] = True
    field.set_answer(dataclasses.replace(answer_of(), inhabited=middle))
    assert field.arrows._limit < 1.2


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_and_points_are_seen_on_every_colour_of_the_maps(theme: Theme) -> None:
    for colour in (*theme.magnitude, *theme.divergence):
        assert contrast(theme.text, colour) >= 4.5
        assert min(contrast(theme.forward, colour), contrast(theme.backward, colour)) >= 1.6
    assert theme.magnitude[0] == theme.base == theme.divergence[2]
