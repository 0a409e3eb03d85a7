"""The signed difference of both clouds: exact on a few points, quiet where chance alone is."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.projection import ONE_THREAD
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.gui.drawing.layers.density import smooth
from dnf_studio.gui.drawing.layers.difference import BLOCK, MOST_PASSES, ROWS, signed_difference, weighted
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import frame_of, pixels, share_near
from tests.views import viewed

ONE_PASS = np.array([1, 4, 6, 4, 1]) / 16


def at_middle(count: int) -> np.ndarray:
    counts = np.zeros((9, 9), np.intp)
    counts[4, 4] = count
    return counts


def test_the_difference_of_two_clouds_in_one_bin_is_the_kernel_times_the_shares() -> None:
    found, shown = signed_difference(at_middle(30), at_middle(5), (100, 50), 1)
    np.testing.assert_allclose(found[2:7, 2:7], np.outer(ONE_PASS, ONE_PASS) * 0.2, atol=1e-7)
    assert not found[0].any() and not shown[0].any() and shown[2:7, 2:7].all()
    other, same = signed_difference(at_middle(5), at_middle(30), (50, 100), 1)
    np.testing.assert_allclose(other, -found) and np.array_equal(same, shown)


@pytest.mark.parametrize(("ahead", "back", "is_shown"), [(4, 0, False), (5, 0, True), (9, 4, False), (26, 10, True)])
def test_two_standard_deviations_of_a_poisson_count_are_needed(ahead: int, back: int, is_shown: bool) -> None:
    _, shown = signed_difference(at_middle(ahead), at_middle(back), (100, 100), 1)
    assert (abs(ahead - back) > 2 * (ahead + back) ** 0.5) is is_shown
    assert bool(shown[4, 4]) is is_shown


def test_equal_clouds_and_empty_ones_show_nothing() -> None:
    for counts in (at_middle(50), at_middle(0)):
        found, shown = signed_difference(counts, counts, (60, 60), 3)
        assert not found.any() and not shown.any()


def test_chance_alone_is_seldom_shown_and_a_missing_half_is() -> None:
    random = np.random.default_rng(0)
    wide = random.poisson(1.0, (2, 60, 80))
    _, shown = signed_difference(wide[0], wide[1], (4800, 4800), 6)
    assert shown.mean() < 0.09
    wide[1, :, :40] = random.poisson(0.5, (60, 40))
    found, shown = signed_difference(wide[0], wide[1], (4800, 4800), 6)
    assert shown[:, :36].mean() > 0.8 and (found[:, :36][shown[:, :36]] > 0).all()


def test_a_wide_view_takes_a_part_of_a_redraw() -> None:
    """As sums of shifted copies the same took 25 ms of the main thread, five times over with every frame."""
    wide = np.random.default_rng(0).poisson(0.1, (2, 190, 240))
    spent = []
    for _ in range(6):
        began = time.thread_time()
        signed_difference(wide[0], wide[1], (4560, 4560), 12)
        spent.append(time.thread_time() - began)
    assert min(spent) < 0.01


def test_the_sums_are_those_of_the_density() -> None:
    values = np.random.default_rng(1).random((11, 7)).astype(np.float32)
    np.testing.assert_allclose(weighted(values, ONE_PASS), smooth(values), atol=1e-6)
    row = ONE_PASS
    for _ in range(MOST_PASSES - 1):
        row = np.convolve(row, ONE_PASS)
    # More than one product of matrices along both axes, none of which OpenBLAS shares among threads
    wide = np.random.default_rng(2).random((2 * ROWS + 5, 2 * BLOCK + 7))
    whole = np.array([np.convolve(line, row) for line in np.array([np.convolve(line, row) for line in wide]).T]).T
    reach = len(row) // 2
    np.testing.assert_allclose(weighted(wide, row), whole[reach:-reach, reach:-reach], atol=1e-12)
    assert ROWS * (BLOCK + len(row) - 1) * BLOCK <= ONE_THREAD


def two_clouds(weights: int = 1, request: SampleSettings | None = None, width: float = 0.2) -> Frame:
    """Forward points at the left, backward points at the right, as many in the middle of both."""
    random = np.random.default_rng(3)
    clouds = width * random.standard_normal((2, 2000, 2)).astype(np.float32)
    clouds[0, :1000, 0] -= 2
    clouds[1, :1000, 0] += 2
    paths = np.broadcast_to(clouds[:, None], (2, 5, 2000, 2)).copy()
    frame = frame_of(points=2000, steps=4, request=request)
    return dataclasses.replace(frame, weights=weights, forward=paths[0], backward=paths[1])


def view_of(qtbot: QtBot, direction: str = "forward") -> ProcessView:
    view = ProcessView(direction)
    qtbot.addWidget(view)
    view.resize(500, 500)
    with qtbot.waitExposed(view):
        view.show()
    view.set_layers(frozenset({"difference"}))
    return view


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_each_side_has_the_colour_of_the_process_with_more_points(qtbot: QtBot, direction: str, theme: Theme) -> None:
    view = view_of(qtbot, direction)
    view.set_theme(theme)
    view.set_frame(two_clouds())
    picture = pixels(view.plot)

    def around(x: float, y: float) -> np.ndarray:
        place = view.plot.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))
        return picture[place.y() - 3 : place.y() + 3, place.x() - 3 : place.x() + 3]

    assert share_near(around(-2, 0), theme.forward, 40) > 0.9
    assert share_near(around(2, 0), theme.backward, 40) > 0.9
    assert share_near(around(0, 0), theme.forward, 60) == share_near(around(0, 0), theme.backward, 60) == 0
    assert share_near(around(0, 2), theme.base, 3) == 1
    view.set_layers(frozenset())
    assert share_near(pixels(view.plot), theme.forward, 40) < 1e-3


def test_the_limit_is_steady_under_the_cursor_follows_weights_slowly_and_requests_at_once(qtbot: QtBot) -> None:
    view = view_of(qtbot)
    layer = view._difference

    def shown(frame: Frame, position: float) -> tuple[float, float]:
        view.set_frame(frame)
        view.set_cursor(position)
        view.grab()
        return layer.limit

    frame = two_clouds()
    first = shown(frame, 4.0)
    assert shown(frame, 1.0)[0] == pytest.approx(first[0], rel=0.05) and shown(frame, 4.0) == first
    slow = shown(two_clouds(2, frame.request, width=0.1), 4.0)[0]
    assert first[0] < slow < 1.4 * first[0]
    assert shown(two_clouds(3, viewed(seed=1), width=0.1), 4.0)[0] > 1.4 * slow


def test_an_empty_view_compares_nothing(qtbot: QtBot) -> None:
    view = view_of(qtbot)
    empty = pixels(view.plot)
    view.set_frame(two_clouds())
    assert not np.array_equal(pixels(view.plot), empty)
    view.set_frame(None)
    assert np.array_equal(pixels(view.plot), empty)
