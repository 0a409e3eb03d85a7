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


def test_a_fixed_drift_brings_a_schedule_that_goes_with_it() -> None:
    frozen = Config.create({"network": {"drift": "frozen"}})
    assert frozen.sde.total_noise == pytest.approx(4, rel=1e-2) and frozen == frozen.defaults()
    given = Config.create({"network": {"drift": "frozen"}, "sde": {"g_end": 7.0}})
    assert (given.sde.g_start, given.sde.g_end, given.sde.condition) == (6.3, 7.0, "node")
    back = given.changed({"network.drift": "free"})
    assert (back.sde.g_start, back.sde.g_end, back.sde.condition) == (0.5, 7.0, "time")
    assert Config().changed({"network.drift": "residual"}).sde == frozen.sde
    assert Config.from_json(frozen.to_json()) == frozen
    with pytest.raises(SettingError, match="so the drift of a diffusion is 'free'"):
        frozen.changed({"model": "diffusion"})


@pytest.mark.parametrize(("linear", "noise"), [("g", 7 / 3), ("beta", 5 / 2), ("log", 7 / 3)])
def test_total_noise_is_the_integral_of_g_squared_and_scales_g(linear: str, noise: float) -> None:
    config = Config.create({"sde": {"t_start": 1.0, "t_end": 2.0, "g_start": 1.0, "g_end": 2.0, "linear": linear}})
    assert config.sde.total_noise == pytest.approx(noise)
    scaled = config.changed(config.noise_changes(4 * noise)).sde
    assert (scaled.total_noise, scaled.g_start, scaled.g_end) == (pytest.approx(4 * noise), 2, 4)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(SettingError, match="above 0"):
            config.noise_changes(wrong)
