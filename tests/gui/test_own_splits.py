"""Rows that training does not see, in the window: said in the Data panel, measured in Loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY

pytestmark = pytest.mark.usefixtures("few_points")


def test_a_file_and_files_of_ones_own(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot, tmp_path: Path
) -> None:
    for i, name in enumerate(("train.csv", "test.csv")):
        np.savetxt(tmp_path / name, np.random.default_rng(i).normal(size=(150, 2)), delimiter=",")
    train, test = str(tmp_path / "train.csv"), str(tmp_path / "test.csv")
    open_in(train)
    opened = window.studio.current
    assert opened is not None and opened.dataset is not None and opened.dataset.rows is not None
    sizes = "{} rows to train, {} to validate and {} to test on".format(*opened.dataset.rows)
    assert sizes in window.page("Data").facts.text() and sum(opened.dataset.rows) == 150
    window.session.apply({**TINY, "config.training.iterations": 50})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=60_000)
    qtbot.waitUntil(lambda: list(window.plots["loss"]._measured) == [50], timeout=20_000)
    window.studio.go_back()
    # The settings of a file name a test file beside the data
    (tmp_path / "own.toml").write_text(window.session.state.config.changed({"test": test}).to_toml())
    window.parts["training"].settings_menu.load(str(tmp_path / "own.toml"))
    qtbot.waitUntil(lambda: "and 150 to test on (test.csv)" in window.page("Data").facts.text(), timeout=20_000)
    window.session.apply({"config.data": "moons"})
    assert window.session.state.config.test is None
    window.session.undo()
    assert window.session.state.config.test == test
