"""The cursor that goes through training: its places, its now, and what a run that goes on does to it."""

from __future__ import annotations

from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.core.training.record import Mark
from dnf_studio.gui.workspace.training_cursor import TrainingCursor


def a_cursor(iterations: list[int], now: int) -> tuple[TrainingCursor, list[int | None]]:
    cursor, moves = TrainingCursor(), list[int | None]()
    cursor.moved.connect(lambda kept: moves.append(None if kept is None else kept.iteration))
    cursor.set_kept([KeptWeights(i, 1) for i in iterations], now)
    return cursor, moves


def test_it_goes_to_the_nearest_and_beyond_the_last_to_now() -> None:
    cursor, moves = a_cursor([0, 4, 9, 16], 20)
    for iteration in (5, 7, 19, 20, None, 0, 500):
        cursor.go_to(iteration)
    assert moves == [4, 9, 16, None, 0, None]
    cursor.step(-1)
    assert cursor.iteration == 16 and cursor.words == "iteration 16 of 20"
    cursor.step(1)
    assert cursor.iteration is None and cursor.words == ""


def test_a_run_that_goes_on_moves_nothing_but_now() -> None:
    cursor, moves = a_cursor([0, 1, 2, 3, 4], 4)
    cursor.go_to(3)
    kept = cursor.kept
    cursor.set_kept([kept[0], kept[2], kept[4], KeptWeights(8, 1)], 9, [Mark(6, "sde.steps", 4, 9)])
    assert moves == [3] and cursor.iteration == 3 and cursor.now == 9 and cursor.marks[0].iteration == 6
    # Thinned out, it stands between those that are left
    assert cursor.place == 2
    cursor.step(1)
    assert cursor.iteration == 4
    cursor.go_to(3)
    cursor.step(-1)
    assert cursor.iteration == 0


def test_a_run_that_goes_back_behind_it_brings_now_back() -> None:
    cursor, moves = a_cursor([0, 4, 9], 10)
    cursor.go_to(8)
    cursor.set_kept(cursor.kept[:2], 5)
    assert moves == [9, None]


def test_it_plays_from_the_first_to_now_and_stops() -> None:
    cursor, moves = a_cursor([0, 4, 9], 9)
    playing = []
    cursor.playing_changed.connect(playing.append)
    cursor.set_playing(True)
    for _ in range(5):
        cursor.advance()
    assert moves == [0, 4, 9, None] and playing == [True, False]
    empty = TrainingCursor()
    empty.set_playing(True)
    assert not empty.playing and not empty.usable
