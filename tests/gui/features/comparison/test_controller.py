"""Two models in the window: side by side, one over the other, in turn, and alone again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.drawing.style import let_paint
from dnf_studio.gui.features.comparison.bar import common_sentences
from dnf_studio.gui.features.comparison.controller import NO_SECOND, ComparisonController
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.kept_models import SecondModel
from dnf_studio.gui.workspace.opening import Opened, untrained
from dnf_studio.gui.workspace.state import COMPARING
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import frame_of
from tests.gui.trees import show


@cache
def rings() -> Opened:
    return untrained(Config().changed({"data": "rings", "network.channels": 8}))


@pytest.fixture
def compared(still_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """A window with two models of 10 and 20 steps, whose frames nobody computes."""
    comparison = still_window.workspace.comparison
    monkeypatch.setattr(still_window.studio, "_opened", rings())
    monkeypatch.setattr(comparison, "_renew", comparison.changed.emit)
    show(still_window, rings())
    still_window.live.show(frame_of())
    take(still_window, replace(frame_of(steps=20), weights=2))
    # Another one, which may never come, keeps this one from nothing
    comparison.sought.emit()
    qtbot.waitUntil(lambda: seen(still_window) == (True, True))
    return still_window


def take(window: MainWindow, frame: Frame | None) -> None:
    """Let B be there with this frame, or not."""
    comparison = window.workspace.comparison
    comparison._second = None if frame is None else SecondModel(rings().called("other"), "file")
    comparison._frame = frame
    comparison.changed.emit()
    comparison.frame_shown.emit(frame)
    let_paint(window)


def seen(window: MainWindow) -> tuple[bool, bool]:
    """Whether A and B have views that are seen."""
    both = window.plots.named("forward"), window.plots.named("second forward")
    first, second = (plot is not None and plot.isVisible() for plot in both)
    return first, second


def letters(window: MainWindow) -> dict[str, str]:
    """Which model the titles of what is no view of one process say."""
    return {name: window.plots[name].letter for name in ("time", "loss", "disagreement", "change")}


def test_views_are_made_while_the_second_model_is_opened(
    still_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the turn of the event loop in which it comes they made that a third of a second."""
    comparison, plots = still_window.workspace.comparison, still_window.plots
    monkeypatch.setattr(comparison._loading, "run", lambda *_: None)
    comparison.open("diffflow-8gaussian")
    qtbot.waitUntil(lambda: {plots.name_of(plot) for plot in plots.seconds} == {"second forward", "second backward"})
    assert seen(still_window) == (True, False)


def test_side_by_side_over_and_in_turn(compared: MainWindow) -> None:
    controller: ComparisonController = compared.parts["comparison"]
    session, forward, second = compared.session, compared.plots["forward"], compared.plots["second forward"]
    assert seen(compared) == (True, True) and controller.bar.isVisible()
    assert {compared.plots.name_of(plot) for plot in compared.plots.seconds} == {"second forward", "second backward"}
    bar = compared.views.tabs.tabs
    (tab,) = (place for place in range(bar.count()) if bar.accessibleTabName(place) == "B−A")
    assert bar.isTabVisible(tab) and bar.usesScrollButtons()
    assert letters(compared) == {"time": "A", "loss": "A", "disagreement": "A", "change": ""}
    assert "<b>A</b>" in forward.title.text() and "<b>B</b>" in second.title.text()
    # The same fraction of the way, the same selection, and a click in B chooses for both
    session.cursor.jump(3)
    assert (forward._position, second._position) == (3.0, 6.0)
    second.point_picked.emit(7, "forward", False)
    assert forward._selection.tolist() == second._selection.tolist() == [7]
    QTest.keySequence(compared, QKeySequence("Ctrl+Alt+2"))
    layers = controller.layers[forward]
    assert seen(compared) == (True, False) and layers.points.isVisible() and "A + B" in forward.title.text()
    assert letters(compared) == {"time": "A + B", "loss": "A", "disagreement": "A", "change": ""}
    assert np.array_equal(layers.points._points, compared.workspace.comparison.frame.forward[6])
    QTest.keySequence(compared, QKeySequence("Ctrl+Alt+3"))
    assert controller._blink.isActive() and not layers.points.isVisible()
    place = forward.plot.size()
    QTest.keySequence(compared, QKeySequence("B"))
    assert seen(compared) == (False, True) and not controller._blink.isActive()
    assert second.plot.size() == place, "its whole place at once, or it flashes"
    QTest.keySequence(compared, QKeySequence("B"))
    assert seen(compared) == (True, False)
    grounds = [controller.bar.buttons[f"compare-{name}"].palette().button().color().name() for name in COMPARING]
    assert [ground == compared.appearance.theme.accent for ground in grounds] == [False, False, True]
    session.undo()
    session.undo()
    assert session.state.comparing == "split" and seen(compared) == (True, True)


