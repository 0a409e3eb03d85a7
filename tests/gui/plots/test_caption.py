"""Captions say whole sentences, as many as there is room for."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from dnf_studio.gui.plots.caption import Caption

FIRST, SECOND = "Points of the data, carried to noise.", "Click a point to follow it."


def test_a_sentence_without_room_is_left_out_and_the_first_is_cut(qtbot: QtBot) -> None:
    caption = Caption(f"{FIRST} {SECOND}")
    qtbot.addWidget(caption)
    caption.show()
    margins = caption.contentsMargins().left() + caption.contentsMargins().right()

    def said(text: str, more: int) -> str:
        caption.resize(QFontMetrics(caption.font()).horizontalAdvance(text) + margins + more, 20)
        return caption.text()

    assert said(f"{FIRST} {SECOND}", 0) == f"{FIRST} {SECOND}"
    assert said(f"{FIRST} {SECOND}", -1) == FIRST
    assert said(FIRST, 0) == FIRST
    assert said(FIRST, -1).endswith("…")
    assert caption.toolTip() == caption.accessibleName() == f"{FIRST} {SECOND}"
