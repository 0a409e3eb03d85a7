"""The log turns over, holds no personal paths, and never gets in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QtMsgType

from dnf_studio.errors import StudioError
from dnf_studio.gui.application.process import Recorder
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import log
from dnf_studio.gui.workspace.log import LOGGER, last_lines, log_folder, private, start_log, stop_log
from dnf_studio.gui.workspace.training import Phase


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Qt's messages stay with pytest-qt
    monkeypatch.setattr(log, "qInstallMessageHandler", lambda _handler: None)
    written = start_log(tmp_path / "state")
    assert written is not None
    yield written
    stop_log()


def test_it_turns_over_in_three_files(file: Path) -> None:
    for k in range(3_400):
        LOGGER.info("%06d %s", k, "x" * 600)
    files = sorted(file.parent.iterdir())
    assert [path.name for path in files] == ["dnf-studio.log", "dnf-studio.log.1", "dnf-studio.log.2"]
    assert all(path.stat().st_size <= 512 * 1024 for path in files)
    assert "003399" in last_lines()[-1] and len(last_lines()) == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open /home/ann/x.csv", "open ~/x.csv"),
        ("'/home/ann'", "'~'"),
        ("/home/anna/x and /data/home/ann/x", "/home/anna/x and /data/home/user/x"),
        ("/media/ann/disk/x", "/media/user/disk/x"),
        ("ann said so", "ann said so"),
    ],
)
def test_the_home_folder_is_a_tilde(monkeypatch: pytest.MonkeyPatch, text: str, expected: str) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ann"))
    assert private(text) == expected


def test_tracebacks_are_kept_without_personal_paths(file: Path) -> None:
    try:
        raise OSError(f"no {Path.home() / 'secret' / 'x.csv'}")
    except OSError as error:
        LOGGER.error("gone", exc_info=error)
    text = file.read_text(encoding="utf-8")
    assert "Traceback" in text and "~" in text and str(Path.home() / "secret") not in text


def test_what_qt_says_is_kept(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Context:
        category = "qt.test"

    log._from_qt(QtMsgType.QtWarningMsg, Context(), "that is odd")
    assert "WARNING Qt qt.test: that is odd" in file.read_text(encoding="utf-8")
    assert "that is odd" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "qInstallMessageHandler", lambda _handler: None)
    (tmp_path / "state").write_text("a file where the folder would be", encoding="utf-8")
    assert start_log(tmp_path / "state") is None
    LOGGER.info("still here")
    assert last_lines()[-1].endswith("still here")
    stop_log()


def test_the_window_is_recorded(file: Path, still_window: MainWindow) -> None:
    window = still_window
    Recorder(window.workspace, window)
    window.studio.training.phase_changed.emit(Phase.STARTING)
    window.studio.said.emit("Saved run.safetensors.")
    window.files.told.emit(StudioError("There is no file."))
    window.files.told.emit(ValueError("a defect"))
    text = file.read_text(encoding="utf-8")
    for part in ("started on", "torch", "run: starting", "Saved run.safetensors", "StudioError: There is no file."):
        assert part in text
    assert "ValueError: a defect" in text


def test_the_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_folder().name == "dnf-studio"
    monkeypatch.setattr(log.sys, "platform", "darwin")
    assert log_folder().parts[-3:] == ("Library", "Logs", "DNF Studio")
