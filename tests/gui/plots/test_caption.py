"""Captions say whole sentences, as many as there is room for."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from dnf_studio.gui.plots.caption import Caption

FIRST, SECOND = "Points of the data, carried to noise.", "Click a point to follow it."


def test_a_sentence_without_room_is_left_out_and_the_first_is_cut(qtbot: QtBot) -> None:
    caption = Caption(f"{FIRST} {SECOND}")
    qtbot.addWidget(caption)
    caption.show()
    said = []
    for width in range(900, 60, -1):
        caption.resize(width, 20)
        if not said or caption.text() != said[-1]:
            said.append(caption.text())
    assert said[:2] == [f"{FIRST} {SECOND}", FIRST]
    assert len(said) > 10 and all(FIRST.startswith(text.removesuffix("…").rstrip()) for text in said[2:])
    assert caption.toolTip() == caption.accessibleName() == f"{FIRST} {SECOND}"
