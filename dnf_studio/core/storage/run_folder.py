"""The folder of a run: what lies where in it, what it is of, and which of its weights are the newest.

``train --log RUN/`` writes it while it trains, so it may be read at any moment and over any shared file system:
everything but the record, which only grows, is written whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnf_studio.core.files import atomic_file, explain
from dnf_studio.core.storage.autosave import Place
from dnf_studio.errors import CheckpointError

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint

FORMAT, FORMAT_VERSION = "dnf-studio-run", 1
HEAD, RECORD, LOCK = "run.json", "record.jsonl", "run.lock"
FILE = "run.safetensors"
"""The checkpoint of the run at its end; autosaves and snapshots are named after it."""
NEWEST = "newest.safetensors"
"""Weights that are newer than the last snapshot, while the run lasts."""
MOST_HEAD = 1 << 22
TRIES = 3
"""Looks at a folder in which every file of weights was replaced between finding and reading it."""


@dataclass(frozen=True)
class Head:
    """What ``run.json`` says of a run, written whole when it begins and when it goes on."""

    settings: dict[str, Any]
    """The settings it goes on with (formats.md, section 3)."""
    environment: dict[str, Any]
    """Where it trains: host, process, versions, device, threads; for a person to read."""
    created: str
    """When it began, ISO 8601."""


def is_run_folder(folder: Path) -> bool:
    """Whether a run is, or is about to be, logged in `folder`."""
    return any(os.path.isfile(folder / name) for name in (HEAD, LOCK))


def checkpoint_file(folder: Path) -> Path:
    """Where the checkpoint at the end of the run lies; what there is before that is found by its name."""
    return folder / FILE


def write_head(folder: Path, head: Head, creator: str) -> None:
    """Write ``run.json`` whole; raises `CheckpointError` where that cannot be."""
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "creator": creator,
        "created": head.created,
        "settings": head.settings,
        "environment": head.environment,
    }
    with atomic_file(folder / HEAD, CheckpointError) as partial:
        partial.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


def read_head(folder: Path) -> Head | None:
    """What ``run.json`` says; None where the run is only about to begin.

    Raises `CheckpointError` where `folder` is no run, is damaged, or was written by a newer version.
    """
    try:
        with (folder / HEAD).open("rb") as file:
            text = file.read(MOST_HEAD + 1)
    except FileNotFoundError:
        if is_run_folder(folder):
            return None
        raise CheckpointError(_no_run(folder)) from None
    except OSError as problem:
        raise CheckpointError(f"Cannot read the run '{folder}': {explain(problem)}.") from problem
    try:
        values = json.loads(text) if len(text) <= MOST_HEAD else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        raise CheckpointError(f"The file '{folder / HEAD}' is not that of a run; it is damaged, or of another program.")
    version = values.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CheckpointError(
            f"The run '{folder}' was written by a newer DNF Studio (format {version}, known here is {FORMAT_VERSION}); "
            "update DNF Studio to read it."
        )
    parts = [values.get(name) for name in ("settings", "environment")]
    settings, environment = (dict(part) if isinstance(part, Mapping) else {} for part in parts)
    return Head(settings, environment, str(values.get("created", ""))[:40])


def check_new(folder: Path) -> None:
    """Raise `CheckpointError` where no new run can be logged in `folder`: it holds one, or what is none of ours."""
    try:
        found = sorted(os.listdir(folder)) if os.path.lexists(folder) else []
    except OSError as problem:
        raise CheckpointError(f"Cannot log in '{folder}': {explain(problem)}.") from problem
    if HEAD in found:
        raise CheckpointError(
            f"'{folder}' holds a run already; go on with it by --resume '{folder}', or name another folder."
        )
    if others := [name for name in found if name != LOCK and not name.startswith(".")]:
        raise CheckpointError(
            f"'{folder}' is not empty, it holds '{others[0]}'; a run needs a folder of its own, so name another one."
        )


def weight_files(folder: Path) -> list[Path]:
    """The files of `folder` that hold weights of the run, those of the latest iteration first."""
    from dnf_studio.core.storage.checkpoint import read_heading

    file = checkpoint_file(folder)
    place, found = Place.beside(file), []
    for order, path in enumerate((file, place.newest, place.older, folder / NEWEST)):
        try:
            found.append((-read_heading(path).iteration, order, path))
        except CheckpointError:  # not there, or being replaced
            continue
    found += [(-int(path.stem), 9, path) for path in snapshot_files(folder)[-1:]]
    return [path for _, _, path in sorted(found)]


def snapshot_files(folder: Path) -> list[Path]:
    """The files of the snapshots in the order of their iterations; none where they cannot be listed."""
    # Here, as the window asks before torch is there whether a folder is that of a run
    from dnf_studio.core.storage.snapshots import NAME, snapshot_folder

    try:
        with os.scandir(snapshot_folder(checkpoint_file(folder))) as entries:
            names = sorted(entry.path for entry in entries if NAME.fullmatch(entry.name))
    except OSError:
        return []
    return [Path(name) for name in names]


def listed_file(folder: Path) -> Path | None:
    """The one file by which a list of models has the run in `folder`: its checkpoint, else what there is of it so far.

    Of these states with their curve come before weights alone. None where there is none yet.
    """
    file = checkpoint_file(folder)
    place = Place.beside(file)
    known = (file, place.newest, place.older, folder / NEWEST, *snapshot_files(folder)[-1:])
    return next((path for path in known if os.path.isfile(path)), None)


def folder_of(file: Path) -> Path | None:
    """The folder of a run that `listed_file` has by this `file`; None of all others."""
    place = Place.beside(checkpoint_file(file.parent))
    folder = file.parent.parent if file.parent.name == "run.snapshots" else file.parent
    inside = file.name in (FILE, NEWEST, place.newest.name, place.older.name) or folder != file.parent
    return folder if inside and is_run_folder(folder) else None


def newest_checkpoint(folder: Path) -> tuple[Path, Checkpoint]:
    """The newest weights of the run in `folder`, and their file: at its end its checkpoint.

    Raises `CheckpointError` where there are none yet, or where it is no run.
    """
    from dnf_studio.core.storage.checkpoint import read_checkpoint

    if not os.path.exists(folder):
        raise CheckpointError(f"There is no folder '{folder}'.")
    read_head(folder)
    problem = CheckpointError(f"The run '{folder}' holds no weights yet; wait until it has begun.")
    for _ in range(TRIES):
        for path in weight_files(folder):
            try:
                return path, read_checkpoint(path)
            except CheckpointError as error:  # thinned out or replaced meanwhile, or damaged
                problem = error
    raise problem


def _no_run(folder: Path) -> str:
    return f"'{folder}' is a folder, and not that of a run: it has no {HEAD}, which 'train --log' writes."
