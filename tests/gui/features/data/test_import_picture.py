"""A picture chosen in the window: threshold, blur and a preview of the points before it is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from dnf_studio.core.data.naming import PICTURES as SUFFIXES
from dnf_studio.gui.features.data.import_picture import POINTS, PictureDialog
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.files import PICTURES
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY

Choose = Callable[[Path], PictureDialog]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A black bar, a grey one of darkness 0.4, white around them."""
    pixels = np.full((40, 60), 255, np.uint8)
    pixels[5:15, 5:55], pixels[25:35, 5:55] = 0, 153
    Image.fromarray(pixels).save(tmp_path / "bars.png")
    return tmp_path / "bars.png"


@pytest.fixture
def pick(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Open a file through the menu."""

    def picked(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        window.commands["open"].trigger()

    return picked


@pytest.fixture
def choose(window: MainWindow, qtbot: QtBot, pick: Callable[[Path], None]) -> Choose:
    """Open a picture through the menu and wait until the dialog shows its points."""

    def chosen(path: Path) -> PictureDialog:
        pick(path)
        qtbot.waitUntil(
            lambda: any(
                d.facts.text().endswith("nats.") or d.problem.text() for d in window.findChildren(PictureDialog)
            ),
            timeout=20_000,
        )
        (dialog,) = window.findChildren(PictureDialog)
        assert dialog.isVisible() and dialog.isModal()
        return dialog

    return chosen


def drawn(dialog: PictureDialog) -> tuple[int, int]:
    """Dark pixels of the preview in its upper and its lower half."""
    image = dialog.preview.grab().toImage()
    dark = [
        [image.pixelColor(x, y).lightness() < 128 for x in range(image.width())] for y in range(10, image.height() - 10)
    ]
    half = len(dark) // 2
    return sum(map(sum, dark[:half])), sum(map(sum, dark[half:]))


def test_the_preview_follows_the_settings_which_open_and_train(
    window: MainWindow, choose: Choose, picture: Path, qtbot: QtBot
) -> None:
    dialog = choose(picture)
    assert dialog.preview.count == POINTS and dialog.ok.isEnabled()
    assert "60 × 40 pixels, 41.7% of them dark; threshold 0.1, blur 0." in dialog.facts.text()
    assert "Exact entropy" in dialog.facts.text()
    assert dialog.threshold.slider.hasFocus() or dialog.focusWidget() is dialog.threshold.slider
    upper, lower = drawn(dialog)
    assert upper > 1000 and lower > 500
    dialog.threshold.box.setValue(0.5)
    dialog.blur.box.setValue(0.5)
    qtbot.waitUntil(lambda: "threshold 0.5, blur 0.5" in dialog.facts.text(), timeout=20_000)
    upper, lower = drawn(dialog)
    assert upper > 1000 and lower == 0
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        dialog.ok.click()
    assert window.session.state.config.data == f"{picture}::threshold=0.5,blur=0.5"
    assert "threshold 0.5, blur 0.5" in window.page("Data").facts.text()
    window.session.apply({**TINY, "config.training.iterations": 3})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=30_000)
    assert window.studio.training.run is not None and window.studio.training.run.iteration == 3


def test_a_threshold_that_leaves_nothing_is_told_and_can_be_lowered(
    choose: Choose, tmp_path: Path, qtbot: QtBot
) -> None:
    Image.fromarray(np.full((9, 9), 240, np.uint8)).save(tmp_path / "pale.png")
    dialog = choose(tmp_path / "pale.png")
    assert "as dark as the threshold of 0.1" in dialog.problem.text()
    assert not dialog.ok.isEnabled() and dialog.preview.count == 0
    dialog.threshold.slider.setValue(5)
    qtbot.waitUntil(dialog.ok.isEnabled, timeout=20_000)
    assert not dialog.problem.isVisible() and dialog.preview.count == POINTS


def test_cancel_opens_nothing(window: MainWindow, choose: Choose, picture: Path, qtbot: QtBot) -> None:
    state = window.session.state
    dialog = choose(picture)
    dialog.threshold.slider.setValue(30)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(dialog), timeout=20_000)
    assert window.session.state is state and window.studio.current is None


def test_a_broken_picture_is_told(
    pick: Callable[[Path], None], errors_of: Callable[[], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n")
    pick(tmp_path / "cut.png")
    (sentence,) = errors_of()
    assert "cut.png' is not a PNG or JPEG picture, or is damaged" in sentence


def test_every_kind_is_offered() -> None:
    assert PICTURES.split() == [f"*{suffix}" for suffix in SUFFIXES]
