"""The settings of an experiment that say which data there are, on their way through files and changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.errors import SettingError

OWN = Config.create({"data": "a.csv", "validation": "b.csv::x,y", "test": "c.npz::rows"})


def test_files_of_ones_own_travel_as_toml_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(OWN.to_toml(), encoding="utf-8")
    assert Config.from_toml(tmp_path / "a.toml") == OWN == Config.from_json(OWN.to_json())
    assert "validation" not in Config().to_toml() and Config().validation is Config().test is None
    with pytest.raises(SettingError, match="'test'"):
        Config.create({"test": ""})


def test_they_go_with_their_data() -> None:
    other = OWN.changed({"data": "moons"})
    assert (other.data, other.validation, other.test) == ("moons", None, None)
    assert OWN.changed({"data": "d.csv", "test": "e.csv"}).test == "e.csv"
    assert OWN.changed({"data": "a.csv", "sde.steps": 5}).test == OWN.changed({"sde.steps": 5}).test == "c.npz::rows"
    assert OWN.changed({"model": "flow"}).validation == "b.csv::x,y"
