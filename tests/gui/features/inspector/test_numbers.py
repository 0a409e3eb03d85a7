"""Rows and columns of a path."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.inspect import PointTable
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.inspector.numbers import point_columns
from dnf_studio.gui.widgets.table import DASH, TableModel
from tests.gui.tables import table_of

NAMES = ["i", "t", "x₁", "x₂", "f₁", "f₂", "g²s₁", "g²s₂", "δF₁", "δF₂", "δB₁", "δB₂", "to the bound", "log-ratio"]


def show(model: TableModel, table: PointTable | None, log_ratios: NDArray[np.float32] | None = None) -> None:
    model.set_columns([] if table is None else point_columns(table, log_ratios))


def names(model: TableModel) -> list[str]:
    return [model.headerData(k, Qt.Orientation.Horizontal) for k in range(model.columnCount())]


def text(model: TableModel, row: int, column: int) -> str:
    return str(model.index(row, column).data())


def test_columns_and_what_a_step_lacks_at_the_end() -> None:
    model, table = TableModel(), table_of(steps=10)
    show(model, table)
    assert names(model) == NAMES and model.rowCount() == 11
    assert text(model, 4, 0) == "4"
    assert float(text(model, 4, 2).replace("−", "-")) == pytest.approx(table.x[4, 0], abs=1e-4)
    assert [text(model, 10, k) == DASH for k in range(14)] == [False] * 8 + [True] * 6
    assert text(model, 4, 13) == DASH and model.columns[13].widest() == (DASH,), "not known yet"
    show(model, table, np.linspace(-1, 1, 10, dtype=np.float32))
    assert float(text(model, 9, 13)) == 1 and text(model, 10, 13) == DASH
    assert all(model.headerData(k, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for k in range(14))
    show(model, table_of(dim=1))
    assert names(model) == ["i", "t", "x", "f", "g²s", "δF", "δB", "to the bound", "log-ratio"]


def test_qt_finds_nothing_wrong_with_it(qtbot: QtBot) -> None:
    model = TableModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    for table in (table_of(), table_of(seed=1), table_of(steps=3), table_of(dim=4), None, table_of()):
        show(model, table)
        model.set_current(2)
    assert tester.model() is model


def test_new_numbers_of_the_same_shape_do_not_reset(qtbot: QtBot) -> None:
    model = TableModel()
    show(model, table_of())
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged):
        show(model, table_of(seed=1))
    assert float(text(model, 0, 12).replace("−", "-")) == pytest.approx(table_of(seed=1).contributions[0], abs=1e-4)
    with qtbot.waitSignal(model.modelReset):
        show(model, table_of(steps=3))


def test_text_for_other_programs_is_exact_and_plain() -> None:
    model, table = TableModel(), table_of(steps=2, dim=1)
    show(model, table)
    lines = [line.split("\t") for line in model.as_text().splitlines()]
    assert lines[0] == names(model) and len(lines) == 4
    numbers = np.array([[float(cell or "nan") for cell in line] for line in lines[1:]])
    np.testing.assert_allclose(numbers[:, 2], table.x[:, 0], rtol=1e-8)
    np.testing.assert_allclose(numbers[:2, 7], table.contributions, rtol=1e-8)
    assert np.isnan(numbers[2, 5:]).all() and "−" not in model.as_text()
    assert model.as_text([1]).splitlines() == ["\t".join(lines[0]), "\t".join(lines[2])]


def test_the_row_of_the_cursor_has_a_band(qtbot: QtBot) -> None:
    model, band = TableModel(), Qt.ItemDataRole.BackgroundRole
    model.set_theme(DARK)
    show(model, table_of())
    with qtbot.waitSignal(model.dataChanged):
        model.set_current(3)
    assert isinstance(model.index(3, 1).data(band), QColor) and model.index(2, 1).data(band) is None
    with qtbot.assertNotEmitted(model.dataChanged):
        model.set_current(3)
        show(model, None)
        model.set_current(5)


def test_numbers_that_are_lost_are_written_as_they_are() -> None:
    model, table = TableModel(), table_of()
    show(model, dataclasses.replace(table, x=np.full_like(table.x, np.nan), drift=np.full_like(table.x, np.inf)))
    assert text(model, 0, 2) == "nan" and text(model, 0, 4) == "inf" and model.columns[2].widest()


@pytest.mark.parametrize(("size", "shown"), [(1e-7, 9), (0.004, 6), (0.5, 5), (3.0, 4), (123456.0, 0)])
def test_decimals_fit_the_largest_number(size: float, shown: int) -> None:
    model, table = TableModel(), table_of(dim=1)
    show(model, dataclasses.replace(table, drift=np.full_like(table.drift, size)))
    assert len(text(model, 0, 3).partition(".")[2]) == shown


def test_components_in_units_of_their_own_and_short_first_steps_are_told_apart() -> None:
    """As of a table with a column in millionths beside one in millions, on the grid of a diffusion model."""
    scale, t = np.array([1e-6, 1e6]), np.linspace(1e-5**0.5, 1, 11) ** 2
    model, table = TableModel(), dataclasses.replace(table_of(), t=t)
    show(model, dataclasses.replace(table, x=table.x * scale))
    for k in range(2):
        shown = np.array([float(text(model, row, 2 + k).replace("−", "-")) for row in range(11)])
        np.testing.assert_allclose(shown, table.x[:, k] * scale[k], atol=0.006 * scale[k])
    show(model, dataclasses.replace(table, t=np.linspace(1e-5**0.5, 1, 101)[:11] ** 2 + np.array([0] * 10 + [0.9])))
    assert len({text(model, row, 1) for row in range(11)}) == 11
