"""Runs that were not saved when their window closed: found at the next start, told in words, and taken up again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio.config import Config
from dnf_studio.core.storage.autosave import left_autosaves
from dnf_studio.errors import CheckpointError
from dnf_studio.gui.workspace.opening import Opened, open_any
from dnf_studio.gui.workspace.shown import data_label

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run


def newest_left(folder: Path) -> tuple[Path, str] | None:
    """The newest run in `folder` that can be read and whose process is no more, and which one it is in words.

    For a thread: it imports torch.
    """
    from dnf_studio.core.storage.checkpoint import read_heading

    for path in left_autosaves(folder):
        try:
            kept, moment = read_heading(path), datetime.fromtimestamp(path.stat().st_mtime)
        except (CheckpointError, OSError):  # another one may be whole
            continue
        when = f"{moment:%H:%M}" if moment.date() == datetime.now().date() else f"{moment:%d %B, %H:%M}"
        return path, f"the run of {when} on {data_label(kept.config.data)}, iteration {kept.iteration:,}"
    return None


def left_run(left: Path, config: Config) -> tuple[Opened, Run]:
    """What is kept at `left` to be shown, without a file of its own, and as a run to go on with; raises `StudioError`.

    `config` has the settings that are set now.
    """
    from dnf_studio.core.training.run import Run

    opened = open_any(str(left), config).called("recovered run")
    return replace(opened, path=None, source="", kind=""), Run.resume(left)
