"""Choosing arrays and columns of a data file before it is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from dnf_studio.core.data.modes import modes_of
from dnf_studio.gui.application import WindowOptions, lifecycle
from dnf_studio.gui.features.data.column_table import HISTOGRAM, KIND, MISSING, NAME, PROBLEM, RANGE
from dnf_studio.gui.features.data.import_data import ImportDialog
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.files import DATA
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY

ROWS = np.random.default_rng(0).normal(size=(60, 4))
Choose = Callable[[Path], ImportDialog]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three good columns between one of text and a constant one."""
    path = tmp_path / "table.csv"
    lines = [f"{a},{b},cat,{c},7" for a, b, c, _ in ROWS.tolist()]
    path.write_text("\n".join(["x,y,kind,z,flat", *lines]))
    return path


@pytest.fixture
def pick(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Open a file through the menu."""

    def picked(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        window.commands["open"].trigger()

    return picked


@pytest.fixture
def choose(window: MainWindow, qtbot: QtBot, pick: Callable[[Path], None]) -> Choose:
    """Open a file through the menu and wait until the dialog offers its columns."""

    def chosen(path: Path) -> ImportDialog:
        pick(path)
        qtbot.waitUntil(lambda: any(d.ok.isEnabled() for d in window.findChildren(ImportDialog)), timeout=20_000)
        (dialog,) = window.findChildren(ImportDialog)
        assert dialog.isVisible() and dialog.isModal()
        return dialog

    return chosen


def tick(dialog: ImportDialog, row: int, qtbot: QtBot) -> None:
    """Click the tick of a column."""
    cell = dialog.table.visualItemRect(dialog.table.item(row, NAME))
    qtbot.mouseClick(
        dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell.left() + 10, cell.center().y())
    )


def accept(window: MainWindow, dialog: ImportDialog, qtbot: QtBot) -> str:
    """Press Open; the data that is shown then."""
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        dialog.ok.click()
    return window.session.state.config.data


def test_refused_columns_say_why_and_cannot_be_ticked(
    window: MainWindow, choose: Choose, table: Path, qtbot: QtBot
) -> None:
    dialog = choose(table)
    shown = [dialog.table.item(row, PROBLEM).text() for row in range(5)]
    assert shown == ["", "", "Holds the text 'cat' in line 2", "", "Is constant"]
    assert dialog.table.ticked() == (0, 1, 3)
    assert dialog.preview.text() == "60 rows × 3 columns: x, y, z."
    assert not dialog.picker.isVisible()
    tick(dialog, 2, qtbot)
    tick(dialog, 1, qtbot)
    assert dialog.table.ticked() == (0, 3) and dialog.preview.text() == "60 rows × 2 columns: x, z."
    assert accept(window, dialog, qtbot) == f"{table}::x,z"
    assert window.studio.current is not None and window.studio.current.shown.columns == ("x", "z")
    assert window.page("Data").data.currentText() == "table.csv::x,z"


def test_all_none_and_the_space_bar(choose: Choose, table: Path, qtbot: QtBot) -> None:
    dialog = choose(table)
    dialog.none.click()
    assert dialog.table.ticked() == () and not dialog.ok.isEnabled()
    assert dialog.preview.text() == "Tick at least one column."
    assert dialog.table.hasFocus() or dialog.focusWidget() is dialog.table
    qtbot.keyClick(dialog.table, Qt.Key.Key_Space)
    assert dialog.table.ticked() == (0,) and dialog.preview.text() == "60 rows × 1 column: x."
    dialog.all.click()
    assert dialog.table.ticked() == (0, 1, 3) and dialog.ok.isEnabled()


def test_the_histogram_is_drawn(choose: Choose, table: Path) -> None:
    dialog = choose(table)
    cell = dialog.table.visualItemRect(dialog.table.item(0, HISTOGRAM))
    image = dialog.table.viewport().grab(cell).toImage()
    accent = dialog.palette().highlight().color()
    found = sum(image.pixelColor(x, y) == accent for x in range(image.width()) for y in range(image.height()))
    assert 100 < found < image.width() * image.height() / 2


def test_arrays_of_a_file_are_offered(window: MainWindow, choose: Choose, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "runs.h5"
    with h5py.File(path, "w") as file:
        file["first"], file["group/second"], file["cube"] = ROWS[:9, :2], ROWS, np.zeros((2, 2, 2))
    dialog = choose(path)
    assert dialog.picker.isVisible() and dialog.array.currentData() == "group/second"
    assert dialog.array.currentText() == "group/second – 60 × 4, float64"
    cube = dialog.array.findData("cube")
    assert "has 3 dimensions" in dialog.array.itemText(cube)
    assert not dialog.array.model().flags(dialog.array.model().index(cube, 0)) & Qt.ItemFlag.ItemIsEnabled
    dialog.array.setCurrentIndex(dialog.array.findData("first"))
    dialog.array.activated.emit(dialog.array.currentIndex())
    assert not dialog.ok.isEnabled() and dialog.preview.text().startswith("Reading…")
    qtbot.waitUntil(dialog.ok.isEnabled, timeout=20_000)
    assert dialog.preview.text() == "9 rows × 2 columns: column 0, column 1."
    assert accept(window, dialog, qtbot) == f"{path}::first"


def test_cancel_opens_nothing(window: MainWindow, choose: Choose, table: Path, qtbot: QtBot) -> None:
    state = window.session.state
    dialog = choose(table)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(dialog), timeout=20_000)
    assert window.session.state is state and window.studio.current is None


def test_another_file_takes_the_place_of_the_first(
    window: MainWindow, choose: Choose, table: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    first = choose(table)
    np.save(tmp_path / "b.npy", ROWS)
    window.parts["data"].importer.choose(str(tmp_path / "b.npy"), lambda _source: None)
    qtbot.waitUntil(lambda: not isValid(first), timeout=20_000)
    qtbot.waitUntil(lambda: any(d.ok.isEnabled() for d in window.findChildren(ImportDialog)), timeout=20_000)
    (second,) = window.findChildren(ImportDialog)
    assert second.title.text() == "b.npy"


def test_a_table_of_very_many_columns_is_taken_whole(
    window: MainWindow, choose: Choose, tmp_path: Path, qtbot: QtBot
) -> None:
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).normal(size=(5, 2001)))
    dialog = choose(tmp_path / "wide.npy")
    assert dialog.preview.text() == "5 rows × 2,001 columns: too many to choose from here, so all are taken."
    assert not dialog.table.isEnabled()
    dialog.reject()


def write_column(path: Path, values: np.ndarray) -> None:
    """One column in a file of any kind."""
    match path.suffix:
        case ".csv":
            np.savetxt(path, values, header="x", comments="")
        case ".npy":
            np.save(path, values)
        case ".npz":
            np.savez(path, x=values)
        case ".parquet":
            pq.write_table(pa.table({"x": values.ravel()}), path)
        case _:
            with h5py.File(path, "w") as file:
                file["x"] = values


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz", ".h5", ".parquet"])
def test_one_column_opens_at_once_and_trains(
    window: MainWindow, pick: Callable[[Path], None], qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"one{suffix}"
    write_column(path, ROWS[:, :1])
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        pick(path)
    assert window.session.state.config.data == str(path)
    assert window.studio.current is not None and window.studio.current.shown.dim == 1
    assert not any(dialog.isVisible() for dialog in window.findChildren(ImportDialog) if isValid(dialog))
    qtbot.waitUntil(lambda: not window.views.above.isVisible() and window.plots["time"].isVisible(), timeout=20_000)
    window.session.apply({**TINY, "config.training.iterations": 3})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=30_000)
    assert window.studio.training.run is not None and window.studio.training.run.iteration == 3


@pytest.mark.parametrize("name", ["cut.npz", "cut.h5", "cut.parquet", "cut.csv", "cut.npy"])
def test_what_cannot_be_read_is_told_as_before(
    pick: Callable[[Path], None], errors_of: Callable[[], list[str]], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"\x00\xff")
    pick(tmp_path / name)
    (sentence,) = errors_of()
    assert name in sentence


def test_every_kind_is_offered() -> None:
    from dnf_studio.core.data.readers import SUFFIXES

    assert DATA.split() == [f"*{suffix}" for suffix in SUFFIXES]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two numbers of which one has gaps, a label, a class, a day and mostly nothing."""
    path = tmp_path / "people.csv"
    lines = ["age,fare,sex,class,day,cabin"]
    for i, (a, b, _, _) in enumerate(ROWS.tolist()):
        age, cabin = "NA" if i % 10 == 3 else a, 7 * i if i % 10 == 4 else ""
        lines.append(f"{age},{b},{('f', 'm')[i % 2]},{i % 3},2024-01-{1 + i % 30:02},{cabin}")
    path.write_text("\n".join(lines))
    return path


def pick_in(box: ChoiceBox, text: str) -> None:
    box.setCurrentIndex(box.findText(text))
    box.activated.emit(box.currentIndex())


def test_what_is_missing_and_what_is_a_label(window: MainWindow, choose: Choose, people: Path, qtbot: QtBot) -> None:
    dialog = choose(people)
    kinds = [dialog.table.item(row, KIND).text() for row in range(6)]
    assert kinds == ["number", "number", "text", "whole number", "date", "whole number"]
    assert dialog.table.item(4, RANGE).text() == "2024-01-01 … 2024-01-30"
    assert dialog.table.item(2, RANGE).text() == "2 different" and dialog.table.item(0, MISSING).text() == "6"
    # Most rows have no cabin, so the columns go first
    assert dialog.missing.currentText() == "Leave out their columns" and dialog.table.ticked() == (1, 3)
    assert dialog.table.item(0, PROBLEM).text() == "Has 6 values missing or not finite"
    pick_in(dialog.missing, "Leave out their rows")
    assert dialog.table.ticked() == (0, 1, 3, 5) and dialog.preview.text().startswith("6 of 60 rows × 4 columns")
    tick(dialog, 5, qtbot)
    assert dialog.preview.text() == "54 of 60 rows × 3 columns: age, fare, class. 6 rows with missing values left out."
    assert [dialog.label.itemText(i) for i in range(dialog.label.count())] == [
        "none",
        "sex (2)",
        "class (3)",
        "cabin (6)",
    ]
    pick_in(dialog.label, "class (3)")
    assert dialog.table.ticked() == (0, 1) and dialog.table.item(3, PROBLEM).text() == "The label"
    pick_in(dialog.label, "sex (2)")
    assert dialog.table.ticked() == (0, 1, 3)
    tick(dialog, 3, qtbot)
    assert dialog.preview.text().endswith("left out. Labels from sex.")
    assert accept(window, dialog, qtbot) == f"{people}::age,fare"
    config = window.session.state.config
    assert (config.missing, config.label, window.session.state.colouring) == ("drop-rows", "sex", "mode")
    shown = window.studio.current
    assert shown is not None and shown.shown.labels == ("f", "m")
    assert "6 rows with missing values left out; labels from column 'sex'" in window.page("Data").facts.text()
    parts = window.parts["modes"].select
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.forward.shape[2] == 2, timeout=20_000)
    assert [action.text() for action in parts.actions()] == ["f", "m"]
    parts.actions()[0].trigger()
    chosen, data = window.session.state.selection, shown.dataset
    found = modes_of(data, data.standardisation.to_data(shown.points.double()).numpy())
    assert chosen == tuple(np.flatnonzero(found == 0).tolist()) and chosen
    # As the list of recent files opens it
    opened = window.parts["library"].recent.files[0]
    assert (opened.missing, opened.labels) == ("drop-rows", "sex")
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        window.files.show(opened.source)
    assert window.studio.current.shown.labels == ("f", "m")
    # Other data has neither
    window.session.apply({"config.data": "rings"})
    assert (window.session.state.config.missing, window.session.state.config.label) == ("error", None)


def test_a_table_named_at_the_start_is_asked_about_before_a_model_that_waits(
    window: MainWindow, table: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "ASKED_MS", 100)
    # Else it would begin by itself with the next paint
    monkeypatch.setattr(lifecycle.Lifecycle, "_start", lambda _: None)
    life = lifecycle.Lifecycle(WindowOptions(file=str(table)), window)
    life._open(str(table))
    qtbot.waitUntil(lambda: any(d.ok.isEnabled() for d in window.findChildren(ImportDialog)), timeout=20_000)
    qtbot.waitUntil(lambda: window.studio.current is not None, timeout=20_000)
    (dialog,) = window.findChildren(ImportDialog)
    assert dialog.isVisible() and window.studio.current is not None and window.studio.current.dataset is not None
    assert window.studio.current.dataset.name == "rings"
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        dialog.ok.click()
    assert window.studio.current.dataset.columns == ("x", "y", "z")
