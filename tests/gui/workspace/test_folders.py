"""The folders of the window, and the way there in the file manager."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.memory import Memory, models_folder, own_folder, show_folder


@pytest.mark.parametrize("stored", [None, "", 3, ["a"]])
def test_models_have_a_folder_of_their_own_until_one_is_chosen(tmp_path: Path, stored: object) -> None:
    memory = Memory()
    memory.put("models", stored)
    assert models_folder(memory) == own_folder() / "models"
    memory.put("models", str(tmp_path))
    assert models_folder(memory) == tmp_path


def test_a_folder_is_shown_or_an_error_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = [True, False]
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()) or answers.pop(0))
    show_folder(tmp_path)
    with pytest.raises(StudioError, match="no program here opens folders"):
        show_folder(tmp_path)
    with pytest.raises(StudioError, match="not there"):
        show_folder(tmp_path / "gone")
    assert [Path(file) for file in asked] == [tmp_path, tmp_path]
