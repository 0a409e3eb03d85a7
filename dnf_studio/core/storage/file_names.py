"""Names that people give to files, such as every system takes, and the files of a folder that bear them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dnf_studio.core.storage.atomic import explain, require_writable
from dnf_studio.errors import StudioError

__all__ = ["checked_name", "files_in", "is_taken", "renamed", "with_suffix"]

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


def with_suffix(name: str, suffix: str) -> Path:
    """`name` as a path, with `suffix` where it has none."""
    return Path(name) if Path(name).suffix else Path(f"{name}{suffix}")


def files_in(folder: Path, suffix: str) -> list[Path]:
    """What bears `suffix` in `folder` and is not hidden; nothing where there is no folder. Raises `StudioError`."""
    try:
        return [path for path in folder.iterdir() if path.suffix.lower() == suffix and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as problem:
        raise StudioError(f"Cannot read the folder '{folder}': {explain(problem)}.") from problem


def renamed(path: Path, name: str, what: str) -> Path:
    """Give the `what` at `path`, such as a model, another `name` in its folder and return where it is.

    Raises `StudioError` where the name is taken or the system refuses.
    """
    target = path.with_name(name)
    if target == path:
        return path
    # Upper and lower case of the same letters may be one file or two; here they are one
    if target.name.casefold() != path.name.casefold() and is_taken(target):
        raise StudioError(f"There is a {what} named '{target.stem}' already; choose another name.")
    require_writable(path.parent, StudioError)
    try:
        path.replace(target)
    except OSError as problem:
        raise StudioError(f"Cannot rename '{path.name}': {explain(problem)}.") from problem
    return target


def is_taken(target: Path) -> bool:
    """Whether the folder has a file of this name, in upper or lower case."""
    try:
        return target.name.casefold() in {name.casefold() for name in os.listdir(target.parent)}
    except OSError:
        return False
