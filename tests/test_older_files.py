"""Files that DNF Studio wrote before its inside was rebuilt open as they did, and give the same numbers.

What they are and how they were made says golden/older/README.md. Run as a program, this module prints the numbers
that it compares with; it uses nothing but what was public then.
"""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import dnf_studio as dnf

FOLDER = Path(__file__).parent / "golden" / "older"
MODELS = ("diffflow", "diffusion", "flow")
EXPORTS = {"plain": "diffflow", "trajectories": "diffusion", "log_prob": "flow", "selection": "diffflow"}
"""Each export and the model that drew it."""
MOVED: dict[str, dict[str, Any]] = {
    "flow": {"sde.steps": 10, "sde.t_end": 0.3, "network.features": 0, "training.learning_rate": 0.002}
}
"""Defaults of then that are others now, by the settings file that leaves them open: such a file asks for today's.
Checkpoints hold all of their settings and keep theirs."""


def facts_of_model(name: str) -> dict[str, Any]:
    """What a checkpoint tells, and what its model computes."""
    path = FOLDER / f"{name}.safetensors"
    flow = dnf.load(path)
    samples = flow.sample(2, seed=1)
    with torch.no_grad():
        density = flow.log_prob(samples)
    return {"inspect": inspected(path), "samples": samples.tolist(), "log_prob": density.tolist()}


def facts_of_export(name: str) -> dict[str, Any]:
    """What an export tells, and the mean and the first number of each of its arrays."""
    path = FOLDER / f"{name}.h5"
    told = inspected(path)
    with h5py.File(path) as file:
        arrays = {one: file[one][:] for one in told["datasets"]}
    return {"inspect": told, "arrays": {key: [float(a.mean()), float(a.flat[0])] for key, a in arrays.items()}}


def config_of(name: str) -> dnf.Config:
    """What a settings file says, with what it leaves to the defaults of then."""
    return dnf.Config.from_toml(FOLDER / f"{name}.toml").changed(MOVED.get(name, {}))


def facts_of_settings(name: str) -> dict[str, Any]:
    """The same as plain values."""
    settings: dict[str, Any] = config_of(name).model_dump(mode="json")
    return settings


def resumed_losses() -> list[float]:
    """Those of three further iterations of the run."""
    run = dnf.Run.resume(FOLDER / "diffflow.safetensors", {"training.iterations": 23}, threads=1)
    return [report.loss for report in run]


def inspected(path: Path) -> dict[str, Any]:
    """What ``dnf-studio inspect --json`` says."""
    from dnf_studio.cli import main

    with redirect_stdout(io.StringIO()) as said:
        assert main(["inspect", str(path), "--json"]) == 0
    told: dict[str, Any] = json.loads(said.getvalue())
    return told


def everything() -> dict[str, Any]:
    """All numbers that are compared."""
    return {
        "models": {name: facts_of_model(name) for name in MODELS},
        "exports": {name: facts_of_export(name) for name in EXPORTS},
        "settings": {name: facts_of_settings(name) for name in MODELS},
        "resumed": resumed_losses(),
    }


def compare(new: Any, old: Any, at: str = "") -> None:  # noqa: ANN401 - any JSON value
    """What was told is told still, numbers as good as equal; more may be told."""
    if isinstance(old, dict):
        assert isinstance(new, dict) and old.keys() <= new.keys(), at
        for key, value in old.items():
            compare(new[key], value, f"{at}.{key}")
    elif isinstance(old, list):
        assert len(new) == len(old), at
        for k, (one, other) in enumerate(zip(new, old, strict=True)):
            compare(one, other, f"{at}[{k}]")
    elif isinstance(old, float):
        assert new == pytest.approx(old, rel=1e-4, abs=1e-4), at
    else:
        assert new == old, at


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_tells_and_computes_what_it_did(name: str, expected: dict[str, Any]) -> None:
    compare(facts_of_model(name), expected["models"][name])


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_tells_what_it_did(name: str, expected: dict[str, Any]) -> None:
    compare(facts_of_export(name), expected["exports"][name])


@pytest.mark.parametrize("name", MODELS)
def test_settings_mean_what_they_did_and_are_those_of_the_checkpoint(name: str, expected: dict[str, Any]) -> None:
    compare(facts_of_settings(name), expected["settings"][name])
    assert dnf.open_checkpoint(FOLDER / f"{name}.safetensors").config == config_of(name)


def test_the_run_goes_on_as_it_would_have(expected: dict[str, Any]) -> None:
    assert resumed_losses() == pytest.approx(expected["resumed"], rel=1e-3)


WORDS = {
    "plain": "-n 40",
    "trajectories": "-n 12 --steps 8 --solver ancestral --grid uniform --seed 5 --trajectories",
    "log_prob": "-n 5 --steps 6 --log-prob",
}
"""What each export was asked with."""


@pytest.mark.parametrize("name", WORDS)
def test_the_same_command_writes_the_same_numbers(name: str, tmp_path: Path) -> None:
    from dnf_studio.cli import main

    again, model = tmp_path / "again.h5", FOLDER / f"{EXPORTS[name]}.safetensors"
    with redirect_stdout(io.StringIO()):
        assert main(["sample", str(model), *WORDS[name].split(), "-o", str(again)]) == 0
    with h5py.File(FOLDER / f"{name}.h5") as old, h5py.File(again) as new:
        arrays = [key for key, value in old.items() if isinstance(value, h5py.Dataset) and value.dtype.kind == "f"]
        assert old.keys() <= new.keys() and {"samples", "latents"} <= set(arrays)
        for key in arrays:
            scale = float(np.abs(old[key][:]).max())
            np.testing.assert_allclose(new[key][:], old[key][:], rtol=1e-4, atol=1e-4 * scale, err_msg=key)


@pytest.mark.parametrize("name", [*MODELS, *EXPORTS])
def test_the_window_opens_it(name: str) -> None:
    from dnf_studio.gui.workspace.opening import open_any

    model = EXPORTS.get(name, name)
    path = FOLDER / (f"{name}.h5" if name in EXPORTS else f"{name}.safetensors")
    opened = open_any(str(path), dnf.Config(), [FOLDER])
    assert opened.shown.kind == model and opened.dataset is not None
    assert opened.kind == ("export" if name in EXPORTS else "checkpoint")
    assert bool(torch.isfinite(opened.points).all())
    assert (opened.export is not None) == (name in EXPORTS)


def test_the_library_lists_them(tmp_path: Path) -> None:
    from dnf_studio.core.storage.library import list_models

    for name in MODELS:
        shutil.copy(FOLDER / f"{name}.safetensors", tmp_path)
    found = {file.name: (file.kind, file.model, file.fault) for file in list_models(tmp_path)}
    assert found == {name: ("run" if name == "diffflow" else "weights", name, "") for name in MODELS}


if __name__ == "__main__":
    print(json.dumps(everything(), separators=(",", ":")))
