"""The choice of a grid: names, presets, and a grid of one's own while it is in force."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from dnf_studio.config.grids import GRID_NAMES
from dnf_studio.config.names import add_network, remove_network
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.gui.features.sampling.panel import SamplingPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.widgets.choices import GridBox, grey_grids
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.widgets.page import SettingsForm
from dnf_studio.gui.workspace.session import Session

MINE = (0.0, 0.1, 0.3, 1.0)
ENABLED = Qt.ItemFlag.ItemIsEnabled


def words(box: GridBox) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


@pytest.fixture
def box(qtbot: QtBot) -> GridBox:
    made = GridBox({"own": None})
    qtbot.addWidget(made)
    return made


def test_names_are_offered_and_nodes_only_while_they_are_in_force(box: GridBox) -> None:
    assert words(box) == ["own", *GRID_NAMES] and box.grid is None
    box.show_value("s-curve")
    assert box.grid == box.currentText() == "s-curve"
    box.show_value(MINE)
    assert box.currentText() == "custom, 3 steps" and box.grid == MINE
    box.show_value((0.0, 1.0))
    assert words(box)[-1] == "custom, 1 step" and box.count() == 8
    box.show_value(None)
    assert words(box) == ["own", *GRID_NAMES] and box.grid is None


def test_grids_that_a_model_cannot_have_are_grey_and_say_why(qtbot: QtBot) -> None:
    session, box = Session(), GridBox({"own": None})
    qtbot.addWidget(box)
    grey_grids(session, box)

    def grey() -> list[str]:
        return [word for k, word in enumerate(words(box)) if not box.model().index(k, 0).flags() & ENABLED]

    box.set_presets({"mine": MINE})
    assert grey() == ["log-snr", "karras"]
    assert "diffusion model" in box.itemData(box.findText("karras"), Qt.ItemDataRole.ToolTipRole)
    session.set_lacks({}, Diffusion.solvers)
    assert grey() == [] and not box.itemData(box.findText("karras"), Qt.ItemDataRole.ToolTipRole)
    form = SettingsForm(session, ["model", "sde.grid"])
    qtbot.addWidget(form)
    box = form.editors["sde.grid"]
    assert grey() == ["log-snr", "karras"]
    session.apply({"config.model": "diffusion"})
    assert grey() == []


def test_presets_are_offered_by_their_names(box: GridBox, qtbot: QtBot) -> None:
    box.show_value(MINE)
    box.set_presets({"mine": MINE})
    assert box.currentText() == "mine" and box.grid == MINE
    box.show_value("paper")
    with qtbot.waitSignal(box.chosen, timeout=1000) as told:
        box.activated.emit(box.count() - 1)
    assert told.args == [MINE], "a tuple, not what Qt makes of it"
    box.show_value(MINE)
    box.set_presets({})
    assert box.currentText() == "custom, 3 steps" and box.grid == MINE


def test_panels_show_a_grid_of_ones_own_and_go_back_from_it(still_window: MainWindow) -> None:
    window = still_window
    sampling = window.findChild(SamplingPanel)
    form = next(form for form in window.findChildren(SettingsForm) if "sde.grid" in form.editors)
    training = form.editors["sde.grid"]
    window.session.apply({"grid": MINE, "config.sde.grid": MINE})
    for box in (sampling.grid, training, window.page("Export").form.grid):
        assert box.currentText() == "custom, 3 steps" and box.grid == MINE
    for box in (sampling.grid, training):
        index = words(box).index("paper")
        box.setCurrentIndex(index)
        box.activated.emit(index)
    assert window.session.state.sampling.grid == window.session.state.config.sde.grid == "paper"
    window.session.undo()
    window.session.undo()
    assert training.grid == sampling.grid.grid == MINE
    assert window.page("Export").form.plan().settings.grid == MINE


def test_what_a_plug_in_registers_can_be_chosen(qtbot: QtBot) -> None:
    session = Session()
    form = SettingsForm(session, ["model", "network.kind"])
    qtbot.addWidget(form)
    add_network("waves", {}, {"network.features": "It has waves of its own."})
    try:
        session.names_grew.emit()
        box = form.editors["network.kind"]
        assert isinstance(box, ChoiceBox) and [box.itemText(i) for i in range(box.count())] == ["mlp", "unet", "waves"]
        assert box.value_at(box.currentIndex()) == "mlp"
        box.chosen.emit("waves")
        assert session.state.config.network.kind == "waves"
    finally:
        remove_network("waves")
