"""A report from the window: asked for, measured in a thread, written whole, or cancelled and not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.gui.features.report.controller import NOTHING, ReportController
from dnf_studio.gui.workspace.dialogs import ErrorDialog
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.reports import measured
from tests.core.storage.files import make_flow, make_run


def test_the_window_writes_a_report_can_be_stopped_and_tells_what_fails(
    workspace: Workspace,
    qtbot: QtBot,
    open_model: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = replace(measured.QUICK, bound=20, ode=8, excess=16, neighbours=40, samples=20)
    monkeypatch.setattr(measured, "QUICK", quick)
    monkeypatch.setattr(measured, "STEPS", (2,))
    monkeypatch.setattr("dnf_studio.gui.workspace.opening.DISPLAY_POINTS", 50)
    said: list[str] = []
    workspace = replace(workspace, say=said.append)
    controller = ReportController(workspace)
    names = iter(["told", "stopped.html", str(tmp_path / "no" / "a.html"), ""])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / next(names)), ""))
    workspace.commands["write-report"].trigger()
    assert said == [NOTHING]
    save_checkpoint(tmp_path / "small.safetensors", make_run(make_flow()))
    open_model(str(tmp_path / "small.safetensors"))
    workspace.commands["write-report"].trigger()
    assert controller.dialog is not None and controller.dialog.isVisible()
    qtbot.waitUntil(lambda: controller.dialog is None, timeout=60_000)
    text = (tmp_path / "told.html").read_text(encoding="utf-8")
    assert "Report on small.safetensors" in text and "NLL bound" in text and "told.html" in said[-1]
    workspace.commands["write-report"].trigger()
    assert controller.dialog is not None
    controller.dialog.canceled.emit()
    assert controller.dialog is None and "nothing was written" in said[-1]
    told: list[BaseException] = []
    monkeypatch.setattr(ErrorDialog, "show", lambda _self: None)
    workspace.files.told.connect(told.append)
    workspace.commands["write-report"].trigger()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert "there is no folder" in str(told[0])
    assert [file.name for file in tmp_path.glob("*.html")] == ["told.html"]
