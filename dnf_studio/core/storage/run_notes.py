"""What a person writes of models: a note and tags each, in one small file of the program's own.

Models lie in folders that may belong to others or cannot be written; so nothing is written beside them. A note belongs
to the tensors of a model by their SHA-256 sum and so goes with every copy under any name. A run that is saved again has
other tensors, which is why the file's place is kept, too: where no note has the sum, the one of the place counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnf_studio.core.files import atomic_file, explain, make_folder
from dnf_studio.core.storage.layout import parse_json
from dnf_studio.errors import StudioError

FORMAT, VERSION = "dnf-studio-notes", 1
MOST_BYTES = 1 << 24
MOST = 10_000
LONGEST_NOTE = 4_000
LONGEST_TAG, MOST_TAGS = 40, 20
WRITING = Lock()
"""One thread at a time reads, changes and writes."""


@dataclass(frozen=True)
class Note:
    """A text and tags; both may be empty."""

    text: str = ""
    tags: tuple[str, ...] = ()


NOTHING = Note()


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(max_length=64)
    path: str = Field(max_length=10_000)
    note: str = Field(max_length=LONGEST_NOTE)
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]], Field(max_length=MOST_TAGS)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["dnf-studio-notes"]
    format_version: Literal[1]
    notes: Annotated[list[_Entry], Field(max_length=MOST)]


class RunNotes:
    """All notes of the file as it was read."""

    def __init__(self, entries: list[_Entry] | None = None) -> None:
        self.entries = entries or []
        self._by_sum = {entry.sha256: entry for entry in self.entries if entry.sha256}
        self._by_path = {entry.path: entry for entry in self.entries}

    def of(self, sha256: str, path: Path) -> Note:
        """The note of a model by the sum of its tensors, else by its place; an empty one where there is none."""
        entry = self._by_sum.get(sha256) or self._by_path.get(_place(path))
        return NOTHING if entry is None else Note(entry.note, tuple(entry.tags))


def tags_of(text: str) -> tuple[str, ...]:
    """The tags of a line where commas part them, each once; raises `StudioError` for too many or too long ones."""
    tags = tuple(dict.fromkeys(filter(None, (" ".join(word.split()) for word in text.split(",")))))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise StudioError(f"A model has at most {MOST_TAGS} tags of at most {LONGEST_TAG} letters; shorten them.")
    return tags


def read_notes(path: Path) -> RunNotes:
    """The notes in the file at `path`, none where there is no file.

    Raises `StudioError` for a file that is no such file, which is then never written over.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return RunNotes()
    except OSError as problem:
        raise StudioError(f"Cannot read the notes in '{path}': {explain(problem)}.") from problem
    try:
        if len(text) > MOST_BYTES:
            raise ValueError("too long")
        values = parse_json(text)
        newer = isinstance(values, dict) and type(version := values.get("format_version")) is int and version > VERSION
        found = RunNotes() if newer else RunNotes(_File.model_validate(values).notes)
    except (ValueError, ValidationError) as problem:
        raise StudioError(
            f"The notes in '{path}' cannot be read: the file is damaged; move it away to begin with new ones."
        ) from problem
    if newer:
        raise StudioError(f"The notes in '{path}' were written by a newer DNF Studio; update DNF Studio to read them.")
    return found


def write_note(file: Path, sha256: str, model: Path, note: Note) -> RunNotes:
    """Make `note` that of the model with this sum at this place, write the file whole, and return all notes.

    What another window wrote in the meantime stays. Raises `StudioError`.
    """
    if len(note.text) > LONGEST_NOTE:
        raise StudioError(f"A note has at most {LONGEST_NOTE:,} letters; shorten it.")
    with WRITING:
        place = _place(model)
        kept = [one for one in read_notes(file).entries if one.path != place and (not sha256 or one.sha256 != sha256)]
        if note != NOTHING:
            kept.append(_Entry(sha256=sha256, path=place, note=_plain(note.text), tags=[*map(_plain, note.tags)]))
        if len(kept) > MOST:
            raise StudioError(f"There are notes on {MOST:,} models already; remove some first.")
        make_folder(file.parent, StudioError)
        values = {"format": FORMAT, "format_version": VERSION, "notes": [one.model_dump() for one in kept]}
        with atomic_file(file, StudioError) as partial:
            partial.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
    return RunNotes(kept)


def _place(path: Path) -> str:
    return _plain(str(path.absolute()))


def _plain(text: str) -> str:
    """Without halves of letters, which names of files may have and JSON cannot hold."""
    return text.encode("utf-8", "replace").decode()
