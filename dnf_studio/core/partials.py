"""The partial files of what is being written, and whose they are: a running process's, or left by one that ended."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

PARTIAL, JOURNAL = ".partial-", ".journal-"
MARK = re.compile(r"(?P<machine>[0-9a-f]{8})-(?P<process>[0-9]+)")
NAME = re.compile(r"(?P<name>\..*)\.(partial|journal)-(?P<mark>.*)")


def remove_abandoned(folder: Path) -> None:
    """Remove the partial files in `folder` of processes of this machine that are no more.

    Never those of a running process or of another machine or container, whose processes are not known here, nor one
    with a journal, which can be gone on with; what cannot be removed stays.
    """
    partials, journals = _found(folder)
    for path in partials:
        if _is_left(path) and not _journals(path, partials, journals):
            _remove(path)
    for path in journals:
        if _is_left(path) and not _partials(path, partials, journals):
            _remove(path)


def left_with_journal(folder: Path) -> list[tuple[Path, Path]]:
    """Partial files that processes of this machine left in `folder`, never those of a running one, with their journals.

    Each can be gone on with.
    """
    partials, journals = _found(folder)
    left = [path for path in journals if _is_left(path)]
    pairs = [(partial, path) for path in left for partial in _partials(path, partials, journals)[:1]]
    return [(partial, journal) for partial, journal in pairs if _is_left(partial)]


def journal_of(partial: Path) -> Path:
    """Where the journal of a partial file lies, if it has one."""
    return _other(partial, PARTIAL, JOURNAL)


def _found(folder: Path) -> tuple[list[Path], list[Path]]:
    """All partial files and all journals."""
    return sorted(folder.glob(f".*{PARTIAL}*")), sorted(folder.glob(f".*{JOURNAL}*"))


def _journals(partial: Path, partials: list[Path], journals: list[Path]) -> list[Path]:
    """The journal of `partial`, if it has one.

    The two take a new name one after the other: in between, or where a process died there, they have different marks.
    """
    own = [path for path in journals if path == journal_of(partial)]
    return own or [path for path in journals if _name(path) == _name(partial) and _own(path) not in partials]


def _partials(journal: Path, partials: list[Path], journals: list[Path]) -> list[Path]:
    """The partial file of `journal`, the other way round."""
    own = [path for path in partials if path == _own(journal)]
    return own or [path for path in partials if _name(path) == _name(journal) and journal_of(path) not in journals]


def _own(journal: Path) -> Path:
    return _other(journal, JOURNAL, PARTIAL)


def _other(path: Path, kind: str, other: str) -> Path:
    name, _, mark = path.name.rpartition(kind)
    return path.with_name(f"{name}{other}{mark}")


def _name(path: Path) -> str:
    """What a partial file and its journal have in common: a point and the name of the file that is written."""
    found = NAME.fullmatch(path.name)
    return found["name"] if found else ""


def _is_left(path: Path) -> bool:
    found = NAME.fullmatch(path.name)
    return found is not None and is_left(found["mark"])


def _remove(path: Path) -> None:
    with suppress(OSError):  # somebody else was first, or it is not ours to remove
        path.unlink()


def take_partial(partial: Path, journal: Path, new: Path) -> None:
    """Give a partial file and its `journal` the `new` name of one; raises `OSError`.

    It is taken once: where two processes try, the second finds no journal.
    """
    os.replace(journal, journal_of(new))
    os.replace(partial, new)


def process_mark() -> str:
    """What marks the files of this process in a folder that several use."""
    return f"{_machine()}-{os.getpid()}"


def is_left(mark: str) -> bool:
    """Whether `mark` is the `process_mark` of a process of this machine that is no more, or of none that goes on."""
    found = MARK.fullmatch(mark)
    if found is None or found["machine"] != _machine():
        return False
    return mark == kept_mark() or not _is_running(int(found["process"]))


def kept_mark() -> str:
    """What marks the files that a process of this machine left on purpose, to be gone on with by any other."""
    return f"{_machine()}-0"


def _is_running(process: int) -> bool:
    """Whether there is such a process; where that cannot be asked without harm, as on Windows, there is."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's, or no number of a process
        return True
    return True


@cache
def _machine() -> str:
    """A short name of those processes whose numbers mean something here: of this machine, or of this container."""
    numbers = os.readlink("/proc/self/ns/pid") if sys.platform == "linux" and Path("/proc/self/ns/pid").exists() else ""
    return hashlib.sha256(f"{platform.node()} {numbers}".encode()).hexdigest()[:8]


def partial_name(name: str, mark: str) -> str:
    """A hidden name beside `name`, with as much of it as fits into the 255 bytes of a file name."""
    end = f"{PARTIAL}{mark}"
    return f".{name.encode(errors='ignore')[: 254 - len(end)].decode(errors='ignore')}{end}"
