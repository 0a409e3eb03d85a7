"""The Library panel of a whole window: what it lists, opens and changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from dnf_studio import assets
from dnf_studio.core.data.dataset import DataSummary
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.gui.drawing.thumbnail import SIDE, coverage, sheet
from dnf_studio.gui.features.library.model import Card, Section, picture_place
from dnf_studio.gui.features.library.panel import LibraryPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import thumbnails
from dnf_studio.gui.workspace.thumbnails import Thumbnails
from dnf_studio.workers.background import Background
from tests.core.storage.files import make_flow

Open = Callable[[str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "models"
    place.mkdir()
    for seed, name in enumerate(("first", "second")):
        save_checkpoint(place / f"{name}.safetensors", Checkpoint.of_model(make_flow(seed=seed)))
    (place / "broken.safetensors").write_bytes(b"nothing")
    return place


@pytest.fixture
def panel(window: MainWindow, open_in: Open, qtbot: QtBot, folder: Path) -> LibraryPanel:
    """The panel in view, read."""
    panel = window.findChild(LibraryPanel)
    assert panel is not None
    panel._memory.put("models", str(folder))
    open_in("circle")
    window.tabs.setCurrentWidget(panel)
    qtbot.waitUntil(lambda: len(own(panel)) == 3, timeout=20_000)
    return panel


def cards(panel: LibraryPanel, section: Section) -> list[Card]:
    return [row.card for row in panel.model.rows if row.card is not None and row.card.section is section]


def own(panel: LibraryPanel) -> list[str]:
    return sorted(card.title for card in cards(panel, Section.OWN))


def choose(panel: LibraryPanel, title: str) -> None:
    for number, row in enumerate(panel.model.rows):
        if row.card is not None and row.card.title == title:
            panel.view.setCurrentIndex(panel.model.index(number))
            return
    raise AssertionError(title)


def click(panel: LibraryPanel, name: str) -> None:
    QTest.mouseClick(panel.buttons[name], Qt.MouseButton.LeftButton)


def test_it_lists_bundled_own_and_recent(panel: LibraryPanel, qtbot: QtBot, folder: Path) -> None:
    bundled = cards(panel, Section.BUNDLED)
    assert [card.title for card in bundled] == list(assets.checkpoint_names())
    rings = next(card for card in bundled if card.title == "diffflow-rings")
    assert "rings" in rings.facts and "NLL" in rings.facts and "N 30" in rings.facts and "iterations" in rings.tip
    assert rings.when.startswith("diffflow · ") and ": diffflow, " in rings.tip
    assert own(panel) == ["broken", "first", "second"]
    assert [row.text for row in panel.model.rows if row.heading] == [section.value for section in Section]
    assert cards(panel, Section.RECENT) == []
    # Whatever program deletes one
    (folder / "first.safetensors").unlink()
    qtbot.waitUntil(lambda: own(panel) == ["broken", "second"], timeout=20_000)


def test_a_picture_is_as_high_as_the_lines_beside_it(panel: LibraryPanel) -> None:
    choose(panel, "first")
    option, index = QStyleOptionViewItem(), panel.view.currentIndex()
    heights, widths = [], []
    for factor in (1, 2):
        font = panel.view.font()
        font.setPixelSize(factor * 14)
        option.font, option.fontMetrics, option.rect = font, QFontMetrics(font), QRect(0, 0, 300, 200)
        heights.append(panel.view.itemDelegate().sizeHint(option, index).height())
        widths.append(picture_place(option).width())
    assert widths[0] == SIDE // 2 and widths[1] == 3 * option.fontMetrics.height() > 1.5 * widths[0]
    assert heights[1] - heights[0] == widths[1] - widths[0]


def test_nothing_is_read_before_it_is_seen(window: MainWindow, open_in: Open) -> None:
    panel = window.findChild(LibraryPanel)
    assert panel is not None
    open_in("circle")
    assert panel.model.rows == () and panel.thumbnails._task._thread is None


def test_a_broken_file_is_grey_and_says_why(panel: LibraryPanel, errors_of: Callable[[], list[str]]) -> None:
    choose(panel, "broken")
    index = panel.view.currentIndex()
    assert "not a checkpoint" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "cannot be opened" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert not panel.buttons["duplicate"].isEnabled() and panel.buttons["delete"].isEnabled()
    click(panel, "open")
    assert len(errors_of()) == 1


def test_bundled_models_cannot_be_renamed_or_deleted(panel: LibraryPanel, qtbot: QtBot) -> None:
    choose(panel, "diffflow-rings")
    assert not panel.buttons["rename"].isEnabled() and not panel.buttons["delete"].isEnabled()
    panel.act("delete")
    panel.act("rename")
    assert not panel.view.findChildren(QLineEdit)
    assert not panel.model.flags(panel.view.currentIndex()) & Qt.ItemFlag.ItemIsEditable
    assert assets.checkpoint_path("diffflow-rings") is not None
    click(panel, "duplicate")
    qtbot.waitUntil(lambda: "diffflow-rings" in own(panel), timeout=20_000)


def test_enter_opens_and_it_becomes_recent(window: MainWindow, panel: LibraryPanel, qtbot: QtBot, folder: Path) -> None:
    choose(panel, "first")
    window.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert "first" in window.windowTitle()
    assert [file.path for file in window.parts["library"].recent.files] == [folder / "first.safetensors"]
    assert cards(panel, Section.RECENT) == []


def test_f2_renames_in_place_and_the_open_model_follows(
    window: MainWindow, panel: LibraryPanel, open_in: Open, qtbot: QtBot, folder: Path
) -> None:
    open_in(str(folder / "first.safetensors"))
    choose(panel, "first")
    window.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    QTest.keyClick(panel.view, Qt.Key.Key_F2)
    editor = panel.view.findChild(QLineEdit)
    assert editor is not None and editor.text() == "first"
    before = window.studio.current
    editor.setText("third")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: own(panel) == ["broken", "second", "third"], timeout=20_000)
    assert panel.chosen is not None and panel.chosen.title == "third"
    current = window.studio.current
    assert before is not None and current is not None
    assert current.snapshot is before.snapshot and current.path == folder / "third.safetensors"
    assert [file.path.stem for file in window.parts["library"].recent.files] == ["third"]


@pytest.mark.parametrize(("name", "reason"), [("a/b", "cannot contain /"), ("second", "already")])
def test_a_name_that_cannot_be_is_told(
    panel: LibraryPanel, errors_of: Callable[[], list[str]], name: str, reason: str
) -> None:
    choose(panel, "first")
    panel.model.setData(panel.view.currentIndex(), name)
    assert reason in errors_of()[0]
    assert own(panel) == ["broken", "first", "second"]


def test_deleted_models_come_back_until_the_window_closes(
    window: MainWindow, panel: LibraryPanel, qtbot: QtBot, folder: Path
) -> None:
    assert not panel.undo.isVisible()
    for left, name in ((2, "first"), (1, "second")):
        choose(panel, name)
        click(panel, "delete")
        qtbot.waitUntil(lambda left=left: len(own(panel)) == left, timeout=20_000)
    assert "second" in panel.undo.text()
    QTest.mouseClick(panel.undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: own(panel) == ["broken", "second"], timeout=20_000)
    assert panel.undo.isVisible() and "first" in panel.undo.text()
    assert panel._trash is not None
    trash = panel._trash._folder
    assert [path.name for path in trash.iterdir()] == ["first.safetensors"]
    window.close()
    assert not trash.exists() and (folder / "second.safetensors").exists()


def test_files_that_appear_are_seen_when_the_panel_is(
    window: MainWindow, panel: LibraryPanel, qtbot: QtBot, folder: Path
) -> None:
    window.tabs.setCurrentIndex(0)
    (folder / "second.safetensors").rename(folder / "moved.safetensors")
    window.tabs.setCurrentWidget(panel)
    qtbot.waitUntil(lambda: own(panel) == ["broken", "first", "moved"], timeout=20_000)
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.files.save_to(folder / "new.safetensors", "weights")
    qtbot.waitUntil(lambda: "new" in own(panel), timeout=20_000)


def test_a_folder_that_is_none_is_told_in_the_panel(panel: LibraryPanel, qtbot: QtBot, folder: Path) -> None:
    panel._memory.put("models", str(folder / "first.safetensors"))
    panel.refresh()
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=20_000)
    assert "Cannot read the folder" in panel.problem.text()
    panel._memory.put("models", str(folder / "none"))
    panel.refresh()
    qtbot.waitUntil(lambda: not panel.problem.isVisible(), timeout=20_000)
    assert own(panel) == []


def test_pictures_are_drawn_once_and_kept(panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, folder: Path) -> None:
    card = next(card for card in cards(panel, Section.OWN) if card.title == "first")
    qtbot.waitUntil(lambda: panel.thumbnails.pixmap(card.file.sha256, "#ff0000") is not None, timeout=60_000)
    kept = panel.thumbnails._cache / f"{card.file.sha256}.png"
    assert QImage(str(kept)).width() == SIDE
    pixmap = panel.thumbnails.pixmap(card.file.sha256, "#ff0000")
    assert pixmap is not None and pixmap.width() == SIDE
    image = pixmap.toImage()
    alphas = [image.pixelColor(x, y) for x in range(SIDE) for y in range(SIDE)]
    assert any(colour.alpha() > 150 for colour in alphas)
    assert {colour.name() for colour in alphas if colour.alpha() == 255} <= {"#ff0000"}


def test_the_cache_is_used_and_no_name_leads_out_of_it(qtbot: QtBot, tmp_path: Path, background: Background) -> None:
    sha256 = "ab" * 32
    image = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
    image.fill(255)
    (tmp_path / "cache").mkdir()
    image.save(str(tmp_path / "cache" / f"{sha256}.png"))
    image.save(str(tmp_path / "outside.png"))
    made = Thumbnails(tmp_path / "cache", background)
    with qtbot.waitSignal(made.changed, timeout=20_000):
        made.want([("../outside", tmp_path / "gone"), (sha256, tmp_path / "gone")])
    assert made.pixmap(sha256, "#000000") is not None
    assert made.pixmap("../outside", "#000000") is None


def test_none_is_made_while_a_model_trains(qtbot: QtBot, tmp_path: Path, background: Background) -> None:
    path = tmp_path / "a.safetensors"
    sha256 = save_checkpoint(path, Checkpoint.of_model(make_flow())).sha256
    made = Thumbnails(tmp_path / "cache", background)
    made.set_paused(True)
    made.want([(sha256, path)])
    with qtbot.assertNotEmitted(made.changed, wait=200):
        pass
    assert not (tmp_path / "cache").exists()
    with qtbot.waitSignal(made.changed, timeout=30_000):
        made.set_paused(False)


def test_a_model_that_breaks_keeps_no_other_from_its_picture(
    qtbot: QtBot, tmp_path: Path, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picture(path: Path) -> np.ndarray:
        if path.name == "broken":
            raise KeyError("a defect of ours")
        return np.zeros((SIDE, SIDE), np.uint8)

    monkeypatch.setattr(thumbnails, "_picture", picture)
    made = Thumbnails(tmp_path / "cache", background)
    with qtbot.waitSignal(made.changed, timeout=30_000):
        made.want([("a" * 64, tmp_path / "broken"), ("b" * 64, tmp_path / "good")])
    assert made.pixmap("b" * 64, "#000000") is not None and made.pixmap("a" * 64, "#000000") is None


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_coverage_is_where_the_points_are(dim: int) -> None:
    points = np.random.default_rng(0).normal(size=(500, dim)).astype(np.float32)
    points[0] = np.nan
    grey = coverage(points)
    assert grey.shape == (SIDE, SIDE) and grey.dtype == np.uint8
    assert grey.max() > 150 and grey[0].max() == 0
    lone = np.full((3, dim), 2.0, np.float32)
    assert coverage(lone)[:, : SIDE // 2].max() == 0
    if dim > 1:
        assert coverage(lone)[SIDE // 2 :].max() == 0


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 20, 3), (300, 40, 1)])
def test_a_sheet_shows_images_beside_each_other(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(1, 256, (40, *shape), np.uint8)
    grey = sheet(images)
    assert grey.shape == (SIDE, SIDE) and grey.dtype == np.uint8
    if shape == (8, 8, 1):
        # Five in 96 pixels: two for each of theirs, a gap of two, and three left over at either side
        assert [grey[4 + 18 * row, 4 + 18 * column] for row, column in ((0, 0), (0, 4), (4, 4))] == [
            images[k, 0, 0, 0] for k in (0, 4, 24)
        ]
        assert grey[:4].max() == grey[:, 20:22].max() == 0 and grey[19, 19] == images[0, 7, 7, 0]


def test_the_picture_of_a_model_of_images_is_a_sheet_of_them(tmp_path: Path) -> None:
    flow, names = make_flow(dim=64), tuple(map(str, range(64)))
    shape = ImageShape(8, 8, 1, -1, 7)
    data = DataSummary("digits", "", names, None, shape)
    save_checkpoint(tmp_path / "a.safetensors", replace(Checkpoint.of_model(flow), data=data))
    grey = thumbnails._picture(tmp_path / "a.safetensors")
    assert len(np.unique(grey[4:20, 4:20])) > 20 and grey[:, 20:22].max() == 0
