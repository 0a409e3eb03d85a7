"""Names that people give to files, such as every system takes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dnf_studio.errors import StudioError

__all__ = ["checked_name", "is_taken"]

MOST_NAME = 100
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, whatever follows the point."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def checked_name(name: str, suffix: str, what: str) -> str:
    """`name` without `suffix`; raises `StudioError` where no `what`, such as a model, can be called so."""
    plain = name.strip().removesuffix(suffix).strip()
    if not plain:
        raise StudioError(f"A {what} needs a name.")
    if bad := FORBIDDEN.search(plain):
        shown = bad[0] if bad[0].isprintable() else "a control character"
        raise StudioError(f"The name of a {what} cannot contain {shown}; use letters, digits, spaces, - and _.")
    if plain[0] == "." or plain[-1] == "." or RESERVED.fullmatch(plain):
        raise StudioError(f"'{plain}' cannot be the name of a file on every system; choose another name.")
    if len(plain) > MOST_NAME:
        raise StudioError(f"The name is {len(plain)} characters long; at most {MOST_NAME} are possible.")
    return plain


def is_taken(target: Path) -> bool:
    """Whether the folder has a file of this name, in upper or lower case."""
    try:
        return target.name.casefold() in {name.casefold() for name in os.listdir(target.parent)}
    except OSError:
        return False
