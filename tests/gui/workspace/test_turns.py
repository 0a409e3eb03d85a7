"""Steps taken one a turn of the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from pytestqt.qtbot import QtBot

from dnf_studio.gui.workspace.turns import Turns


def test_other_steps_take_the_place_of_those_before_and_a_step_may_begin_them(qtbot: QtBot) -> None:
    turns, taken = Turns(), list[str]()

    def steps(name: str, others: Iterator[object] | None = None) -> Iterator[object]:
        for k in range(2):
            taken.append(f"{name}{k}")
            if others is not None:
                turns.go(others)
            yield k

    turns.go(steps("never"))
    turns.go(steps("a", steps("b")))
    assert turns.running and taken == []
    qtbot.waitUntil(lambda: not turns.running)
    assert taken == ["a0", "b0", "b1"]
    turns.go(steps("c"))
    turns.stop()
    qtbot.wait(20)
    assert not turns.running and taken == ["a0", "b0", "b1"]
