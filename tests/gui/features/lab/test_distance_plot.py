"""Distances with their errors: where they are drawn, what is hollow and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.core.exploration.variants import Variant
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.gui.drawing.distances import Cost, in_brackets, told
from dnf_studio.gui.features.lab.quality_plot import QualityPlot
from dnf_studio.gui.workspace.curves import KeptCurve

APART = Distance.of([0.0102, 0.0100, 0.0098], 0.02)
NOT = Distance.of([-0.0004, 0.0001, 0.0], 0.02)
UNKNOWN = Distance.of([0.01], 0.02)


def row(steps: int, found: Distance | None, outside: float | None = 0.02) -> Variant:
    return Variant(
        SampleSettings(steps), np.zeros((3, 2), np.float32), found, None, outside, 2 * steps, 2_000_000 * steps
    )


@pytest.fixture
def plot(qtbot: QtBot) -> QualityPlot:
    made = QualityPlot()
    qtbot.addWidget(made)
    made.resize(900, 300)
    return made


def test_what_is_not_told_apart_stays_where_it_is_under_the_dashed_line_and_hollow(plot: QualityPlot) -> None:
    assert NOT.value < 0 and NOT.resolution is not None
    plot.show_rows([row(5, APART), row(10, NOT), row(20, None)], 1)
    x, y = plot._data.getData()
    np.testing.assert_allclose(x, np.log10([5, 10]))
    np.testing.assert_allclose(y, [0.1, NOT.value])
    assert plot._data.apart == [True, False]
    full, hollow = plot._data._line.opts["symbolBrush"]
    assert full.color().name() == plot.theme.backward and hollow.color().name() == plot.theme.base
    dashed = plot._floor.getData()[1]
    assert dashed[1] == APART.resolution and dashed[2] == NOT.resolution > NOT.value
    (left, right), (bottom, top) = plot.box.viewRange()
    assert left < x[0] and x[1] < right
    assert NOT.low is not None and bottom < NOT.low and APART.high is not None and top > APART.high
    words = f"N = 10: SWD −{-NOT.value:.3f} ± {NOT.error:.3f}, unresolved, 2.0% outside"
    assert plot.note.texts[0] == words
    plot.show_rows([row(5, APART), row(10, NOT)], 0)
    assert plot.note.texts[0] == f"N = 5: SWD 0.100 ± {APART.error:.3f}, told apart from the data, 2.0% outside"


def test_kept_curves_keep_their_errors_and_make_room_for_them(plot: QualityPlot) -> None:
    wide = Distance.of([0.3, -0.2, 0.5], 0.02)
    rows = (Cost(5, 10, 40_000_000), NOT), (Cost(10, 20, 80_000_000), wide)
    plot.show_kept([KeptCurve("other", None, rows)], "evaluations")
    plot.show_rows([row(5, APART)], None)
    assert plot._lines[0].apart == [False, False]
    np.testing.assert_allclose(plot._lines[0].getData()[0], np.log10([10, 20]))
    bottom, top = plot.box.viewRange()[1]
    assert wide.low is not None and wide.high is not None and bottom < wide.low < 0 and top > wide.high
    plot.show_kept([KeptCurve("other", None, rows)], "multiply_adds")
    plot.show_rows([row(5, APART)], None)
    np.testing.assert_allclose(plot._lines[0].getData()[0], np.log10([40_000_000, 80_000_000]))
    np.testing.assert_allclose(plot._data.getData()[0], np.log10([10_000_000]))
    axis = plot.plot.getAxis("bottom")
    assert [text for _, text in axis._tickLevels[0]] == ["10 M", "40 M", "80 M"]
    assert axis.labelText == "multiply-adds a sample"
    plot.show_rows([], None)
    assert plot._data.getData()[0] is None


def test_distances_in_words() -> None:
    assert in_brackets(APART).startswith("0.100 ± 0.00") and in_brackets(None) == "–"
    assert in_brackets(NOT).startswith("(−0.010 ± ") and in_brackets(NOT).endswith(")")
    assert in_brackets(UNKNOWN) == "0.100" and told(UNKNOWN) == "SWD 0.100, error unknown"
    near = Distance.of([1.4e-5, 1.3e-5, 1.2e-5], 0.02)
    assert near.told_apart and told(near).endswith(", equal to the data")
    assert told(APART).endswith(", told apart from the data") and told(NOT).endswith(", unresolved")
