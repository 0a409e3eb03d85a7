"""The time cursor: where it goes, and how it plays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.gui.workspace.cursor import REST_SECONDS, SWEEP_SECONDS, TimeCursor


def cursor_of(steps: int) -> TimeCursor:
    cursor = TimeCursor()
    cursor.set_steps(steps)
    return cursor


@given(st.integers(1, 500), st.floats(-1e6, 1e6))
def test_it_stays_between_data_and_noise(steps: int, position: float) -> None:
    cursor = cursor_of(steps)
    cursor.go(position)
    assert 0 <= cursor.position <= steps
    assert cursor.position == pytest.approx(min(steps, max(0.0, position)))


@given(st.integers(1, 200), st.floats(0, 1))
def test_steps_land_on_whole_nodes_beside_it(steps: int, fraction: float) -> None:
    for count in (-1, 1):
        cursor = cursor_of(steps)
        cursor.go(fraction * steps)
        before = cursor.position
        cursor.step(count)
        assert cursor.position == pytest.approx(round(cursor.position), abs=1e-6)
        moved = (cursor.position - before) * count
        assert 0 <= moved <= 1 + 1e-6
        if 1e-3 < before < steps - 1e-3:
            assert moved > 0


def test_the_fraction_stays_when_n_changes() -> None:
    cursor = cursor_of(30)
    cursor.go(15)
    seen: list[float] = []
    cursor.moved.connect(seen.append)
    cursor.set_steps(10)
    assert cursor.position == pytest.approx(5)
    assert seen == [pytest.approx(5)]


def test_it_plays_to_the_noise_rests_and_comes_back() -> None:
    cursor = cursor_of(10)
    cursor.set_playing(True)
    cursor.advance(SWEEP_SECONDS / 2)
    assert cursor.fraction == pytest.approx(0.5)
    cursor.advance(SWEEP_SECONDS)
    assert cursor.fraction == 1
    cursor.advance(REST_SECONDS)
    assert cursor.fraction == 1
    cursor.advance(SWEEP_SECONDS / 4)
    assert cursor.fraction == pytest.approx(0.75)
    assert cursor.playing


def test_without_loop_it_stops_at_the_noise_and_begins_again() -> None:
    cursor = cursor_of(10)
    cursor.set_loop(False)
    cursor.set_playing(True)
    cursor.advance(2 * SWEEP_SECONDS)
    assert (cursor.fraction, cursor.playing) == (1, False)
    cursor.set_playing(True)
    assert (cursor.fraction, cursor.playing) == (0, True)


def test_held_it_does_not_move_and_tells_nothing() -> None:
    cursor = cursor_of(10)
    seen: list[float] = []
    cursor.moved.connect(seen.append)
    cursor.advance(1)
    cursor.go(0)
    assert seen == []


def test_stepping_and_jumping_hold_it() -> None:
    for act in (lambda c: c.step(1), lambda c: c.jump(4)):
        cursor = cursor_of(10)
        cursor.set_playing(True)
        act(cursor)
        assert not cursor.playing


@given(st.integers(1, 10_000), st.integers(0, 10_000))
def test_the_node_is_the_whole_step_the_cursor_went_to(steps: int, node: int) -> None:
    cursor = cursor_of(steps)
    cursor.go(node)
    assert cursor.node == min(node, steps)
    cursor.go(min(node, steps) + 0.5)
    assert cursor.node == min(node, steps)
