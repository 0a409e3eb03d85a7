"""Captions say whole sentences, as many as there is room for."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.caption import Caption, Note, Title
from dnf_studio.gui.features.loss.plot import LossPlot

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
    # Of a sentence without room whole phrases are left, of the first phrase whole words
    assert said[2] == "Points of the data."
    cut = ["Points of the…", "Points of…", "Points…"]
    assert len(said) > 3 and said[3:] == cut[: len(said) - 3]
    assert caption.toolTip() == caption.accessibleName() == f"{FIRST} {SECOND}"
    caption.set_meaning("All is well.")
    assert caption.toolTip() == f"All is well. {FIRST} {SECOND}"
    caption.set_whole(FIRST)
    assert caption.toolTip() == f"All is well. {FIRST}"
    caption.set_meaning("")
    assert caption.toolTip() == caption.accessibleName() == FIRST


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Paths over steps", "Paths"),
        ("Disagreement by step", "Disagreement"),
        ("Loss: bound on the NLL", "Loss"),
        ("Forward: data → noise", "Forward"),
        ("Marginals", "Marginals"),
    ],
)
def test_a_title_without_room_says_its_subject_and_its_tooltip_the_whole(
    qtbot: QtBot, title: str, subject: str
) -> None:
    made = Title()
    qtbot.addWidget(made)
    made.show_title(title, "● ", "What is seen.")
    made.show()
    said: list[str] = []
    least = made.sizeHint().width() - (5 if title != subject else 0)
    for width in range(400, least - 1, -1):
        made.resize(width, 20)
        text = re.sub("<.*?>", "", made.text()).removeprefix("● ")
        if not said or text != said[-1]:
            said.append(text)
        assert made.toolTip() == ("What is seen." if text == title else f"{title}. What is seen.")
    assert said == list(dict.fromkeys([title, subject]))


def test_a_narrow_card_keeps_the_subject_of_its_title(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.show()
    plot.resize(160, 200)
    assert plot.title.text() == "<b>Loss</b>"
    plot.resize(500, 200)
    assert plot.title.text() == "<b>Loss: bound on the NLL</b>"


def test_another_text_asks_for_no_layout(qtbot: QtBot) -> None:
    """The whole window would be laid out again with every move of the time cursor."""
    window = QWidget()
    qtbot.addWidget(window)
    row, asked = QHBoxLayout(window), list[QEvent.Type]()
    note, plain = Note(), QLabel("3")
    row.addWidget(note, 1)
    row.addWidget(plain)
    window.resize(400, 60)
    with qtbot.waitExposed(window):
        window.show()

    class Watch(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            asked.append(event.type())
            return False

    watch = Watch()
    window.installEventFilter(watch)
    for label, layouts in ((note, 0), (plain, 1)):
        QApplication.sendPostedEvents()
        asked.clear()
        if isinstance(label, Note):
            label.say(("t = 0.02    i = 4 of 10", "i = 4 of 10"))
            assert note.text() == "t = 0.02    i = 4 of 10" and not note.toolTip()
        else:
            label.setText("4")
        QApplication.sendPostedEvents()
        assert asked.count(QEvent.Type.LayoutRequest) == layouts
    note.resize(note.fontMetrics().horizontalAdvance("i = 4 of 10") + 4, note.height())
    assert note.text() == "i = 4 of 10" and note.toolTip() == "t = 0.02    i = 4 of 10"
