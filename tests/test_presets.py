"""The bundled settings: each a valid config, found by name, and what they promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dnf_studio import api, assets
from dnf_studio.api.settings import settings_file
from dnf_studio.cli import main
from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.sde.grid import make_grid
from dnf_studio.core.training.run import Run


def test_every_preset_is_a_config() -> None:
    assert assets.preset_names() == ("digits", "reference", "sharp", "tables", "thin")
    for name in assets.preset_names():
        path = assets.preset_path(name)
        assert path is not None and Config.from_toml(path) != Config()
    assert assets.preset_path("none") is None


def test_train_takes_a_preset_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "a.safetensors"
    few = ["--data", "moons", "--batch", "40", "--iterations", "2", "--steps", "3"]
    assert main(["train", "--config", "reference", *few, "--json", "-o", str(output)]) == 0
    assert json.loads(capsys.readouterr().out)["iterations"] == 2
    config = api.open_checkpoint(output).config
    assert (config.training.ema, config.training.decay, config.training.batch) == (0, "step", 40)
    silent = tmp_path / "silent.toml"
    silent.write_text("[training]\niterations = 2\n")
    for settings in ("reference", str(silent)):
        assert main(["train", "--config", settings, "-o", str(output)]) == 2
        assert "Say what to learn with --data" in capsys.readouterr().err
    assert main(["train", "--config", "referense", *few, "-o", str(output)]) == 1
    assert "no preset named 'referense'; did you mean 'reference'?" in capsys.readouterr().err


def cost_of_blurring(sde: SDEConfig) -> float:
    """What five rings cost all steps of a chain at least (method.md, section 18, all steps), nats."""
    grid, sd = make_grid(sde), torch.tensor([1.47174, 1.01981], dtype=torch.float64)
    angles = torch.linspace(0, 2 * torch.pi, 65, dtype=torch.float64)[:-1]
    across = sd * torch.stack([angles.cos(), angles.sin()], 1)
    across /= across.norm(dim=1, keepdim=True)
    variance, cost = (across * 0.00447 / sd).square().sum(1), torch.zeros(64, dtype=torch.float64)
    for dt, g, g_next in zip(grid.dt, grid.g, grid.g[1:], strict=False):
        along = (g / g_next) ** 2
        normal = along / (1 + g**2 * dt / variance)
        if sde.backward_deviation != "g":
            square = (normal.mean() + along) / 2
            normal, along = normal / square, along / square
        cost += 0.5 * (normal - 1 - normal.log() + along - 1 - along.log())
        variance += g**2 * dt
    return float(cost.mean())


def test_thin_and_sharp_cost_rings_less_than_half() -> None:
    path = assets.preset_path("thin")
    assert path is not None
    assert cost_of_blurring(SDEConfig()) == pytest.approx(0.97, abs=0.01)
    assert cost_of_blurring(Config.from_toml(path).sde) == pytest.approx(0.39, abs=0.01)
    fitted = assets.preset_path("sharp")
    assert fitted is not None
    assert cost_of_blurring(SDEConfig(backward_deviation="fitted")) == pytest.approx(0.67, abs=0.01)
    assert cost_of_blurring(Config.from_toml(fitted).sde) == pytest.approx(0.36, abs=0.01)


def s_is_worth(preset: str | None) -> float:
    """What s = 0 costs the bound of a short run on two moons, nats."""
    path = None if preset is None else assets.preset_path(preset)
    base = Config() if path is None else Config.from_toml(path)
    tiny = {
        "data": "moons",
        "sde.steps": 5,
        "network.layers": 1,
        "network.channels": 32,
        "training.learning_rate": 0.05,
    }
    run = Run(base.changed({**tiny, "training.batch": 128, "training.iterations": 100, "training.progressive": False}))
    list(run)
    whole = nll_bound(run.flow, run.dataset, 4000)
    with torch.no_grad():
        last = run.flow.score.linears()[-1]
        last.weight.zero_()
        last.bias.zero_()
    return nll_bound(run.flow, run.dataset, 4000) - whole


def test_the_score_of_the_defaults_matters_and_the_reference_programs_is_idle() -> None:
    assert s_is_worth(None) > 0.1
    assert abs(s_is_worth("reference")) < 0.01


def test_data_of_many_columns_are_told_of_their_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--batch", "40", "--iterations", "1", "--steps", "2", "-o", str(tmp_path / "a.safetensors")]
    for words, told in (
        (["--data", "wine"], True),
        (["--data", "wine", "--config", "tables"], False),
        (["--data", "moons"], False),
        (["--data", "digits"], False),
    ):
        assert main(["train", *words, *few]) == 0
        assert ("--config tables" in capsys.readouterr().err) == told


def test_a_folder_does_not_hide_the_preset_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert Config.from_toml(settings_file("digits")).training.weight_decay == 0.13
