"""The pair plot in the place of both processes, and back."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from dnf_studio.gui.features.pair_plot.controller import ONE_COMPONENT, PairPlotController, usual_components
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.session import AS_PAIRS
from tests.gui.scenes import frame_of
from tests.gui.trees import show, trees


def test_the_first_five_are_shown_or_of_images_those_that_vary_most() -> None:
    assert usual_components(3) == (0, 1, 2) and usual_components(9) == (0, 1, 2, 3, 4)
    assert usual_components(7, (1.0, 9.0, 0.0, 5.0, 7.0, 0.0, 6.0)) == (0, 1, 3, 4, 6)


def test_it_takes_the_row_and_gives_it_back(still_window: MainWindow) -> None:
    window, session = still_window, still_window.session
    controller: PairPlotController = window.parts["pair_plot"]
    window.live.show(frame_of(dim=4))
    show(window, trees())
    assert controller.plot is None
    QTest.keySequence(window, QKeySequence("Ctrl+G"))
    plot, command = controller.plot, window.commands["pairs"]
    assert plot is not None and plot.isVisible() and command.isChecked()
    assert not window.plots["forward"].isVisible() and not window.plots["backward"].isVisible()
    # It comes with frame, cursor, units and the colours of the labels
    assert plot.components == (0, 1, 2, 3) and plot._units.of_data
    assert session.no_plane == AS_PAIRS and not window.commands["points"].isEnabled()
    window.session.cursor.jump(4)
    assert plot._position == 4
    plot.menu.chosen.emit((0, 3))
    assert plot.components == (0, 3) and session.state.pairs == (0, 3)
    session.undo()
    assert plot.components == (0, 1, 2, 3)
    session.undo()
    assert window.plots["forward"].isVisible() and window.plots["backward"].isVisible()
    assert not plot.isVisible() and not command.isChecked() and window.commands["points"].isEnabled()
    session.apply({"projection": "principal"})
    command.trigger()
    assert plot.isVisible()
    command.trigger()
    assert session.state.projection == "principal"


def test_one_component_has_no_pairs(still_window: MainWindow) -> None:
    window, command = still_window, still_window.commands["pairs"]
    window.session.apply({"projection": "pairs"})
    line = replace(trees(), shown=replace(trees().shown, dim=1, columns=("x",), labels=()))
    window.session.set_lacks({}, line.shown.solvers, 1)
    assert not command.isEnabled() and command.toolTip() == ONE_COMPONENT and not command.isChecked()
    assert not window.parts["pair_plot"].plot.isVisible()
