"""Trials on tables: as many of each model, kept one by one, and the best of those that all have had is chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.reproduce import tuning
from dnf_studio.reproduce.cell import _config
from dnf_studio.reproduce.plan import QUICK, TABLES, Cell
from dnf_studio.reproduce.spline import SplineSettings
from dnf_studio.reproduce.tuning import TRIALS, chosen, common, run_trials


def test_every_model_has_as_many_trials_whose_settings_there_are() -> None:
    assert {len(trials) for trials in TRIALS.values()} == {8}
    for model, trials in TRIALS.items():
        assert len({repr(_checked("wine", model, one)) for one in trials}) == len(trials)


def _checked(data: str, model: str, settings: Mapping[str, Any]) -> Config | SplineSettings:
    """These settings, if there are such; raises otherwise."""
    if model == "spline":
        return SplineSettings.of(settings)
    return Config.create({"data": data, "model": model}).changed(dict(settings))


def test_the_lowest_validation_nll_chooses_among_trials_that_all_have_had(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [("diffflow", 0, 3.0, 1.0), ("diffflow", 1, 2.0, 2.0), ("diffflow", 2, 1.0, 4.0), ("flow", 0, 9.0, 1.0),
              ("flow", 1, None, 1.0), ("spline", 0, 9.0, 1.0), ("spline", 1, 9.0, 2.0)]  # fmt: skip
    rows = tuple(
        {"data": "wine", "model": model, "trial": k, "sde.g_end": g, "seed": 0, "nll": nll}
        for model, k, nll, g in trials
    )
    monkeypatch.setattr(tuning, "_bundled", lambda: rows)
    assert chosen("wine", "diffflow") == {"sde.g_end": 2.0}
    assert chosen("wine", "flow") == {"sde.g_end": 1.0}
    assert chosen("digits", "flow") == {}
    assert _config(Cell("wine", "diffflow", 0), QUICK).sde.g_end == 2.0
    assert _config(Cell("rings", "diffflow", 0), QUICK).sde == Config.create({"model": "diffflow"}).sde
    assert common("diffflow", ("wine",)) == {"sde.g_end": 2.0} and common("diffflow") == {}


def test_of_several_tables_the_best_mean_rank_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    nlls = {"wine": (3.0, 2.0, 1.0), "digits": (70.0, 60.0, 500.0)}
    rows = tuple(
        {"data": data, "model": model, "trial": number, "sde.g_end": float(number + 1), "nll": nll}
        for data, own in nlls.items()
        for model in TRIALS
        for number, nll in enumerate(own)
    )
    monkeypatch.setattr(tuning, "_bundled", lambda: rows)
    assert common("flow", ("wine", "digits")) == {"sde.g_end": 2.0}
    assert chosen("wine", "flow") == {"sde.g_end": 3.0}


def test_the_preset_for_tables_is_what_the_trials_chose() -> None:
    path = assets.preset_path("tables")
    assert path is not None
    assert Config.from_toml(path) == Config().changed(common("diffflow"))


def test_trials_that_are_bundled_are_of_the_list_and_name_no_test_row() -> None:
    rows = tuning._bundled.__wrapped__()
    assert rows
    for one in rows:
        settings = {name: value for name, value in one.items() if "." in name}
        assert settings == dict(TRIALS[one["model"]][one["trial"]]) and one["data"] in TABLES
        assert one["CPU seconds"] <= 60 and one["seed"] == 0
    for data in TABLES:
        for model in TRIALS:
            _checked(data, model, chosen(data, model))


def test_trials_are_kept_one_by_one_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"network.layers": 1, "network.channels": 4, "sde.steps": 2, "training.batch": 8}
    monkeypatch.setattr(tuning, "TRIALS", {"diffflow": (small,), "spline": ({"spline.hidden": 4},)})
    monkeypatch.setattr(tuning, "TIMED", 2)
    path = tmp_path / "trials.json"
    first = next(run_trials(path, ("wine",), seconds=0.01))
    assert first["model"] == "diffflow" and first["nll"] > 0 and first["iterations"] >= 2
    (second,) = run_trials(path, ("wine",), seconds=0.01)
    assert second["model"] == "spline" and second["nll"] > 0 and second["iterations"] > 0
    assert not list(run_trials(path, ("wine",)))
    assert json.loads(path.read_text())["trials"] == [first, second]
