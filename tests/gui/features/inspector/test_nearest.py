"""Nearest training images in the Inspector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QDockWidget
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.gui.features.inspector.controller import LOST, NOT_HERE, make_panel
from dnf_studio.gui.features.inspector.image_strip import NeighbourStrip, pixmap_of
from dnf_studio.gui.workspace.opening import untrained
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.conftest import TINY
from tests.gui.scenes import frame_of


@pytest.fixture
def strip(quiet_workspace: Workspace, qtbot: QtBot) -> NeighbourStrip:
    dock = quiet_workspace.docks["inspector"] = QDockWidget(quiet_workspace.parent)
    dock.show()
    panel = make_panel(quiet_workspace)
    qtbot.addWidget(panel)
    return panel.images


@pytest.fixture
def digits(quiet_workspace: Workspace, strip: NeighbourStrip) -> RecordedDataset:
    """The data of a workspace whose backward process ends in test images, but for point 1, a training image."""
    config = Config().changed(
        {name.removeprefix("config."): value for name, value in TINY.items()} | {"data": "digits"}
    )
    opened = untrained(config)
    data, frame = opened.dataset, frame_of(20, dim=64)
    assert isinstance(data, RecordedDataset)
    frame.backward[0] = data.fresh(20, 0).numpy()
    copy = data.recorded[data.splits[0][11]] + 0.5
    frame.backward[0, 1] = (copy - np.array(data.standardisation.mean)) / np.array(data.standardisation.scale)
    frame.backward[0, 2, 5] = np.nan
    quiet_workspace.studio.opened.emit(opened)
    quiet_workspace.live.show(frame)
    return data


def test_a_copy_is_seen_beside_what_it_copies(
    quiet_workspace: Workspace, digits: RecordedDataset, strip: NeighbourStrip, qtbot: QtBot
) -> None:
    session, data = quiet_workspace.session, digits
    session.apply({"selection": (1,), "selection_of": "backward"})
    assert not strip.isHidden() and strip.words[0].text() == "generated"
    qtbot.waitUntil(lambda: "held-out image it is 16.9" in strip.sentence.text(), timeout=20_000)
    row = int(np.flatnonzero((data.recorded == data.recorded[data.splits[0][11]]).all(1))[0])
    assert strip.words[1].text() == f"{data.class_names[data.classes[row]]}\n0.0"
    assert float(strip.words[2].text().split()[1]) > 5 and "classes and distances" in strip.sentence.text()
    own, nearest = (strip.pictures[k].pixmap().toImage() for k in (0, 1))
    colours = [
        [image.pixelColor(x, y).red() for x in range(4, 64, 8) for y in range(4, 64, 8)] for image in (own, nearest)
    ]
    assert np.abs(np.subtract(*colours)).max() <= 1
    session.apply({"selection": (0,)})
    qtbot.waitUntil(lambda: strip.words[1].text().split()[-1:] not in ([], ["0.0"]), timeout=20_000)
    assert float(strip.words[1].text().split()[1]) > 5
    session.apply({"selection_of": "forward"})
    assert strip.words[0].text() == "test image"
    session.apply({"selection": ()})
    assert strip.isHidden()


@pytest.mark.usefixtures("digits")
def test_what_there_is_nothing_to_compare_with(quiet_workspace: Workspace, strip: NeighbourStrip) -> None:
    session = quiet_workspace.session
    session.apply({"selection": (2,), "selection_of": "backward"})
    assert strip.sentence.text() == LOST
    opened = replace(
        untrained(session.state.config.changed({"data": "digits", **{"network.channels": 8}})),
        dataset=None,
    )
    quiet_workspace.studio.opened.emit(opened)
    quiet_workspace.live.show(frame_of(20, dim=64))
    session.apply({"selection": (0,)})
    assert strip.sentence.text() == NOT_HERE and strip.words[0].text() == "generated"


def test_points_that_are_no_images_have_no_strip(quiet_workspace: Workspace, strip: NeighbourStrip) -> None:
    quiet_workspace.live.show(frame_of())
    quiet_workspace.session.apply({"selection": (0,)})
    assert strip.isHidden()


@pytest.mark.parametrize(("shape", "size"), [((8, 8, 1), (64, 64)), ((28, 14, 3), (28, 56)), ((200, 100, 1), (32, 64))])
def test_pictures_keep_their_shape_within_the_side(shape: tuple[int, int, int], size: tuple[int, int]) -> None:
    pixmap = pixmap_of(np.full(shape, 200, np.uint8), 64)
    assert (pixmap.width(), pixmap.height()) == size
    assert pixmap.toImage().pixelColor(3, 3).getRgb()[:3] == (200, 200, 200)


def test_long_names_of_classes_are_cut_and_can_be_read_whole(qtbot: QtBot) -> None:
    strip = NeighbourStrip()
    qtbot.addWidget(strip)
    strip.show_neighbours(np.zeros((2, 8, 8, 1), np.uint8), ("golden retriever, asleep\n17.2", "cat\n20.0"))
    assert strip.words[1].text().endswith("…\n17.2") and strip.words[2].text() == "cat\n20.0"
    assert strip.pictures[1].toolTip() == "golden retriever, asleep\n17.2"
    assert strip.words[1].sizeHint().width() <= 64 + 2
