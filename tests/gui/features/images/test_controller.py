"""Grids of images in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.images.controller import NO_IMAGES
from dnf_studio.gui.features.images.grid import ImageGrid
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.opening import Opened, untrained
from dnf_studio.gui.workspace.session import AS_IMAGES, NO_PLANE
from tests.gui.conftest import TINY
from tests.gui.mouse import NONE, drag, place_of, send
from tests.gui.scenes import frame_of, pixels

OF_POINTS = ("points", "paths", "density", "overlay", "field", "contours", "difference")

CONTROL = Qt.KeyboardModifier.ControlModifier


def show_opened(window: MainWindow, opened: Opened) -> None:
    """As the studio does, without its threads."""
    shown = opened.shown
    window.session.set_lacks(shown.lacks, shown.solvers, shown.dim, shown.as_images)
    window.studio.opened.emit(opened)


@pytest.fixture
def digits(still_window: MainWindow) -> MainWindow:
    """The window with 300 points of 64 components, which are images."""
    config = Config().changed(
        {name.removeprefix("config."): value for name, value in TINY.items()} | {"data": "digits"}
    )
    show_opened(still_window, untrained(config))
    still_window.live.show(frame_of(dim=64))
    return still_window


def click(grid: ImageGrid, index: int, modifier: Qt.KeyboardModifier = NONE) -> None:
    assert grid._mosaic is not None
    centre = grid._mosaic.place(index).center()
    at = place_of(grid, centre.x(), centre.y())
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        send(grid, kind, at, modifier, Qt.MouseButton.LeftButton)


def test_images_are_a_grid_and_the_plane_is_a_choice(digits: MainWindow) -> None:
    window, (forward, backward) = digits, digits.parts["images"].grids
    assert forward.isVisible() and backward.isVisible() and not window.plots["forward"].isVisible()
    assert window.page("Data").projection.currentData() == "images" and not window.page("Data").across.isEnabled()
    assert window.commands["images"].isChecked() and not window.commands["paths"].isEnabled()
    window.commands["images"].trigger()
    assert window.plots["forward"].isVisible() and not forward.isVisible()
    assert window.session.state.projection == "axes" and window.page("Data").across.isEnabled()
    assert all(window.commands[key].isEnabled() for key in OF_POINTS)
    window.session.apply({"projection": "principal"})
    assert window.plots["forward"].isVisible() and not window.commands["images"].isChecked()
    window.session.undo()
    window.session.undo()
    assert forward.isVisible() and window.commands["images"].isChecked()


def test_layers_of_a_plane_are_grey_without_one_and_say_why(digits: MainWindow) -> None:
    window, commands = digits, digits.commands
    menus = window.parts["fields"].menu.menuAction(), window.parts["log_density"].menu.menuAction()
    layers = (*(commands[key] for key in OF_POINTS), *menus)
    usual = "Ctrl+2"
    assert all(action.toolTip() == AS_IMAGES and not action.isEnabled() for action in layers)
    window.session.apply({"projection": "axes"})
    assert all(action.isEnabled() for action in layers) and usual in commands["paths"].toolTip()
    window.session.set_lacks({}, dim=1)
    assert all(action.toolTip() == NO_PLANE and not action.isEnabled() for action in layers)
    window.session.set_lacks({}, dim=2)
    assert all(action.isEnabled() for action in layers) and commands["images"].isEnabled()
    show_opened(window, untrained(Config().changed({"data": "moons", "network.layers": 1})))
    assert commands["images"].toolTip() == NO_IMAGES and not commands["images"].isEnabled()


def test_what_is_opened_begins_with_the_first_page(digits: MainWindow) -> None:
    forward, backward = digits.parts["images"].grids
    opened = untrained(digits.session.state.config.changed({"data": "digits", "network.layers": 1}))
    forward.turn(1)
    assert forward._first == backward._first > 0
    show_opened(digits, opened)
    assert forward._first > 0
    show_opened(digits, replace(opened, shown=replace(opened.shown, trained=True)))
    assert forward._first == backward._first == 0


def test_the_grid_follows_the_cursor_and_is_drawn_as_the_data_says(digits: MainWindow) -> None:
    window, (forward, backward) = digits, digits.parts["images"].grids
    frame = window.live.frame
    assert frame is not None and forward._mosaic is not None
    count = forward._mosaic.count
    for position, node in ((0.0, 0), (10.0, 10), (4.0, 4)):
        window.session.cursor.jump(position)
        np.testing.assert_array_equal(forward._images._points, frame.forward[node, :count])
        np.testing.assert_array_equal(backward._images._points, frame.backward[node, :count])
        assert f"i = {node}" in forward.note.text()
    draw, seen = window.parts["images"].pixels, pixels(forward.plot)
    assert draw is not None
    shown = draw(frame.forward[4, :count])
    for k, row, column in ((0, 0, 0), (5, 3, 6), (count - 1, 7, 7)):
        place = forward._mosaic.place(k)
        at = place_of(forward, place.x() + column + 0.5, place.y() + row + 0.5)
        assert seen[at.y(), at.x()].tolist() == [int(shown[k, row, column, 0])] * 3


def test_a_click_chooses_the_image_in_every_view(digits: MainWindow, qtbot: QtBot) -> None:
    window, (forward, backward) = digits, digits.parts["images"].grids
    click(forward, 3)
    assert forward._images._chosen == [3] and not backward._images._chosen, "they are not the same image"
    window.session.apply({"start": "forward", "selection": ()})
    click(backward, 7)
    assert window.session.state.selection == (7,) and window.session.state.direction == "backward"
    click(forward, 2, CONTROL)
    assert window.session.state.selection == (7, 2) and window.session.state.direction == "forward"
    assert forward._images._chosen == backward._images._chosen == [7, 2]
    assert window.plots["time"]._selection["backward"].tolist() == [7, 2]
    click(forward, 7, CONTROL)
    assert window.session.state.selection == (2,)
    assert forward._mosaic is not None
    beside = forward._mosaic.place(0).topLeft()
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        send(forward, kind, place_of(forward, beside.x() - 1.5, beside.y() - 1.5), NONE, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.state.selection == (), timeout=3000)


def test_a_rectangle_chooses_the_images_whose_middles_are_inside(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    window.commands["tool-rectangle"].trigger()
    mosaic = forward._mosaic
    assert mosaic is not None
    first, last = mosaic.place(1).center(), mosaic.place(mosaic.columns + 2).center()
    drag(forward, [(first.x() - 1, first.y() - 1), (last.x(), last.y()), (last.x() + 1, last.y() + 1)])
    assert sorted(window.session.state.selection) == [1, 2, mosaic.columns + 1, mosaic.columns + 2]


def test_pages_turn_together_and_to_what_is_chosen(digits: MainWindow) -> None:
    window, (forward, backward) = digits, digits.parts["images"].grids
    assert forward._mosaic is not None
    count = forward._mosaic.count
    assert count < 300 and forward._on.isVisible() and not forward._back.isEnabled()
    forward._on.click()
    assert forward._first == backward._first == count
    click(backward, 0)
    assert window.session.state.selection == (count,)
    window.session.apply({"selection": (299,)})
    assert forward._first <= 299 < forward._first + count and not forward._on.isEnabled()
    forward.turn(-99)
    assert backward._first == 0 and backward._images._chosen == []


def test_other_data_goes_back_to_the_plane_and_a_size_that_does_not_fit_too(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    current = untrained(Config().changed({"data": "rings", "network.channels": 8, "network.layers": 1}))
    show_opened(window, current)
    window.live.show(frame_of())
    assert window.plots["forward"].isVisible() and not window.commands["images"].isEnabled()
    assert forward._frame is None and window.commands["paths"].isEnabled()
    wrong = replace(current, shown=replace(current.shown, image=ImageShape(8, 8, 1, 0, 1)))
    show_opened(window, wrong)
    assert window.plots["forward"].isVisible()


def test_a_lost_image_is_told_and_leaves_its_place_empty(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    frame = frame_of(dim=64)
    frame.forward[3:, 1, 5] = np.nan
    window.live.show(frame)
    forward.set_theme(DARK)
    window.session.cursor.jump(6)
    assert forward.note.toolTip() or forward.note.text() == "1 of 300 images left the finite numbers"
    assert "1" in forward.note.text() and "lost" in forward.note.texts[-1] and forward.note.warns
    shown = forward._images._shown(window.parts["images"].pixels)
    assert len(np.unique(shown[1])) == 1 and len(np.unique(shown[0])) > 1
    forward.grab()


def test_colours_frame_the_images(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    before = pixels(forward.plot)
    window.session.apply({"colouring": "radius"})
    assert forward.by_point.shown is not None and forward.by_point.shown is window.plots["forward"].by_point.shown
    assert (pixels(forward.plot) != before).any()
    frames = forward._images._frames
    assert frames is not None
    window.session.cursor.jump(3)
    forward.grab()
    assert forward._images._frames is frames, "drawn once for all times"
    forward.turn(1)
    forward.grab()
    assert forward._images._frames is not frames
    forward.turn(-1)
    window.session.cursor.jump(0)
    window.session.undo()
    assert (pixels(forward.plot) == before).all()


def test_a_reopened_model_still_makes_images_where_its_data_is_gone(
    window: MainWindow, open_in: Callable[[str], None], tmp_path: Path
) -> None:
    import dnf_studio

    file, model = tmp_path / "some.bin", tmp_path / "model.safetensors"
    file.write_bytes(np.random.default_rng(0).integers(0, 256, (30, 3073), np.uint8).tobytes())
    settings = {"data": str(file), "sde.steps": 2, "network.layers": 1, "network.channels": 8, "training.batch": 4}
    run = dnf_studio.train(Config().changed({**settings, "training.iterations": 1}))
    list(run)
    run.save(model, "weights")
    file.unlink()
    open_in(str(model))
    assert window.parts["images"].shown and window.parts["images"].grids[1].isVisible()
    assert window.studio.current is not None and window.studio.current.dataset is None
    assert window.studio.current.shown.image == ImageShape(32, 32, 3, 0, 256)


def test_frames_that_grow_do_not_arrange_the_images_anew(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    whole = forward._mosaic
    window.live.show(replace(frame_of(40, dim=64), complete=False))
    assert forward._mosaic == whole and len(forward._images._points) == 40
    window.live.show(frame_of(40, dim=64))
    assert forward._mosaic is not None and whole is not None and forward._mosaic.zoom > whole.zoom


def test_a_folder_is_opened_by_the_menu(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/nowhere/pictures")
    monkeypatch.setattr(window.studio, "open", asked.append)
    window.commands["open-folder"].trigger()
    qtbot.waitUntil(lambda: asked == ["/nowhere/pictures"], timeout=20_000)


def test_images_stay_until_there_are_those_of_another_model_of_the_data(digits: MainWindow) -> None:
    window, (forward, _) = digits, digits.parts["images"].grids
    shown = forward._images._points
    other = window.session.state.config.changed({"data": "digits", "network.channels": 8, "network.layers": 1})
    show_opened(window, untrained(other))
    assert forward._images._points is shown and len(shown)
    show_opened(window, untrained(other.changed({"data": "digits::logit"})))
    assert not len(forward._images._points), "which would be drawn otherwise now"
