from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QTransform

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.gui.drawing.axes import half_range, next_limits
from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import to_device
from dnf_studio.gui.drawing.layers.paths import count_pixels
from dnf_studio.gui.drawing.layers.trails import at_position, trailing_part
from dnf_studio.gui.drawing.words import far_points, lost_paths, lost_words, nats, time_note


def test_a_straight_path_is_counted_once_a_pixel() -> None:
    paths = np.array([[[2.5, 4.5]], [[10.5, 4.5]]], np.float32)
    counts = count_pixels(paths, 20, 10)
    assert counts.shape == (10, 20)
    assert counts.sum() == 8 and (counts[4, 3:10] == 1).all()


def test_what_lies_outside_is_not_counted() -> None:
    paths = np.array([[[-50.0, 4.5], [3.5, 3.5]], [[-40.0, 1e5], [5.5, 3.5]]], np.float32)
    counts = count_pixels(paths, 20, 10)
    assert counts[3].sum() == counts.sum() > 0


@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 300), st.integers(1, 300))
def test_counting_is_bounded_and_keeps_the_size(steps: int, paths: int, width: int, height: int) -> None:
    random = np.random.default_rng(steps)
    wild = (random.standard_normal((steps + 1, paths, 2)) * 1e5).astype(np.float32)
    counts = count_pixels(wild, width, height)
    assert counts.shape == (height, width) and 0 <= counts.sum() <= 400_000 + steps * paths


def test_between_nodes_positions_are_linear() -> None:
    paths = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    assert np.array_equal(at_position(paths, 0), paths[0])
    assert np.array_equal(at_position(paths, 2), paths[2])
    assert np.allclose(at_position(paths, 1.5), (paths[1] + paths[2]) / 2)
    assert np.array_equal(at_position(paths[:1], 0.0), paths[0])


@pytest.mark.parametrize("position", [0.0, 3.7, 16.0])
def test_a_trail_ends_at_the_cursor_and_comes_from_where_the_process_came(position: float) -> None:
    paths = np.linspace(0, 16, 17, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    for forward in (True, False):
        trail = trailing_part(paths, position, forward)
        assert np.allclose(trail[-1], position, atol=1e-5)
        behind = max(0.0, position - 2) if forward else min(16.0, position + 2)
        assert np.allclose(trail[0], behind, atol=1e-5) and 2 <= len(trail) <= 5


def test_device_coordinates() -> None:
    transform = QTransform(2, 0, 0, -3, 10, 20)
    assert np.allclose(to_device(np.array([[1, 1], [1e30, -1e30]], np.float32), transform), [[12, 17], [1e5, 1e5]])


def test_limits_grow_at_once_and_shrink_slowly() -> None:
    first = next_limits(None, np.array([0.1, 1.0]))
    assert first[0] == 0 and first[1] == pytest.approx(1.12)
    assert next_limits(first, np.array([2.0]))[1] == pytest.approx(2.24)
    after = next_limits(first, np.array([0.5]))
    assert 1.0 < after[1] < first[1]
    limits = first
    for _ in range(100):
        limits = next_limits(limits, np.array([-0.5, 0.0]))
        assert limits[0] < -0.5
    assert limits[1] == pytest.approx(0.06, abs=0.01)


def test_limits_of_a_run_that_diverged_are_left_at_once() -> None:
    far = next_limits(None, np.array([-4.0, 1e8]))
    assert next_limits(far, np.array([-0.5, 1.0])) == next_limits(None, np.array([-0.5, 1.0]))
    assert next_limits(far, np.array([3e7]))[1] > 9e7


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_limits_hold_every_value_and_zero(values: list[float]) -> None:
    low, high = next_limits(next_limits(None, np.array([0.3])), np.array(values))
    assert low <= min(values) and high >= max(values) and low <= 0 <= high and low < high


def test_a_ramp_begins_and_ends_at_its_stops() -> None:
    ramp = colour_ramp(("#000000", "#808080", "#ffffff"), 5)
    assert ramp == ("#000000", "#404040", "#808080", "#c0c0c0", "#ffffff")


def test_words() -> None:
    assert nats(-0.5) == "−0.500" and nats(2) == "+2.000" and nats(-0.0002) == "0.000"
    t = np.array([0.001, 0.02, 0.05], np.float32)
    assert time_note(t, 1.0) == ("t = 0.0200    i = 1 of 2", "i = 1")
    assert time_note(np.array([0, 30.0], np.float32), 0.5) == ("t = 15.0    i = 0 of 1", "i = 0")
    assert half_range(np.zeros(10, np.float32)) == pytest.approx(3.3)
    assert half_range(np.array([np.nan, 100.0], np.float32)) >= 100


def test_the_range_does_not_follow_small_changes_of_the_data() -> None:
    data = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 3
    assert half_range(data) == half_range(data * 1.01) > 3.3


def test_the_range_holds_the_end_of_a_trunk_and_leaves_out_single_far_points() -> None:
    data = open_dataset("tree").fresh(2000, 0).numpy()
    assert np.abs(data).max() < half_range(data) < 1.25 * np.abs(data).max()
    data[0] = 100.0
    assert half_range(data) < 6


def test_lost_paths_are_counted_also_when_a_sum_overflows() -> None:
    paths = np.zeros((3, 4, 2), np.float32)
    assert lost_paths(paths) == 0
    paths[1, 2, 0] = paths[2, 3, 1] = 3e38
    assert lost_paths(paths) == 0
    paths[0, 1, 0], paths[2, 1, 1], paths[2, 0, 0] = np.nan, np.inf, -np.inf
    assert lost_paths(paths) == 2
    assert lost_words(0, 9) == () and lost_words(2, 1000)[0] == "2 of 1,000 paths left the finite numbers"
    assert lost_words(2, 9, "images")[1:] == ("2 of 9 images lost", "2 lost")


def test_points_far_out_of_the_picture_are_counted() -> None:
    points = np.zeros((200, 2), np.float32)
    points[:2, 1] = -4.1
    assert far_points(points, 3.3) == ()
    points[2, 0] = np.nan
    assert far_points(points, 3.3) == ("3 of 200 points beyond ±4", "3 beyond ±4", "3 far")
    assert far_points(points, 5.0) == () == far_points(points[:0], 3.3)
