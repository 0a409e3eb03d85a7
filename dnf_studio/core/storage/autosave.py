"""The last states of a run that is not saved yet, kept beside the file it will be saved to.

Should the process be killed or the power fail, the run goes on from the newest one. A run that is saved, or given up
by whoever it belongs to, leaves none behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dnf_studio.core.files import explain, files_in, make_folder, writing
from dnf_studio.core.partials import is_left, process_mark
from dnf_studio.errors import CheckpointError

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint

SUFFIX = ".autosave"
OLDER = f"{SUFFIX}-older"
EVERY = 20.0
"""Seconds between two states."""
MOST_LEFT = 5
"""Runs of ended windows that are kept until somebody wants them, the newest."""
MOST_TIME = 0.02
"""Share of the time that keeping states may take; more, and they are kept less often."""


@dataclass(frozen=True)
class Place:
    """Where the two last states of the run lie that is to be saved to one file."""

    newest: Path
    older: Path

    @classmethod
    def beside(cls, file: Path) -> Place:
        """Beside `file`: ``rings.safetensors`` has ``rings.autosave``."""
        stem = file.name.removesuffix(".safetensors")
        return cls(file.with_name(f"{stem}{SUFFIX}"), file.with_name(f"{stem}{OLDER}"))


class Autosave:
    """Keeps the last two states of the run that is to be saved to `file`.

    Each is a checkpoint of the kind ``run``, written whole and flushed to the disk before the one before it becomes
    the older one, so that at every moment there is one that can be read.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._place, self._clock = Place.beside(file), clock
        self._due = clock() + EVERY
        self._own_folder = False

    @classmethod
    def of_process(cls, folder: Path) -> Self:
        """That of the only run of this process, in a `folder` that is the program's own and is made where it is not."""
        made = cls(folder / process_mark())
        made._own_folder = True
        return made

    @property
    def file(self) -> Path:
        """Where the newest state is."""
        return self._place.newest

    @property
    def due(self) -> bool:
        """Whether it is time for the next state."""
        return self.seconds_left == 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds until the next state is due."""
        return max(0.0, self._due - self._clock())

    def keep(self, state: Checkpoint) -> None:
        """Keep `state` and of those before only the last; raises `CheckpointError` where it cannot be written.

        After a failure as after a success the next one is due in its time.
        """
        from dnf_studio.core.storage.checkpoint import save_checkpoint

        started, (newest, older) = self._clock(), (self._place.newest, self._place.older)
        try:
            with writing(newest, CheckpointError):
                if self._own_folder:
                    make_folder(newest.parent, CheckpointError)
                if newest.exists():
                    newest.replace(older)
                save_checkpoint(newest, state)
        finally:
            now = self._clock()
            self._due = now + max(EVERY, (now - started) / MOST_TIME)

    def remove(self) -> None:
        """Remove what is kept: the run is saved, or given up. Raises `CheckpointError` where that cannot be."""
        for path in (self._place.older, self._place.newest):
            try:
                path.unlink(missing_ok=True)
            except OSError as problem:
                raise CheckpointError(f"Cannot remove '{path}': {explain(problem)}.") from problem

    def take_over(self, left: Path) -> None:
        """Keep what another process left at `left` as the state of this one's run, until that has a newer one."""
        try:
            left.replace(self._place.newest)
            left.with_suffix(OLDER).unlink(missing_ok=True)
        except OSError as problem:
            raise CheckpointError(f"Cannot move '{left}': {explain(problem)}.") from problem


def left_autosaves(folder: Path) -> list[Path]:
    """The states in `folder` of runs whose process is no more, the newest first; older than `MOST_LEFT` are removed."""
    found = [path for suffix in (SUFFIX, OLDER) for path in files_in(folder, suffix) if is_left(path.stem)]
    # Of a process that was killed between two states the older one is there alone
    newest = {path.stem: path for path in sorted(found, key=lambda path: path.suffix, reverse=True)}
    left = sorted(newest.values(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in found:
        if path.stem in {old.stem for old in left[MOST_LEFT:]}:
            path.unlink(missing_ok=True)
    return left[:MOST_LEFT]


def newest_autosave(file: Path) -> tuple[Path, Checkpoint] | None:
    """The newest state that can be read of a run that was to be saved to `file`, if it is newer than `file` itself."""
    from dnf_studio.core.storage.checkpoint import read_checkpoint

    place = Place.beside(file)
    saved = file.stat().st_mtime_ns if file.exists() else -1
    for path in (place.newest, place.older):
        try:
            if path.stat().st_mtime_ns > saved:
                return path, read_checkpoint(path)
        except FileNotFoundError:
            continue
        except (OSError, CheckpointError):  # the one before it may be whole
            continue
    return None
