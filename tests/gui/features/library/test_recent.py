"""The last files are listed, remembered, and opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.gui.features.library.model import Section, read_rows
from dnf_studio.gui.features.library.recent import Recent, RecentFile, RecentMenu
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.memory import Memory
from tests.core.storage.files import make_flow

Open = Callable[[str], None]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "a & b.csv"
    np.savetxt(path, np.random.default_rng(0).normal(size=(40, 3)), delimiter=",", header="x,y,z", comments="")
    return path


def test_ten_files_are_kept_newest_first_and_once(qapp: object, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "a.ini"), QSettings.Format.IniFormat)
    recent = Recent(Memory(settings))
    for number in range(12):
        recent.add(f"/x/{number}.csv", "data")
    recent.add("/x/5.csv", "data")
    again = Recent(Memory(settings)).files
    assert again == recent.files
    assert [file.path.name for file in again] == [f"{k}.csv" for k in (5, 11, 10, 9, 8, 7, 6, 4, 3, 2)]
    recent.clear()
    assert Recent(Memory(settings)).files == ()


def test_a_moved_file_keeps_its_place_and_a_deleted_one_goes(qapp: object) -> None:
    recent = Recent(Memory())
    for name in ("a", "b", "c"):
        recent.add(f"/x/{name}.safetensors", "checkpoint")
    recent.moved(Path("/x/b.safetensors"), Path("/x/d.safetensors"))
    recent.moved(Path("/x/c.safetensors"), None)
    assert [file.path.stem for file in recent.files] == ["d", "a"]


def test_opened_and_saved_files_are_remembered(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, table: Path
) -> None:
    open_in("circle")
    assert window.parts["library"].recent.files == ()
    open_in(f"{table}::x,z")
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.files.save_to(tmp_path / "m.safetensors", "weights")
    assert window.parts["library"].recent.files == (
        RecentFile(str(tmp_path / "m.safetensors"), "checkpoint"),
        RecentFile(f"{table}::x,z", "data"),
    )


def test_the_menu_opens_them_again_and_leaves_out_what_is_gone(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, table: Path
) -> None:
    menu = window.parts["library"].menu
    assert not menu.menuAction().isEnabled()
    assert menu.menuAction() in window.menuBar().actions()[0].menu().actions()
    gone = tmp_path / "gone.safetensors"
    window.parts["library"].recent.add(gone, "checkpoint")
    open_in(str(table))
    open_in("circle")
    assert menu.menuAction().isEnabled()
    menu.aboutToShow.emit()
    first, second = menu.actions()[:2]
    assert "a && b.csv" in first.text() and first.isEnabled() and first.toolTip() == str(table)
    assert second.isSeparator()
    gone.touch()
    menu.aboutToShow.emit()
    assert "gone" in menu.actions()[1].text(), "where it is there again"
    first = menu.actions()[0]
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        first.trigger()
    assert window.studio.current is not None and window.studio.current.shown.dim == 3
    menu.actions()[-1].trigger()
    assert window.parts["library"].recent.files == () and not menu.menuAction().isEnabled()


def test_a_folder_of_images_is_there(still_window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    recent = still_window.parts["library"].recent
    recent.add(tmp_path / "images", "data")
    recent.add(tmp_path / "gone", "data")
    menu = still_window.parts["library"].menu
    menu.fill()
    assert "images" in menu.actions()[0].text() and menu.actions()[1].isSeparator()
    cards = [row.card for row in read_rows(tmp_path, recent.files) if row.card is not None]
    assert [card.source for card in cards if card.section is Section.RECENT] == [str(tmp_path / "images")]


def test_the_last_file_is_reopened_only_where_wished_and_there(still_window: MainWindow, tmp_path: Path) -> None:
    library, reopen = still_window.parts["library"], still_window.commands["reopen"]
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, Checkpoint.of_model(make_flow()))
    library.recent.add(path, "checkpoint")
    assert not reopen.isChecked() and library.last_file is None
    reopen.trigger()
    assert library.last_file == str(path)
    path.unlink()
    assert library.last_file is None


def test_a_file_may_have_colons_in_its_name(window: MainWindow, open_in: Open, tmp_path: Path, table: Path) -> None:
    odd = tmp_path / "x::y.csv"
    odd.write_bytes(table.read_bytes())
    open_in(f"{odd}::x,z")
    (file,) = window.parts["library"].recent.files
    assert (file.path, file.label) == (odd, "x::y.csv (x,z) – data")
    open_in(str(odd))
    assert window.parts["library"].recent.files[0] == RecentFile(str(odd), "data")
    assert window.parts["library"].recent.files[0].path == odd


def test_names_that_no_system_takes_are_left_out(qapp: object) -> None:
    recent = Recent(Memory())
    recent.add("x" * 5000, "data")
    recent.add("a\0b.csv", "data")
    menu = RecentMenu(recent)
    menu.fill()
    assert [action.text() for action in menu.actions()] == ["", "&Clear list"]


def test_an_empty_menu_can_be_made_without_a_window(qapp: object) -> None:
    menu = RecentMenu(Recent(Memory()))
    menu.fill()
    assert not menu.menuAction().isEnabled()
