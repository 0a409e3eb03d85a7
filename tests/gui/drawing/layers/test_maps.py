"""Lines of equal value, and the log-density in a process view."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.log_density import LogDensity
from dnf_studio.gui.drawing.layers.maps import contour_lines, dashed
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme, mix
from dnf_studio.gui.features.log_density.overlay import ContourOverlay
from dnf_studio.gui.features.processes.process_view import ProcessView
from tests.gui.scenes import frame_of, pixels, share_near

AXIS = np.linspace(-3, 3, 61)
Array = NDArray[np.float64]


def density_of(exact: bool = True, sharp: float = 1.0) -> LogDensity:
    """A standard normal, and one moved to the right as the exact density."""
    x = np.linspace(-6, 6, 61)
    a, b = np.meshgrid(x, x)
    model = -0.5 * sharp * (a**2 + b**2) - math.log(2 * math.pi / sharp)
    moved = -0.5 * sharp * ((a - 1) ** 2 + b**2) - math.log(2 * math.pi / sharp)
    return LogDensity(x, x, model, moved if exact else None, 0.02, True)


def contour_view(qtbot: QtBot, theme: Theme = LIGHT) -> tuple[ProcessView, ContourOverlay]:
    view = ProcessView("forward")
    contours = ContourOverlay(view)
    qtbot.addWidget(view)
    view.resize(420, 420)
    view.set_theme(theme)
    with qtbot.waitExposed(view):
        view.show()
    view.set_frame(frame_of())
    contours.set_visible(True)
    return view, contours


def length(lines: Array) -> float:
    return float(np.hypot(lines[:, 0] - lines[:, 2], lines[:, 1] - lines[:, 3]).sum())


def test_lines_of_a_bowl_are_circles() -> None:
    a, b = np.meshgrid(AXIS, AXIS)
    lines = contour_lines(AXIS, AXIS, a**2 + b**2, 4.03)
    for x, y in (lines[:, :2].T, lines[:, 2:].T):
        np.testing.assert_allclose(np.hypot(x, y), math.sqrt(4.03), atol=2e-3)
    assert length(lines) == pytest.approx(2 * math.pi * math.sqrt(4.03), rel=2e-3)
    # Closed: every end is the end of two segments
    ends = np.round(lines.reshape(-1, 2), 9) + 0.0
    assert (np.unique(ends, axis=0, return_counts=True)[1] == 2).all()


def test_a_plane_is_crossed_once_where_it_has_the_level() -> None:
    x, y = np.array([0.0, 1.0, 4.0]), np.array([0.0, 2.0])
    lines = contour_lines(x, y, np.array([[0.0, 1.0, 4.0], [0.0, 1.0, 4.0]]), 2.5)
    assert lines.shape == (1, 4) and sorted(lines[0, 1::2]) == [0, 2] and (lines[0, ::2] == 2.5).all()
    assert contour_lines(x, y, np.zeros((2, 3)), 1.0).shape == (0, 4)


@pytest.mark.parametrize("middle", [True, False])
def test_a_saddle_has_two_lines_that_do_not_cross(middle: bool) -> None:
    # Values of 1 at two opposite corners: joined where the middle is above the level
    lines = contour_lines(np.arange(2.0), np.arange(2.0), np.array([[1.0, 0.0], [0.0, 1.0]]), 0.4 if middle else 0.6)
    assert len(lines) == 2
    cut = [(seg[:2] + seg[2:]) / 2 for seg in lines]
    inside_corner = [min(np.hypot(*m), np.hypot(*(m - 1))) for m in cut]
    assert all((distance > 0.5) == middle for distance in inside_corner)
    (other,) = {len(contour_lines(np.arange(2.0), np.arange(2.0), np.array([[0.0, 1.0], [1.0, 0.0]]), 0.4))}
    assert other == 2


def test_cells_without_a_number_have_no_line_and_others_keep_theirs() -> None:
    a, b = np.meshgrid(AXIS, AXIS)
    values = a.copy()
    whole = contour_lines(AXIS, AXIS, values, 0.05)
    values[:10] = np.nan
    part = contour_lines(AXIS, AXIS, values, 0.05)
    assert len(whole) == 60 and len(part) == 50
    with np.errstate(all="raise"):
        assert len(contour_lines(AXIS, AXIS, np.where(b > 1, -np.inf, 1.0), 0.0)) in (0, 60)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_map_comes_and_goes_with_its_layer(qtbot: QtBot, theme: Theme) -> None:
    view, contours = contour_view(qtbot, theme)
    empty = pixels(view.plot)
    contours.set_found(density_of())
    drawn = pixels(view.plot)
    assert (np.abs(drawn - empty).max(axis=-1) > 40).mean() > 0.02
    assert share_near(drawn, theme.magnitude[-1], 20) > 0.02
    contours.set_visible(False)
    assert contours.button.isHidden() and contours.legend.isHidden()
    assert np.array_equal(pixels(view.plot), empty)
    contours.set_found(density_of())
    assert np.array_equal(pixels(view.plot), empty)


def test_the_legend_says_whose_it_is_how_fine_and_how_right(qtbot: QtBot) -> None:
    _view, contours = contour_view(qtbot)
    contours.set_found(density_of(), refining=True)
    text = contours.legend.text()
    assert "log p, model, at t₀, nats per standardised unit²" in text
    assert "61 × 61, refining…" in text and "0 is −1.84, the model’s maximum" in text
    contours.set_found(density_of())
    assert "61 × 61, log p ± 0.02, ∫p here 1" in contours.legend.text()
    contours.set_where("the points are at step 3")
    assert "the points are at step 3" in contours.legend.text()
    contours.set_choice("exact")
    assert "log p, exact" in contours.legend.text() and "±" not in contours.legend.text()
    contours.set_found(density_of(exact=False))
    assert "log p, model" in contours.legend.text()
    assert "the exact density is not known" in contours.legend.text() and contours.button.text() == "log p"
    broken = dataclasses.replace(density_of(), model=np.full((61, 61), np.nan))
    contours.set_found(broken)
    assert "has no solution here" in contours.legend.text()
    contours.say("Why not.")
    assert contours.legend.text() == "Why not." and contours.found is None


def test_the_difference_is_signed_and_blank_where_nothing_is(qtbot: QtBot) -> None:
    view, contours = contour_view(qtbot)
    empty = pixels(view.plot)
    contours.set_choice("difference")
    contours.set_found(density_of(sharp=3.0))
    contours.legend.hide()
    picture, third = pixels(view.plot), pixels(view.plot).shape[1] // 3
    # The model has too much at the left
    assert share_near(picture[:, :third], LIGHT.divergence[-1], 20) > 0.15
    assert share_near(picture[:, :third], LIGHT.divergence[0], 20) == 0
    assert share_near(picture[:, -third:], LIGHT.divergence[0], 20) > 0.1
    assert np.array_equal(picture[1:6, -40:-5], empty[1:6, -40:-5])
    contours.set_choice("exact")
    contours.legend.hide()
    exact = pixels(view.plot)
    assert not np.array_equal(exact, picture)


def test_levels_are_below_the_models_maximum_whosever_density_it_is(qtbot: QtBot) -> None:
    _view, contours = contour_view(qtbot)
    found = density_of()
    contours.set_found(found)
    labels = contours.labels._lines
    assert set(labels) == {"−1", "−2", "−4", "−8", "−12"}
    np.testing.assert_allclose(np.hypot(labels["−2"][:, 0], labels["−2"][:, 1]), 2, atol=0.02)
    contours.set_choice("exact")
    lines = contours.labels._lines["−2"]
    np.testing.assert_allclose(np.hypot(lines[:, 0] - 1, lines[:, 1]), 2, atol=0.02)


def test_labels_are_within_the_view_and_apart(qtbot: QtBot) -> None:
    view, contours = contour_view(qtbot)
    contours.set_found(density_of())
    pixels(view.plot)
    anchors = contours.labels._anchors
    assert anchors is not None and {"−1", "−2", "−4"} <= set(anchors)
    seen = view.box.viewRect()
    places = np.array(list(anchors.values()))
    assert all(seen.contains(*place) for place in places)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert apart[~np.eye(len(places), dtype=bool)].min() > 0.3


def test_the_legend_is_at_the_upper_left(qtbot: QtBot) -> None:
    view, contours = contour_view(qtbot)
    contours.set_found(density_of())
    for size in ((420, 420), (700, 500)):
        view.resize(*size)
        pixels(view)
        area = view.plot.mapFromScene(view.box.sceneBoundingRect()).boundingRect()
        legend = contours.legend.geometry()
        assert area.contains(legend) and legend.left() - area.left() < 12 and legend.top() - area.top() < 12


def test_dashes_are_every_other_piece_along_each_line() -> None:
    angles = np.linspace(0, 2 * np.pi, 401)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    far = circle + 5
    segments = np.concatenate([np.concatenate([each[:-1], each[1:]], axis=1) for each in (circle, far)])
    segments = np.random.default_rng(0).permutation(segments)
    shown = dashed(segments, 2 * np.pi / 40)
    for middle in (0.0, 5.0):
        own = shown[np.abs(shown[:, 0] - middle) < 2]
        assert len(own) == pytest.approx(200, abs=12)
        way = np.sort(np.arctan2(own[:, 1] - middle, own[:, 0] - middle))
        # Gaps as long as dashes, but for the two where a line begins
        gaps = np.diff(way)[np.diff(way) > 0.1]
        assert len(gaps) == pytest.approx(19, abs=2) and gaps.mean() == pytest.approx(2 * np.pi / 40, rel=0.15)
    assert len(dashed(np.empty((0, 4)), 1.0)) == 0


def test_a_second_model_has_dashed_lines_at_the_levels_of_the_first(qtbot: QtBot) -> None:
    view, overlay = contour_view(qtbot)
    overlay.set_found(density_of())
    sharp = density_of(sharp=2.0)
    overlay.set_over(sharp)
    assert overlay.over.isVisible() and "B, the same levels" in overlay.legend.text()
    whole = contour_lines(sharp.x, sharp.y, sharp.model, density_of().top - 1)
    # Of each line about half; the outermost are cut by nothing
    assert 0.4 < len(overlay.over._lines) / (5 * len(whole)) < 1.2
    colour = mix(LIGHT.second, LIGHT.text, 0.5)
    share = share_near(pixels(view), colour, 30)
    overlay.set_choice("exact")
    # The exact one is that of the data, for both
    assert not len(overlay.over._lines) and "B, the" not in overlay.legend.text()
    overlay.set_choice("model")
    overlay.set_over(None)
    assert not overlay.over.isVisible() and share_near(pixels(view), colour, 30) < share
    top = overlay.legend.text()
    overlay.set_top(sharp.top)
    assert "the maximum of A" in overlay.legend.text() != top


def test_the_legend_of_a_small_view_is_its_scale_and_the_button_tells_the_rest(qtbot: QtBot) -> None:
    view, contours = contour_view(qtbot)
    contours.set_found(density_of())
    whole = contours.legend.text()
    assert "maximum" in whole and "log p, model" in whole
    view.resize(280, 190)
    qtbot.waitUntil(lambda: contours.legend.text() != whole)
    area = contours._plot.mapFromScene(contours._plot.getViewBox().sceneBoundingRect()).boundingRect()
    assert "−12" in contours.legend.text() and contours.legend.height() <= 0.25 * area.height()
    assert "maximum" in contours.button.toolTip()
    view.resize(420, 420)
    qtbot.waitUntil(lambda: contours.legend.text() == whole)
