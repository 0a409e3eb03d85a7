"""What a person or a settings file names as data: a file, and after ``::`` what is chosen of it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["split_selection"]


def split_selection(source: str) -> tuple[Path, str | None]:
    """The file that `source` begins with and what is chosen of it (None: everything).

    A file may have colons in its own name: the longest part of `source` that is there is the file.
    """
    source = os.path.expanduser(source)
    if "::" not in source or os.path.exists(source):
        return Path(source), None
    parts = source.split("::")
    for count in range(len(parts) - 1, 0, -1):
        if os.path.exists(name := "::".join(parts[:count])):
            return Path(name), "::".join(parts[count:])
    return Path(parts[0]), "::".join(parts[1:])
