"""The table of outliers, its texts and the two pictures, of outliers made by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.outliers import NEVER, OutlierRows, Outliers
from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.outliers.list import OutlierList, counted, definition, none_of, numbers, origins
from dnf_studio.gui.features.outliers.plot import LatentsPlot, WrongStepsPlot
from tests.gui.scenes import pixels, share_near


def outliers(dim: int = 2, known: bool = True, none: bool = False) -> Outliers:
    """Six of 2,000 at N = 10: one not finite, one beyond ±4, one on the way, three off the support."""
    random = np.random.default_rng(0)
    end, latent = (random.standard_normal((6, dim)).astype(np.float32) for _ in range(2))
    end[0], end[1, 0] = np.nan, 5
    flags = np.eye(4, 6, dtype=np.bool_)
    flags[3, 3:] = True
    rows = OutlierRows(
        np.array([3, 20, 100, 101, 900, 1999]),
        *flags,
        end,
        latent,
        np.array([np.inf, 3.0, 0.01, 0.05, 0.04, 0.03]),
        np.array([7, 7, 5, 0, 10, NEVER]),
        np.array([np.inf, 30.0, 9.0, 1.0, 2.0, 3.0]),
        np.array([7, 7, 6, 0, 1, 2]),
    )
    if none:
        rows = OutlierRows(**{name: value[:0] for name, value in vars(rows).items()})
    return Outliers(2000, 2000, 10, rows, known, 0.02 if known else 0.1364, 10_000, 0.0012, 0.001)


@pytest.fixture
def table(qtbot: QtBot) -> OutlierList:
    made = OutlierList()
    qtbot.addWidget(made)
    made.resize(420, 300)
    made.set_outliers(outliers())
    with qtbot.waitExposed(made):
        made.show()
    return made


def column(table: OutlierList, k: int) -> list[str]:
    return [str(table.model.index(row, k).data()) for row in range(table.model.rowCount())]


def test_the_table_says_what_is_wrong_and_where(table: OutlierList) -> None:
    assert column(table, 0) == ["3", "20", "100", "101", "900", "1,999"]
    assert column(table, 1) == ["not finite", "beyond ±4", "±4 on the way", *["off support"] * 3]
    assert column(table, 2) == ["8 → 7", "8 → 7", "6 → 5", "1 → 0", "latent", "none"]
    assert column(table, 3)[0] == "∞" and column(table, 5)[:2] == ["∞", "30.0"] and column(table, 7)[1] == "5.000"
    assert [str(table.model.headerData(k, Qt.Orientation.Horizontal)) for k in (7, 8, 9, 10)] == [
        "x₁",
        "x₂",
        "z₁",
        "z₂",
    ]


def test_a_click_on_a_head_sorts_by_value_and_keeps_what_is_chosen(table: OutlierList) -> None:
    told: list[list[int]] = []
    table.chosen.connect(told.append)
    table.choose(4)
    assert told == [[4]]
    header = table.table.horizontalHeader()
    place = header.sectionViewportPosition(3) + header.sectionSize(3) // 2
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPointF(place, header.height() / 2).toPoint())
    assert column(table, 3) == ["0.010", "0.030", "0.040", "0.050", "3.000", "∞"]
    assert [index.row() for index in table.table.selectionModel().selectedRows()] == [2]
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPointF(place, header.height() / 2).toPoint())
    assert column(table, 3)[0] == "∞"
    cell = table.table.visualRect(table.model.index(1, 0)).center()
    QTest.mouseClick(table.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert told[-1] == [1]


def test_several_rows_are_chosen_the_current_one_last(table: OutlierList) -> None:
    told: list[list[int]] = []
    table.chosen.connect(told.append)
    for row, key in ((4, Qt.KeyboardModifier.NoModifier), (1, Qt.KeyboardModifier.ControlModifier)):
        cell = table.table.visualRect(table.model.index(row, 0)).center()
        QTest.mouseClick(table.table.viewport(), Qt.MouseButton.LeftButton, key, cell)
    assert told == [[4], [4, 1]]


def test_the_same_outliers_leave_the_table_alone(table: OutlierList) -> None:
    found = outliers()
    table.set_outliers(found)
    table.choose(2)
    table.set_outliers(found)
    assert table.table.selectionModel().hasSelection()
    table.set_outliers(outliers())
    assert not table.table.selectionModel().hasSelection()


def test_copy_and_csv(table: OutlierList, tmp_path: Path) -> None:
    table.choose(1)
    table.table.setFocus()
    QTest.keyClick(table.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    head, row = QGuiApplication.clipboard().text().splitlines()
    assert head.split("\t")[:4] == ["number", "why", "step", "distance"]
    assert row.split("\t")[:3] == ["20", "beyond ±4", "8 → 7"]
    table.copy_button.click()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 7
    table.save(tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    expected = outliers().rows
    assert [int(row["number"]) for row in rows] == expected.number.tolist()
    assert float(rows[0]["x1"]) != float(rows[0]["x1"]) and rows[4]["step"] == "latent"
    for name, values in (("z2", expected.latent[:, 1]), ("latent_radius", expected.radius), ("x2", expected.end[:, 1])):
        assert np.array([float(row[name]) for row in rows]) == pytest.approx(values, rel=1e-6, nan_ok=True)
    with pytest.raises(ExportError, match="no folder"):
        table.save(tmp_path / "missing" / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_button_saves_where_a_person_says(
    table: OutlierList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Exception] = []
    table.failed.connect(told.append)
    for answer in ("", str(tmp_path / "mine"), str(tmp_path / "no" / "mine.csv")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, answer=answer: (answer, ""))
        table.save_button.click()
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == table.model.as_text(separator=",")
    assert len(told) == 1 and "there is no folder" in str(told[0])


def test_a_file_has_every_component_and_the_table_eight(table: OutlierList) -> None:
    table.set_outliers(outliers(dim=20))
    assert table.model.columnCount() == 7 + 16
    assert len(table.model.as_text().splitlines()[0].split("\t")) == 7 + 40
    table.set_outliers(None)
    assert table.model.rowCount() == table.model.columnCount() == 0


def test_the_sentences() -> None:
    found = outliers()
    assert numbers(found) == "Exploded: 3 of 2,000: 0.15% (0.05–0.44%)\nOff the support: 3 of 2,000: 0.15% (0.05–0.44%)"
    assert counted(0, 20_000) == "0 of 20,000: 0.000% (0.000–0.019%)"
    assert "0.02 from the data’s support" in definition(found) and "0.12% beyond ±4, 0.10% off" in definition(found)
    assert "0.136 from the nearest of 10,000 points" in definition(outliers(known=False))
    assert origins(found) == (
        "1 of 6 left what the forward process visits only in the last step; 1 began where it does not go; "
        "1 are where it goes too."
    )
    nothing = outliers(none=True)
    assert origins(nothing) == ""
    assert none_of(nothing, "samples").startswith("None of 2,000 samples exploded") and "0.192%" in none_of(
        nothing, "s"
    )


def test_a_bar_a_step_and_one_for_the_latents(qtbot: QtBot) -> None:
    plot, asked = WrongStepsPlot(), []
    qtbot.addWidget(plot)
    plot.resize(300, 240)
    plot.show()
    plot.step_clicked.connect(asked.append)
    plot.clicked_at(3, 1)
    assert not asked
    plot.set_outliers(outliers())
    assert plot.values.tolist() == [1, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1]
    plot.set_cursor(7.4)
    assert plot.note.text() == "8 → 7: 2"
    plot.set_cursor(10)
    assert plot.note.text() == "latent: 1"
    for x in (7.5, -2, 11.5, 40):
        plot.clicked_at(x, 1)
    assert asked == [7, 0, 10, 10]
    plot.set_theme(DARK)
    assert share_near(pixels(plot), DARK.backward, 20) > 0.01
    plot.set_outliers(None)
    assert not len(plot.values)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_a_click_on_a_latent_chooses_it(qtbot: QtBot, dim: int) -> None:
    plot, told = LatentsPlot(), []
    qtbot.addWidget(plot)
    plot.resize(300, 300)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.picked.connect(told.append)
    assert not plot.pick(QPointF(100, 100), False)
    found = outliers(dim)
    paths = np.random.default_rng(1).standard_normal((2, 300, dim)).astype(np.float32)
    plot.set_outliers(found, paths[0], paths[1], (0, 4))
    rows = found.rows
    other = rows.end[4, 0] if dim == 1 else rows.latent[4, dim - 1]
    at = plot.box.mapViewToScene(QPointF(float(rows.latent[4, 0]), float(other)))
    assert plot.pick(at, False) and told == [4]
    plot.set_current(4)
    label = plot.plot.getAxis("left").labelText
    assert label == {1: "x₁ at t₀", 2: "z₂", 5: "z₅"}[dim]
    plot.set_outliers(outliers(dim, none=True), paths[0], paths[1], (0, 4))
    assert not plot.pick(at, False)
