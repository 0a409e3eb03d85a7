"""``dnf-studio watch HOST:RUN/``: a run of another machine in the window, through the ssh of whoever watches."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from dnf_studio.cli.output import STOP
from dnf_studio.core.files import make_folder
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.errors import CheckpointError, LinkError, SettingError

PLACE = "Where the run is logged, as for scp: HOST:FOLDER or USER@HOST:FOLDER, HOST also a name of your ssh's settings."
LIMIT = "Most kilobytes a second that come over the net."
MOST_KEPT = 8
"""Runs of other machines that are kept here until they are watched again, the ones watched last."""
MOST_TRIES = 20


def watch(
    place: Annotated[str, Argument(metavar="HOST:RUN/", help=PLACE)],
    limit: Annotated[float, Option("--limit", metavar="KB", help=LIMIT)] = 1000.0,
    as_json: Annotated[bool, Option("--json", help="Print what the window measured on quitting.")] = False,
) -> int:
    """It needs ssh here, and there ssh, ls, tail, head and dd; nothing is installed or listens there."""
    from dnf_studio.cli.window import open_with
    from dnf_studio.gui.application import WindowOptions
    from dnf_studio.link.mirror import Mirror
    from dnf_studio.link.ssh import RunPlace

    if not 1 <= limit <= 1e6:
        raise SettingError(f"--limit takes kilobytes a second from 1 to 1,000,000, not {limit:g}.")
    known = RunPlace.read(place)
    lock = _own_folder(_cache(), place)
    try:
        name = os.path.basename(known.folder.rstrip("/"))
        # Neither '.' nor '..', in which it would lie elsewhere
        mirror = Mirror(known, lock.folder / ((name.strip(".") and name) or "run"), 1000.0 * limit)
        mirror.connect()
        STOP.at_once = False
        try:
            return open_with(WindowOptions(watch=mirror, json=as_json, started=time.perf_counter()))
        finally:
            mirror.close()
    finally:
        lock.release()


def _cache() -> Path:
    from dnf_studio.gui.workspace.memory import cache_folder

    return cache_folder() / "watched"


def _own_folder(cache: Path, place: str) -> RunLock:
    """A folder in `cache` for what comes of `place`, which no other process has; those used longest ago go."""
    make_folder(cache, LinkError)
    name = hashlib.sha256(place.encode()).hexdigest()[:16]
    for number in range(MOST_TRIES):
        try:
            lock = RunLock.take(cache / f"{name}-{number}")
        except CheckpointError:
            continue
        os.utime(lock.folder)
        _trim(cache)
        return lock
    raise LinkError(f"'{place}' is watched by {MOST_TRIES} windows already, or '{cache}' cannot be written.")


def _trim(cache: Path) -> None:
    """Leave those that were watched last; one that another window has is among them, or is left alone."""
    with suppress(OSError):
        found = sorted((path for path in cache.iterdir() if path.is_dir()), key=lambda path: -path.stat().st_mtime)
        for path in found[MOST_KEPT:]:
            with suppress(CheckpointError):
                RunLock.take(path).release()
                shutil.rmtree(path, ignore_errors=True)
