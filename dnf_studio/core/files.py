"""A file is written whole or not at all, and looked at before it is opened; names that people give to files."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dnf_studio.core.partials import (
    journal_of,
    kept_mark,
    partial_name,
    process_mark,
    remove_abandoned,
    take_partial,
)
from dnf_studio.errors import StudioError, continued

MOST_NAME = 100
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, whatever follows the point."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@contextmanager
def writing(target: Path, error: type[StudioError]) -> Iterator[None]:
    """Within it every `OSError` is raised as one sentence of `error`: that `target` cannot be written, and why."""
    try:
        yield
    except OSError as problem:
        raise error(f"Cannot write '{target}': {explain(problem)}.") from problem


@contextmanager
def atomic_file(target: Path, error: type[StudioError], keep: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Yield a partial path in the target's folder; it becomes `target` when the block ends well.

    The partial file is flushed to the disk, then put in the target's place in one step. Whatever
    ends the block early (an error, Ctrl-C, a closed generator) leaves an older target as it was and removes the
    partial file, unless `keep()` says then that it can be gone on with. What a killed process left in the folder is
    removed first. Every `OSError` is raised as one sentence of `error`.
    """
    final = check_target(target, error)
    remove_abandoned(final.parent)
    partial = final.with_name(partial_name(final.name, process_mark()))
    try:
        with writing(target, error):
            yield partial
            _flush(partial)
            os.replace(partial, final)
            _flush_folder(final.parent)
    finally:
        if os.path.lexists(partial) and keep():
            take_partial(partial, journal_of(partial), final.with_name(partial_name(final.name, kept_mark())))
        else:
            for path in (journal_of(partial), partial):
                path.unlink(missing_ok=True)


def as_path(place: object, error: type[StudioError]) -> Path:
    """`place` as a path; raises `error` where it is neither a string nor a path."""
    if isinstance(place, str | os.PathLike) and isinstance(os.fspath(place), str):
        return Path(place)
    raise error(f"A file is named by a string or a path, not by {place!r:.100}.")


def check_target(target: Path, error: type[StudioError]) -> Path:
    """The file that writing to `target` makes, links followed; raises `error` where it cannot be made."""
    try:
        final = Path(os.path.realpath(target))
        mode = final.stat().st_mode if final.exists() else None
        folder = final.parent.is_dir()
    except (OSError, ValueError) as problem:
        raise error(f"Cannot write '{target}': {explain(problem)}.") from problem
    if mode is not None and stat.S_ISDIR(mode):
        raise error(f"Cannot write '{target}': it is a folder, and a file is needed.")
    if mode is not None and not stat.S_ISREG(mode):
        raise error(f"Cannot write '{target}': it is a device or a pipe, and a file is needed.")
    if not folder:
        raise error(f"Cannot write '{target}': there is no folder '{final.parent}'.")
    if not _is_writable(final.parent):
        raise error(f"Cannot write '{target}': the folder '{final.parent}' is write-protected.")
    if mode is not None and not os.access(final, os.W_OK):
        raise error(f"Cannot write '{target}': the file is write-protected.")
    return final


def make_folder(folder: Path, error: type[StudioError]) -> None:
    """Make `folder`, with those it lies in, where it is not there; raises `error` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise error(f"Cannot make the folder '{folder}': {explain(problem)}.") from problem


def require_writable(folder: Path, error: type[StudioError]) -> None:
    """Raise `error` where no file can be put into `folder` or taken out of it."""
    if not _is_writable(folder):
        raise error(f"The folder '{folder}' is write-protected.")


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def refuse_source(target: Path, sources: Iterable[Path | str], error: type[StudioError]) -> None:
    """Raise `error` where writing to `target` would put an end to one of the files that are read."""
    for source in sources:
        if os.path.exists(source) and os.path.exists(target) and os.path.samefile(source, target):
            raise error(f"Cannot write '{target}': it is the file that is read, which would be lost.")


def source_size(path: Path, error: type[StudioError]) -> int:
    """Bytes of a file that is to be read; raises `error` if there is none or it is no plain file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise error(f"There is no file '{path}'.") from None
    except (OSError, ValueError) as problem:
        raise error(f"Cannot read '{path}': {explain(problem)}.") from problem
    if stat.S_ISDIR(found.st_mode):
        raise error(f"Cannot read '{path}': it is a folder.")
    if not stat.S_ISREG(found.st_mode):
        raise error(f"Cannot read '{path}': it is a device or a pipe.")
    if found.st_size == 0:
        raise error(f"Cannot read '{path}': the file is empty.")
    return found.st_size


def explain(problem: Exception) -> str:
    """Why the system refused, as the end of a sentence. h5py hides the reason in a longer text."""
    number = problem.errno if isinstance(problem, OSError) else None
    if number is None and (hidden := re.search(r"errno = (\d+)", str(problem))):
        number = int(hidden[1])
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if number:
        return continued(os.strerror(number))
    first = str(problem).strip().splitlines()
    return first[0].rstrip(".") if first else type(problem).__name__


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Make the new name last; only POSIX opens folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
