"""The dialog of a figure: what it offers, previews, writes and remembers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QFileDialog, QVBoxLayout
from pytestqt.qtbot import QtBot

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing import figure
from dnf_studio.gui.drawing.figure import FigureStyle
from dnf_studio.gui.drawing.figure_file import encoded
from dnf_studio.gui.features.figures.controller import FiguresController
from dnf_studio.gui.features.figures.form import FigureForm, style_of, timing_of
from dnf_studio.gui.features.figures.subjects import ALL, BOTH, SLICES, Subjects, Timing
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import frame_of


def test_settings_are_remembered_and_nonsense_is_not(qtbot: QtBot) -> None:
    memory = Memory()
    form = FigureForm(memory)
    qtbot.addWidget(form)
    assert form.style_chosen == FigureStyle() and form.timing == Timing()
    form.format.setCurrentIndex(2)
    form.format.activated.emit(2)
    form.switches["legend"].setChecked(False)
    form.count.setValue(7)
    form.keep()
    again = FigureForm(memory)
    qtbot.addWidget(again)
    assert again.style_chosen == FigureStyle(width=174.0, height=80.0, legend=False)
    assert again.timing == Timing(count=7) and again.format.currentIndex() == 2
    wrong = {"width": -3, "letters": "big", "dark": 1, "dpi": 10**9, "height": 70, "count": 99, "spacing": "x", "": 0}
    assert style_of(wrong) == FigureStyle(height=70) and timing_of(wrong) == Timing()
    again.reset()
    assert again.style_chosen == FigureStyle()
    with qtbot.waitSignal(again.refused) as said:
        again.lengths["width"].fixup("5000")
    assert said.args == ["Width 5000 mm is not possible; choose from 20 to 1,000 mm."]


@pytest.fixture
def shown(quiet_workspace: Workspace) -> Iterator[Workspace]:
    """Three plots in a window, which have nothing to show yet."""
    column = QVBoxLayout(quiet_workspace.parent)
    for name, plot in (
        ("forward", ProcessView("forward")),
        ("backward", ProcessView("backward")),
        ("time", TimeView()),
    ):
        column.addWidget(plot)
        quiet_workspace.plots.add(name, plot)
    quiet_workspace.parent.resize(400, 700)
    quiet_workspace.parent.show()
    yield quiet_workspace
    quiet_workspace.parent.hide()


def show_frame(workspace: Workspace) -> None:
    frame = frame_of(30, 10)
    workspace.live.show(frame)
    for plot in workspace.plots:
        plot.set_frame(frame)


def test_what_there_is_to_show(shown: Workspace) -> None:
    subjects = Subjects(shown)
    with pytest.raises(ExportError, match="nothing to show yet"):
        subjects.subject(BOTH, Timing())
    with pytest.raises(ExportError, match="two components"):
        subjects.subject(SLICES, Timing())
    assert subjects.offered() == {}
    show_frame(shown)
    offered = subjects.offered()
    assert [*offered.values()] == [BOTH, ALL, SLICES, *shown.plots]
    assert [*offered][3:] == ["Forward: data → noise", "Backward: noise → data", "Paths over steps"]
    assert subjects.subject(ALL, Timing()).title == "Plots" and not subjects.two


def test_slices_of_two_models(shown: Workspace) -> None:
    show_frame(shown)
    second = SimpleNamespace(names=("moons", "rings"), frame=frame_of(20, 4))
    subjects = Subjects(replace(shown, comparison=cast(Comparison, second)))
    subject, style = subjects.subject(SLICES, Timing(count=3)), FigureStyle(width=174.0, height=160.0)
    svg = encoded(".svg", style, subject.paint(style)).decode()
    assert subjects.two and subject.title == "moons and rings"
    assert "step 5 of 10" in svg and "step 2 of 4" in svg and svg.count("<circle") == 2 * 3 * (30 + 20)
    assert "rings" not in encoded(".svg", style, subjects.subject(SLICES, Timing(second=False)).paint(style)).decode()
    subjects.close()


def test_two_models_beside_each_other_are_a_square_in_a_column_and_a_row_across_a_page(
    shown: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, direction in (("forward-b", "forward"), ("backward-b", "backward")):
        view = ProcessView(direction)
        view.second = True
        shown.parent.layout().addWidget(view)
        shown.plots.add(name, view)
        view.show()
    show_frame(shown)
    second = SimpleNamespace(names=("moons", "rings"), frame=frame_of(20, 4))
    both = Subjects(replace(shown, comparison=cast(Comparison, second))).subject(BOTH, Timing())
    areas: list[QRectF] = []
    monkeypatch.setattr(figure, "paint_data", lambda painter, plot, area, style: areas.append(area.rect))
    for style in (FigureStyle(), FigureStyle(width=174.0)):
        encoded(".svg", style, both.paint(style))
    square, column = areas[:4], areas[4:]
    assert len({(round(one.width()), round(one.height())) for one in square}) == 1, "one scale for all four"
    assert len({one.left() for one in square}) == len({one.top() for one in square}) == 2
    # On a page as wide as that they stand as in the window, which has them below each other here
    assert len({one.left() for one in column}) == 1 and len({one.top() for one in column}) == 4


def test_one_dialog_from_the_menu_and_from_a_plot(
    shown: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_frame(shown)
    controller, plot = FiguresController(shown), shown.plots["time"]
    shown.commands["figure"].trigger()
    dialog = controller.dialog
    assert dialog is not None and dialog.form.subject.currentData() == BOTH
    assert dialog.preview.image.width() / dialog.preview.image.height() == pytest.approx(85 / 60, rel=0.02)
    figure = next(action for action in plot.pictures.menu.actions() if "figure" in action.text())
    plot.pictures.menu.aboutToShow.emit()
    assert figure.isVisible()
    figure.trigger()
    assert controller.dialog is dialog and dialog.form.subject.currentData() is plot
    dialog.choose(SLICES)
    # The moment that is previewed is the one that is saved
    shown.session.cursor.set_playing(True)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "sheet"), "SVG (*.svg)"))
    dialog._ask_and_save()
    assert ">5</text>" in (tmp_path / "sheet.svg").read_text(encoding="utf-8")
    assert not shown.session.cursor.playing
    with pytest.raises(ExportError, match=r"not as '\.jpg'"):
        dialog.save(tmp_path / "sheet.jpg")
    assert [*tmp_path.iterdir()] == [tmp_path / "sheet.svg"]
    dialog.close()
    assert shown.memory.get("figure-kind", str, "") == ".svg"
