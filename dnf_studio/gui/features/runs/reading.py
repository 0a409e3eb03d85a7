"""Reads the headers of all checkpoints that the table of runs lists; for a background thread, as it imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio import assets
from dnf_studio.errors import Check, StudioError
from dnf_studio.gui.features.runs.columns import Run

if TYPE_CHECKING:
    from dnf_studio.core.storage.run_facts import RunFacts

EACH = 40
"""Files between two looks of the window at what is there so far."""
Known = Mapping[Path, "RunFacts"]


@dataclass(frozen=True)
class Batch:
    """All rows so far, how many there will be, and what could not be read, a sentence each."""

    runs: tuple[Run, ...]
    total: int
    problems: tuple[str, ...] = ()


def read_runs(own: Path, folders: Iterable[Path], notes_file: Path, known: Known, check: Check) -> Iterator[Batch]:
    """The bundled models, those in the folder `own` and those in `folders`; what is `known` of a file that has not
    changed since is not read again."""
    from dnf_studio.core.storage.run_facts import run_files
    from dnf_studio.core.storage.run_folder import folder_of
    from dnf_studio.core.storage.run_notes import RunNotes, read_notes

    problems: list[str] = []
    try:
        notes = read_notes(notes_file)
    except StudioError as problem:
        notes = RunNotes()
        problems.append(str(problem))
    listed = [(path, "Bundled", name) for name in assets.checkpoint_names() if (path := assets.checkpoint_path(name))]
    seen = {path for path, _, _ in listed}
    for folder in (own, *folders):
        files, faults = run_files([folder])
        problems += faults if folder != own or own.exists() else []
        for path in files:
            if path not in seen:
                seen.add(path)
                place, run = "My models" if folder == own else folder.name, folder_of(path)
                listed.append((path, place, str(path if run is None else run)))
    runs: list[Run] = []
    for number, (path, place, source) in enumerate(listed, start=1):
        check()
        facts = _facts(path, known)
        runs.append(Run.of(facts, place, source, notes.of(facts.file.sha256, path)))
        if number % EACH == 0:
            yield Batch(tuple(runs), len(listed))
    yield Batch(tuple(runs), len(listed), tuple(problems))


def _facts(path: Path, known: Known) -> RunFacts:
    from dnf_studio.core.storage.run_facts import run_facts

    before = known.get(path)
    try:
        state = path.stat()
    except OSError:
        return run_facts(path)
    if before is not None and (before.file.bytes, before.file.modified) == (state.st_size, state.st_mtime):
        return before
    return run_facts(path)
