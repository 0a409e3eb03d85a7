"""How a session names files, so that it opens in another folder, and where they are found again."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from dnf_studio.errors import StudioError


def place_name(path: Path, folder: Path) -> str:
    """What a session in `folder` calls the file: relative where it is in that folder or in one beside it, else whole.

    Folders are separated by / on every system.
    """
    whole, home = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    near = whole.is_relative_to(home) or (home.parent != Path(home.anchor) and whole.is_relative_to(home.parent))
    return Path(os.path.relpath(whole, home)).as_posix() if near else whole.as_posix()


def file_name(name: str) -> str:
    """The last part of a path, of whatever system it is."""
    return PureWindowsPath(name).name or PurePosixPath(name).name or name


def find(name: str, folder: Path) -> Path | None:
    """Where what a session in `folder` names is now: there, or beside the session; None where it is neither."""
    for path in (folder / name, folder / file_name(name)):
        try:
            # A folder of images is data, too
            if path.is_file() or path.is_dir():
                return Path(os.path.normpath(path))
        except (OSError, ValueError):
            continue
    return None


def model_sum(path: Path) -> str:
    """The sum of the tensors that a checkpoint says it has; empty where it says none or is no checkpoint."""
    # With torch, which the window has later
    from dnf_studio.core.storage.checkpoint import read_heading

    try:
        return read_heading(path).sha256
    except (StudioError, OSError):
        return ""
