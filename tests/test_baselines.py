"""The diffusion model, the flow and flow matching by the command line, as a DiffFlow goes through it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dnf_studio import api
from dnf_studio.cli import main
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import MODEL_KINDS

MODELS = ("diffusion", "flow", "matching")
TOML = """
data = "moons"
[sde]
steps = 4
[network]
layers = 1
channels = 8
[training]
iterations = 3
batch = 32
device = "cpu"
progressive = false
"""


class Told:
    """Runs the command line and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        return code, *self._capsys.readouterr()

    def json(self, *words: object) -> dict[str, Any]:
        code, out, err = self(*words, "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of three iterations of each model."""
    folder = tmp_path_factory.mktemp("baselines")
    (folder / "small.toml").write_text(TOML)
    paths = {name: folder / f"{name}.safetensors" for name in MODELS}
    for name, path in paths.items():
        assert main(["train", "--config", str(folder / "small.toml"), "--model", name, "-o", str(path)]) == 0
    return paths


def test_train_tells_the_bound_or_the_exact_likelihood(told: Told, tmp_path: Path, saved: dict[str, Path]) -> None:
    for name, path in saved.items():
        words = ("--resume", path, "--iterations", 5, "-o", tmp_path / f"{name}.safetensors")
        result = told.json("train", *words)
        assert result["iterations"] == 5
        if name in ("flow", "matching"):
            assert result["nll_bound"] is None and math.isfinite(result["nll_ode"])
        else:
            assert math.isfinite(result["nll_bound"]) and "nll_ode" not in result


@pytest.mark.parametrize("model", MODELS)
def test_inspect_tells_the_model(told: Told, saved: dict[str, Path], model: str) -> None:
    held = told.json("inspect", saved[model])
    assert held["model"] == held["config"]["model"] == model and held["config"]["sde"]["steps"] == 4


def test_settings_that_the_file_leaves_alone_are_the_models_own(saved: dict[str, Path]) -> None:
    config = api.open_checkpoint(saved["diffusion"]).config
    assert config.sde.linear == "beta" and config.sde.t_end == 1 and config.network.channels == 8


@pytest.mark.parametrize(
    ("model", "solver"),
    [
        *(("diffusion", solver) for solver in (None, "sde", "ode", "ddim", "heun")),
        ("flow", None),
        *(("matching", solver) for solver in (None, "euler", "heun", "sde")),
    ],
)
def test_sample_and_its_provenance(
    told: Told, saved: dict[str, Path], tmp_path: Path, model: str, solver: str | None
) -> None:
    words = [] if solver is None else ["--solver", solver]
    target = tmp_path / "a.h5"
    told.json("sample", saved[model], "-n", 70, *words, "--trajectories", "--log-prob", "-o", target)
    with h5py.File(target) as file:
        assert file["samples"].shape == (70, 2) and file["trajectories"].shape == (70, 5, 2)
        assert np.isfinite(file["log_prob"][:]).all()
        sampling = json.loads(file["provenance/sampling"][()])
        assert sampling["solver"] == (
            solver or {"diffusion": "ancestral", "flow": "ode", "matching": "midpoint"}[model]
        )
        assert MODEL_KINDS[model].words in file.attrs["title"]
        assert file.attrs["lambda"] == (solver == "sde" or (model, solver) == ("diffusion", None))
    assert told.json("inspect", target)["kind"] == "export"


@pytest.mark.parametrize(
    ("model", "solver", "nfe"),
    [
        ("diffusion", "sde", 4),
        ("diffusion", "ancestral", 4),
        ("diffusion", "heun", 7),
        ("diffusion", "ddim", 4),
        ("flow", "ode", 16),
        ("matching", "midpoint", 8),
        ("matching", "sde", 4),
    ],
)
@pytest.mark.usefixtures("few_points")
def test_evaluate_counts_evaluations(told: Told, saved: dict[str, Path], model: str, solver: str, nfe: int) -> None:
    result = told.json("evaluate", saved[model], "--steps", 4, "--solver", solver)
    assert [row["nfe"] for row in result["by_steps"]] == [nfe]
    assert math.isfinite(result["nll_ode"])
    why = {"ode": "exact", "ddim": "deterministic", "heun": "deterministic", "midpoint": "deterministic"}.get(solver)
    assert result["nll_bound_missing"] == why and result["nll_bound_sampler"] == (None if why else solver)
    for key in ("nll_bound", "nll_importance", "nll_bound_sde"):
        assert (result[key] is None) == (why is not None)
    assert (result["by_steps"][0]["nll_bound"] is None) == (why is not None)


@pytest.mark.parametrize(
    ("model", "words", "part"),
    [
        ("flow", ["--lambda", "0.5"], "no noise level"),
        ("flow", ["--solver", "heun"], "not one that a flow has"),
        ("matching", ["--lambda", "0.5"], "is for the solver 'sde'"),
        ("matching", ["--solver", "ddim"], "try midpoint or euler or heun or sde"),
        ("diffusion", ["--solver", "ddim", "--lambda", "0.5"], "is for the solver 'sde'"),
    ],
)
def test_what_a_model_has_not_is_one_sentence(
    told: Told, saved: dict[str, Path], tmp_path: Path, model: str, words: list[str], part: str
) -> None:
    code, out, err = told("sample", saved[model], "-n", 5, *words, "-o", tmp_path / "a.h5")
    assert code == 1 and not out and err.startswith("dnf-studio: ") and part in err and err.count("\n") == 1
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("model", MODELS)
def test_config_round_trips_and_a_change_of_model_brings_its_defaults(model: str, tmp_path: Path) -> None:
    config = Config.create({"model": model, "data": "circle", "training": {"seed": 7}})
    assert Config.from_json(config.to_json()) == config
    (tmp_path / "a.toml").write_text(config.to_toml())
    assert Config.from_toml(tmp_path / "a.toml") == config
    plain = Config().changed({"data": "circle", "training.seed": 7})
    assert plain.changed({"model": model}) == config and config.changed({"model": "diffflow"}) == plain
    kept = Config().changed({"sde.steps": 17}).changed({"model": model, "training.batch": 33})
    assert (kept.sde.steps, kept.training.batch, kept.sde.t_end) == (17, 33, config.sde.t_end)