def test_pairs_take_both_away_and_equal_points_differ_nowhere_and_closing_leaves_a(
    compared: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared.session.apply({"layers": compared.session.state.layers | {"density-change"}})
    compared.commands["pairs"].trigger()
    assert seen(compared) == (False, False)
    assert not compared.plots.part_of_row("backward")[0].isVisible()
    compared.commands["pairs"].trigger()
    assert seen(compared) == (True, True)
    controller: ComparisonController = compared.parts["comparison"]
    compared.session.apply({"layers": frozenset({"density-change"})})
    for frame, differs in ((frame_of(), False), (replace(frame_of(), forward=frame_of().forward + 1), True)):
        take(compared, frame)
        layer = controller.layers[compared.plots["second forward"]].change
        # Points do not hide it
        assert compared.plots["second forward"]._points._faint and not compared.plots["forward"]._points._faint
        assert layer.isVisible() and layer.full
        image = compared.plots["second forward"].grab().toImage()
        compared.commands["density-change"].trigger()
        without = compared.plots["second forward"].grab().toImage()
        compared.commands["density-change"].trigger()
        # Below the legend, and left of the key
        box = 0, image.height() // 2, image.width() // 3, image.height() // 4
        assert (image.copy(*box) != without.copy(*box)) == differs
    with monkeypatch.context() as nothing:
        # As a grid would be where A shows images
        nothing.setattr(controller.views, "making", lambda: pytest.fail("views are made for a model that goes"))
        take(compared, None)
    assert seen(compared) == (True, False) and controller.bar.isHidden()
    assert not compared.plots["second forward"]._points._faint
    assert not any(layers.held or layers.change.isVisible() for layers in controller.layers.values())
    assert "<b>A</b>" not in compared.plots["forward"].title.text() and not any(letters(compared).values())
    for name in ("compare-split", "compare-swap", "compare-close", "compare-other", "density-change", "field-change"):
        command = compared.commands[name]
        assert not command.isEnabled() and command.toolTip() == NO_SECOND, name
    asked, opened, file = list[str](), list[str](), assets.checkpoint_path("diffusion-rings")
    assert file is not None
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: asked.append(given[2]) or (str(file), ""))
    monkeypatch.setattr(compared.workspace.comparison, "open", opened.append)
    compared.commands["compare-file"].trigger()
    # Where there are some, and a bundled one by its name
    assert asked == [str(file.parent)] and opened == ["diffusion-rings"]


def test_what_both_share_is_said() -> None:
    assert common_sentences(True, [], "", [])[0] == "The same points, latents and Brownian paths."
    assert common_sentences(True, ["B"], "", [])[0].endswith("paths. B moves without noise.")
    assert common_sentences(True, ["A", "B"], "", [])[0] == "The same points and latents."
    other = common_sentences(False, [], "Each is apart.", ["B: it has no score."])
    assert other[0].startswith("Of other data:") and other[-2:] == ["Each is apart.", "B: it has no score."]


def test_out_of_sight_rests_and_at_half_the_rate_and_pairs_and_one_key(compared: MainWindow, qtbot: QtBot) -> None:
    controller: ComparisonController = compared.parts["comparison"]
    rest_and_follow(compared, controller)
    show_pairs(compared, controller)
    choose(compared, controller, qtbot)


def rest_and_follow(compared: MainWindow, controller: ComparisonController) -> None:
    """What is out of sight rests, and B less A follows a playing cursor at half the rate."""
    session, forward, second = compared.session, compared.plots["forward"], compared.plots["second forward"]
    session.apply({"comparing": "blink"})
    QTest.keySequence(compared, QKeySequence("B"))
    session.cursor.go(3)
    assert (forward._position, second._position) == (0.0, 6.0)
    QTest.keySequence(compared, QKeySequence("B"))
    session.cursor.go(4)
    assert (forward._position, second._position) == (4.0, 6.0)
    session.apply({"comparing": "split", "layers": frozenset({"points", "density-change"})})
    assert second._position == 8.0
    changes = [controller.layers[compared.plots[f"second {name}"]].change for name in ("forward", "backward")]
    followed = []
    session.cursor.set_playing(True)
    for position in (4.5, 5.0, 5.5, 6.0):
        session.cursor.go(position)
        followed.append([layer._position == 2 * position for layer in changes])
    assert sorted(map(sum, followed)) == [1, 1, 1, 1] and followed[0] != followed[1]
    session.cursor.set_playing(False)
    assert [layer._position for layer in changes] == [12.0, 12.0]


def show_pairs(compared: MainWindow, controller: ComparisonController) -> None:
    """The pair plot shows both as the views do."""
    compared.commands["pairs"].trigger()
    plot, second = compared.plots["pairs"], compared.workspace.comparison.frame
    assert isinstance(plot, PointPlot)
    shown = vars(plot)
    for mode, letter in (("split", "A + B"), ("overlay", "A + B")):
        compared.session.apply({"comparing": mode})
        assert (shown["_second"], shown["_way"], plot.letter) == (second, mode, letter)
    compared.session.apply({"comparing": "blink"})
    assert controller._blink.isActive() and shown["_second"] is None and plot.letter == "A"
    QTest.keySequence(compared, QKeySequence("B"))
    assert (shown["_second"], shown["_way"], plot.letter) == (second, "other", "B")
    compared.session.apply({"comparing": "split", "colouring": "radius"})
    assert shown["_second"] is None and plot.letter == "A"
    assert "Where points are coloured, the pair plot shows A alone." in controller.bar.text.text()


def choose(compared: MainWindow, controller: ComparisonController, qtbot: QtBot) -> None:
    """One key offers what can be compared."""
    QTest.keySequence(compared, QKeySequence("Ctrl+M"))
    qtbot.waitUntil(controller.choice.isVisible, timeout=20_000)
    entries = {action.text(): action.isEnabled() for action in controller.choice.actions()}
    assert entries["diffusion-rings"] and not entries["diffflow-digits"], "of as many components"
    assert controller.choice.activeAction().isEnabled()
    assert compared.commands["compare-file"] in controller.choice.actions()
    QTest.keyClick(controller.choice, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert not controller.choice.isVisible()
