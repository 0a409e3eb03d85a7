"""The list of data sets has a picture of each built-in one, drawn when it is opened first."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from dnf_studio.core.data.catalogue import dataset_infos
from dnf_studio.gui.drawing.thumbnail import SIDE
from dnf_studio.gui.features.data.choice import SHOWN, DataBox
from dnf_studio.workers.background import Background


def test_every_built_in_set_has_a_picture_in_the_open_list_and_none_in_the_closed_box(qtbot: QtBot) -> None:
    background, failures = Background(), list[Exception]()
    box = DataBox(background, failures.append)
    qtbot.addWidget(box)
    names = [info.name for info in dataset_infos()]
    box.set_choices({name: name for name in [*names, "a drawing"]})
    closed = box.sizeHint()
    box.show()
    assert not box.pictures and not background.busy
    box.showPopup()
    # Opened again while they are being drawn: once is enough
    box.hidePopup()
    box.showPopup()
    qtbot.waitUntil(lambda: len(box.pictures) == len(names) and not background.busy, timeout=120_000)
    assert list(box.pictures) == names and not failures and box.sizeHint() == closed
    pixels = {
        name: np.array([[image.pixelColor(x, y).red() for x in range(0, SIDE, 4)] for y in range(0, SIDE, 4)])
        for name, image in box.pictures.items()
    }
    assert all(grey.max() > 100 and grey.min() == 0 for grey in pixels.values())
    assert len({grey.tobytes() for grey in pixels.values()}) == len(names)
    delegate, model = box.itemDelegate(), box.model()
    for row in (0, len(names)):
        option = QStyleOptionViewItem()
        delegate.initStyleOption(option, model.index(row, 0))
        assert option.decorationSize.width() == SHOWN and option.text == [*names, "a drawing"][row]
        shown = option.icon.pixmap(SIDE).toImage()
        assert any(shown.pixelColor(x, y).alpha() for x in range(SHOWN) for y in range(SHOWN)) == (row == 0)
    box.hidePopup()
    background.close()
