"""The numbers behind plots as CSV: they read back as the very same."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.picture import WISHES
from dnf_studio.gui.drawing.telling import Numbers, column_name, in_units, long_table, write_numbers
from dnf_studio.gui.drawing.units import Units
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from tests.gui.features.loss.test_plot import reports
from tests.gui.scenes import frame_of


def rows_of(numbers: Numbers | None) -> tuple[list[str], list[list[str]]]:
    assert numbers is not None
    header, *rows = csv.reader(numbers.text().splitlines())
    return header, rows


def test_numbers_read_back_as_they_were(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    single, double = random.standard_normal(5).astype(np.float32), random.standard_normal(7) * 1e-9
    write_numbers(tmp_path / "a.csv", Numbers({"x [nats]": single, "y": double, "n": np.arange(3)}))
    header, *rows = csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["x [nats]", "y", "n"] and len(rows) == 7
    assert [np.float32(row[0]) for row in rows[:5]] == single.tolist() and rows[5][0] == ""
    assert [float(row[1]) for row in rows] == double.tolist()
    assert [row[2] for row in rows] == ["0", "1", "2", "", "", "", ""]


def test_names_and_units() -> None:
    assert column_name("x₁  girth [cm]") == "x₁ girth [cm]"
    assert column_name("x₂, standardised") == "x₂ [standardised]"
    places = np.array([0.1, 2], np.float32)
    assert in_units(places, (0.0, 1.0)) is places
    assert in_units(places, (10.0, 2.0)).tolist() == [10 + 2 * float(places[0]), 14.0]
    table = long_table([{"N": 5, "e": np.array([1.0, 2.0])}, {"N": 9, "e": np.array([3.0])}])
    assert table.text() == "N,e\n5,1.0\n5,2.0\n9,3.0\n"


def test_a_wrong_suffix_and_a_closed_folder(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"not as '\.xlsx'"):
        write_numbers(tmp_path / "a.xlsx", Numbers({}))
    with pytest.raises(ExportError, match="there is no folder"):
        write_numbers(tmp_path / "none" / "a.csv", Numbers({}))
    assert not [*tmp_path.iterdir()]


def test_points_of_a_view_in_the_units_that_are_shown(qtbot: QtBot) -> None:
    view, frame = ProcessView("backward"), frame_of(20, 10)
    qtbot.addWidget(view)
    assert view.numbers() is None
    view.set_frame(frame)
    view.set_cursor(3)
    header, rows = rows_of(view.numbers())
    assert header == ["point", "t", "x₁ [standardised]", "x₂ [standardised]"]
    assert [[np.float32(row[2]), np.float32(row[3])] for row in rows] == frame.backward[3].tolist()
    view.set_units(Units(("girth [cm]", ""), (10.0, 0.0), (2.0, 1.0)))
    header, rows = rows_of(view.numbers())
    assert header[2] == "x₁ girth [cm]"
    assert float(rows[0][2]) == 10 + 2 * float(frame.backward[3, 0, 0])
    # A path that is lost has no row
    frame.backward[3, 0] = np.nan
    view.set_frame(frame)
    assert rows_of(view.numbers())[1][0][0] == "1"


def test_paths_and_losses(qtbot: QtBot) -> None:
    time, loss, frame = TimeView(), LossPlot(), frame_of(4, 5)
    for plot in (time, loss):
        qtbot.addWidget(plot)
    time.set_frame(frame)
    header, rows = rows_of(time.numbers())
    assert header == ["direction", "path", "node", "t", "x₁ [standardised]"]
    assert len(rows) == 2 * 4 * 6 and rows[7][:3] == ["forward", "1", "1"]
    assert np.float32(rows[7][4]) == frame.forward[1, 1, 0]
    loss.append(reports([3.0, 2.5, 2.2]))
    header, rows = rows_of(loss.numbers())
    assert header == ["iteration", "loss [nats]", "smoothed [nats]"]
    assert [float(row[1]) for row in rows] == [3.0, 2.5, 2.2]


def test_the_menu_of_a_plot_saves_them(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = LossPlot()
    qtbot.addWidget(loss)
    with pytest.raises(ExportError, match="no numbers yet"):
        loss.pictures.save_numbers(tmp_path / "a.csv")
    loss.append(reports([3.0, 2.5]))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "loss"), ""))
    action = next(each for each in loss.pictures.menu.actions() if "CSV" in each.text())
    loss.pictures.menu.aboutToShow.emit()
    assert action.isVisible() and action.isEnabled()
    said: list[str] = []
    WISHES.said.connect(said.append)
    action.trigger()
    WISHES.said.disconnect(said.append)
    assert said == ["Saved the numbers as loss.csv."]
    assert (tmp_path / "loss.csv").read_text(encoding="utf-8").startswith("iteration,loss [nats]")
