"""The file in what a person names, and what is chosen of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnf_studio.core.data.naming import split_selection


@pytest.mark.parametrize("name", ["a.csv", "a::b.csv", "::a.csv", "a::0,1.csv", "ä ö ☃.csv"])
def test_colons_in_the_name_of_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.touch()
    assert split_selection(str(file)) == (file, None)
    assert split_selection(f"{file}::x,y") == (file, "x,y")
    assert split_selection(f"{file}::in/side::x") == (file, "in/side::x")


def test_of_what_is_not_there_the_first_part_is_the_file() -> None:
    assert split_selection("no.h5::a::b") == (Path("no.h5"), "a::b")
    assert split_selection("no.h5") == (Path("no.h5"), None)


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert split_selection("~/a.csv::x") == (tmp_path / "a.csv", "x")
