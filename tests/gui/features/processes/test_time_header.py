from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QSizePolicy
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.marginals import PrincipalComponents
from dnf_studio.gui.features.processes.time_header import ComponentBox


def test_principal_components_that_come_later_are_not_cut(qtbot: QtBot) -> None:
    box = ComponentBox()
    qtbot.addWidget(box)
    box.offer(2, None, 0)
    with qtbot.waitExposed(box):
        box.show()
    box.offer(3, PrincipalComponents(np.zeros(3), np.eye(3)[:2], np.array([0.43, 0.16])), 0)
    longest = max(box.fontMetrics().horizontalAdvance(box.itemText(k)) for k in range(box.count()))
    assert box.count() == 5 and box.sizeHint().width() > longest
    assert box.sizePolicy().horizontalPolicy() is QSizePolicy.Policy.Minimum


def test_the_place_of_principal_components_is_given_back(qtbot: QtBot) -> None:
    box = ComponentBox()
    qtbot.addWidget(box)
    box.offer(3, PrincipalComponents(np.zeros(3), np.eye(3)[:2], np.array([0.43, 0.16])), 0)
    wide = box.minimumSizeHint().width()
    box.offer(2, None, 0)
    assert box.minimumSizeHint().width() == box.sizeHint().width() < wide
