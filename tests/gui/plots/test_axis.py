"""Our axis is pyqtgraph's, without the work of writing the same label again."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.plots.axis import Axis, axes

CHANGES: tuple[Callable[[pg.AxisItem], object], ...] = (
    lambda axis: axis.setLabel("Δt"),
    lambda axis: axis.setTextPen(pg.mkPen("#123456")),
    lambda axis: axis.setRange(-3, 8),
    lambda axis: axis.setLabel(None),
    lambda axis: axis.setTextPen(pg.mkPen("#654321")),
    lambda axis: axis.setLabel("validation, nats"),
    lambda axis: axis.setRange(0, 2e-5),
    lambda axis: axis.enableAutoSIPrefix(False),
    lambda axis: axis.setLabel("g", units="V"),
    lambda axis: axis.setLabel("validation, nats"),
)


@pytest.mark.parametrize("side", ["left", "bottom"])
def test_labels_and_sizes_are_those_of_pyqtgraph(side: str, qtbot: QtBot) -> None:
    own, plain = Axis(side), pg.AxisItem(side)
    for change in CHANGES:
        for axis in (own, plain):
            change(axis)
        assert own.label.isVisible() == plain.label.isVisible()
        assert (own.maximumWidth(), own.maximumHeight()) == (plain.maximumWidth(), plain.maximumHeight())
        if plain.label.isVisible():
            assert own.label.toHtml() == plain.label.toHtml()


def test_the_same_label_is_laid_out_once(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    laid_out: list[Axis] = []
    monkeypatch.setattr(pg.AxisItem, "_updateLabel", lambda axis: laid_out.append(axis))
    made = axes()
    assert list(made) == ["left", "bottom", "top", "right"] and laid_out == []
    made["left"].setLabel("g")
    for _ in range(3):
        made["left"].setRange(0, 2)
        made["left"].setLabel("g")
    assert laid_out == [made["left"]]
