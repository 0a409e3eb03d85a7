"""A session file is read back as it was written, and everything else is refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.core.storage import session_file
from dnf_studio.core.storage.session_file import (
    Layout,
    ModelPlace,
    SessionFile,
    TimeAt,
    View,
    newer_keys,
    parse_session,
    read_session,
    write_session,
)
from dnf_studio.core.storage.session_places import file_name, find, place_name
from dnf_studio.errors import StudioError

WHOLE = SessionFile(
    format=session_file.FORMAT,
    format_version=session_file.VERSION,
    model=ModelPlace(kind="file", name="models/rings.safetensors", sha256="ab" * 32),
    config={"data": "rings", "sde": {"steps": 4}},
    files={"data": "../data/moons.csv"},
    view=View(lam=0.1 + 0.2, grid=(0.0, 1 / 3, 1.0), selection=(7, 3), layers=("points",)),
    cursor=TimeAt(fraction=1 / 3, loop=False),
    layout=Layout.of("AAAA", {"rows": [300, 200]}, "Loss"),
    compared=ModelPlace(kind="bundled", name="diffusion-rings"),
    curves=(ModelPlace(kind="file", name="b.safetensors"),),
    notes="Größer als gedacht.\n",
)
VALUES: dict[str, Any] = json.loads(WHOLE.model_dump_json())
PARTS = st.sampled_from([(name,) for name in VALUES] + [("view", name) for name in VALUES["view"]])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "a.dnfsession"


def refused(raw: bytes, place: Path | None = None) -> str:
    with pytest.raises(StudioError) as caught:
        if place is None:
            parse_session(raw, "a.dnfsession")
        else:
            place.write_bytes(raw)
            read_session(place)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
    return sentence


def test_it_is_read_as_it_was_written(place: Path) -> None:
    write_session(place, WHOLE)
    assert read_session(place) == WHOLE and newer_keys(WHOLE) == []
    raw = place.read_bytes()
    write_session(place, read_session(place))
    assert place.read_bytes() == raw
    assert WHOLE.layout is not None and WHOLE.layout.sound
    assert not WHOLE.layout.model_copy(update={"docks": "AAAB"}).sound
    assert os.listdir(place.parent) == [place.name]


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_part_of_it_is_none(length: int) -> None:
    raw = WHOLE.model_dump_json().encode()
    assert "cut off" in refused(raw[: 1 + length % (len(raw) - 1)])


@settings(max_examples=30)
@given(JUNK)
def test_other_json_is_none(value: object) -> None:
    assert "no session" in refused(json.dumps(value).encode())


@settings(max_examples=30)
@given(PARTS, JUNK)
def test_a_wrong_part_is_named_or_can_be(where: tuple[str, ...], value: object) -> None:
    values = json.loads(json.dumps(VALUES))
    part = values
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    raw = json.dumps(values).encode()
    try:
        assert isinstance(parse_session(raw, "a.dnfsession"), SessionFile)
    except StudioError:
        assert where[-1] in refused(raw) or where[-1].startswith("format")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format_version": 2}, "newer DNF Studio"),
        ({"format": "dnf-studio time grid"}, "no session of"),
        ({"notes": "x" * (session_file.MOST_NOTES + 1)}, "notes"),
        ({"view": {"layers": ["points"] * 101}}, "view.layers"),
        ({"view": {"lam": float("nan")}}, "view.lam"),
        ({"cursor": {"fraction": 1.5}}, "cursor.fraction"),
    ],
)
def test_wrong_values(change: dict[str, Any], word: str) -> None:
    assert word in refused(json.dumps(VALUES | change).encode())


def test_deep_huge_and_foreign_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no session" in refused(b"[" * 100_000)
    assert "no session" in refused(b"\x89PNG\r\n\x1a\n", place)
    assert "empty" in refused(b"", place)
    monkeypatch.setattr(session_file, "MOST_BYTES", 1 << 20)
    assert "larger than 1 MiB" in refused(b" " * ((1 << 20) + 1), place)


def test_what_a_newer_version_adds_is_named(place: Path) -> None:
    more = VALUES | {"mood": 1, "view": VALUES["view"] | {"depth": 3}}
    place.write_text(json.dumps(more), encoding="utf-8")
    assert newer_keys(read_session(place)) == ["mood", "view.depth"]


def test_nothing_is_written_over_what_is_read(place: Path) -> None:
    place.write_bytes(b"a model")
    with pytest.raises(StudioError, match="would be lost"):
        write_session(place, WHOLE, (place,))
    assert place.read_bytes() == b"a model"


def test_places(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    (home / "models").mkdir(parents=True)
    assert place_name(home / "models" / "m.safetensors", home) == "models/m.safetensors"
    assert place_name(tmp_path / "a" / "c" / "m.pt", home) == "../c/m.pt"
    assert place_name(tmp_path / "m.pt", home) == (tmp_path / "m.pt").as_posix()
    assert file_name("C:\\models\\m.pt") == file_name("/x/m.pt") == "m.pt"
    assert find("C:\\models\\m.pt", home) is None and find("\x00", home) is None
    (home / "m.pt").write_bytes(b"x")
    assert find("/nowhere/m.pt", home) == find("C:\\models\\m.pt", home) == home / "m.pt"
