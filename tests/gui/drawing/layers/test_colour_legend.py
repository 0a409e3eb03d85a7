"""What stands beside the colours of classes, where names are long and where they are not."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont, QFontMetrics
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.colour_legend import DOT, GAP, LegendLayer

COLOURS = ("#123456",) * 4


@pytest.mark.parametrize(
    ("names", "room", "cut"),
    [((), 100, False), (("cat", "dog", "ox", "emu"), 300, False), (("a golden retriever",) * 4, 300, True)],
)
def test_long_names_are_cut_to_what_there_is_room_for(
    qtbot: QtBot, names: tuple[str, ...], room: float, cut: bool
) -> None:
    layer, metrics = LegendLayer(), QFontMetrics(QFont())
    layer.set_content("dot", "mode", COLOURS, names=names)
    shown = layer._numbers(metrics, room)
    assert len(shown) == 4 and all(word.endswith("…") for word in shown) == cut
    assert cut or shown == (names or ("1", "2", "3", "4"))
    assert sum(metrics.horizontalAdvance(word) + DOT + 2 * GAP for word in shown) <= room or not names


def test_where_there_is_hardly_any_room_nothing_is_cut_to_nothing(qtbot: QtBot) -> None:
    layer = LegendLayer()
    layer.set_content("dot", "mode", COLOURS, names=("a golden retriever",) * 4)
    assert layer._numbers(QFontMetrics(QFont()), 80) == ("a golden retriever",) * 4
