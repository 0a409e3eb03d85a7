"""Notes and tags: what is written comes back, a file of another kind is never written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dnf_studio.core.storage.run_notes import NOTHING, Note, read_notes, tags_of, write_note
from dnf_studio.errors import StudioError

SUM, OTHER = "a" * 64, "b" * 64


def test_a_note_goes_with_the_tensors_and_stays_with_the_place(tmp_path: Path) -> None:
    file, model = tmp_path / "own" / "notes.json", tmp_path / "m.safetensors"
    note = Note("Größer ist besser – “so”", ("good", "für das Papier"))
    assert read_notes(file).of(SUM, model) == NOTHING
    write_note(file, SUM, model, note)
    known = read_notes(file)
    assert known.of(SUM, tmp_path / "copy.safetensors") == note == known.of(OTHER, model)
    assert known.of(OTHER, tmp_path / "copy.safetensors") == NOTHING
    # A file saved anew has other tensors; its note is one, not two
    write_note(file, OTHER, model, Note("new"))
    assert len(read_notes(file).entries) == 1 and read_notes(file).of(OTHER, model).text == "new"
    write_note(file, "", tmp_path / "broken\udcff.safetensors", Note("no sum"))
    assert read_notes(file).of("", tmp_path / "broken\udcff.safetensors").text == "no sum"
    write_note(file, OTHER, model, NOTHING)
    assert [entry.note for entry in read_notes(file).entries] == ["no sum"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"format": "dnf-studio-notes", "format_version": 1, "notes": [{}]}', "{" * 3000, '{"a": NaN}'],
)
def test_what_is_no_such_file_stays_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.json"
    file.write_text(text)
    with pytest.raises(StudioError, match="damaged"):
        write_note(file, SUM, tmp_path / "m", Note("x"))
    assert file.read_text() == text


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text(json.dumps({"format": "dnf-studio-notes", "format_version": 2, "what": []}))
    with pytest.raises(StudioError, match="newer"):
        read_notes(file)


def test_tags_are_parted_by_commas() -> None:
    assert tags_of(" good,  for  the paper ,,good") == ("good", "for the paper")
    assert tags_of("") == ()
    with pytest.raises(StudioError, match="20 tags"):
        tags_of(",".join(map(str, range(21))))
    with pytest.raises(StudioError):
        tags_of("x" * 41)
