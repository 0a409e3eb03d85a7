"""Fitted steps: what they are before they are fitted, what a fit finds where that is known, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import build_model
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import FITTED, solver_in_effect, solvers_for
from dnf_studio.core.sde.solvers.fitted import NOISE, SCORE, TIME
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.core.training import step_fit, step_judge, step_loss
from dnf_studio.core.training.step_fit import fit_steps
from dnf_studio.core.training.step_unknowns import Unknowns, rows_of_marginals, unfitted_rows
from dnf_studio.errors import CheckpointError, DataError, SettingError, UnsupportedError
from tests.problems import ExactDiffusion

SMALL = {"network": {"layers": 1, "channels": 8, "features": 4}, "data": "moons"}


class Normal(Dataset):
    """Draws of N(mean, variance)."""

    name, dim, columns, entropy, fingerprint = "normal", 2, ("x", "y"), None, ""
    standardisation = Standardisation.identity(2)

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        self.mean, self.root = mean.float(), variance.sqrt().float()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self.mean + self.root * torch.randn(count, 2, generator=generator)

    def fresh(self, count: int, seed: int) -> Tensor:
        return self.draw(count, torch.Generator().manual_seed(seed))


class AtNodes(ExactDiffusion):
    """Its answers know nothing of how they would change with t; the time of a single step is fixed."""

    def noise_field(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Field:
        return super().noise_field(replace(grid, t=grid.t.detach()), hidden)


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_fit, "BATCH", 512)
    monkeypatch.setattr(step_fit, "BLOCK", 128)
    monkeypatch.setattr(step_judge, "POINTS", 1000)
    monkeypatch.setattr(step_loss, "SORTED", 1 << 22)


def small(kind: str, **settings: object) -> GenerativeModel:
    torch.manual_seed(0)
    return build_model(2, Config.create({"model": kind, **SMALL}).changed(settings)).eval()


MODELS = [
    ("diffflow", {}, "sde"),
    ("diffflow", {"network.drift": "frozen"}, "sde"),
    ("matching", {}, "midpoint"),
    ("matching", {"training.coupling": "transport"}, "midpoint"),
    ("flow", {}, "ode"),
]


@pytest.mark.parametrize(("kind", "settings", "own"), MODELS)
def test_before_they_are_fitted_they_are_the_steps_of_the_model_to_the_bit(
    kind: str, settings: dict[str, Any], own: str
) -> None:
    model = small(kind, **settings)
    model.take_fitted(4, unfitted_rows(model, model.grid(4)))
    assert model.solvers[-1].name == "fitted" and model.checked_solver(None).name == own
    a, b = (model.sample(300, 4, seed=2, solver=solver) for solver in (own, "fitted"))
    assert torch.equal(a, b)
    assert model.evaluations(4, "fitted") == model.evaluations(4, own)
    assert torch.equal(model.grid_of(SampleSettings(4, solver="fitted")).t, model.grid(4).t)
    assert torch.allclose(Unknowns(model, model.fitted_rows(4)).rows(), model.fitted_rows(4), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("solver", ["ancestral", "ddim", "dpmpp-2m"])
def test_steps_of_the_marginals_are_among_them(solver: str) -> None:
    model = small("diffusion")
    assert isinstance(model, Diffusion)
    model.double().take_fitted(4, rows_of_marginals(model, model.grid(4, "log-snr"), solver))
    a = model.sample(300, 4, seed=2, solver=solver, grid="log-snr")
    assert torch.allclose(a, model.sample(300, 4, seed=2, solver="fitted"), atol=1e-4)


def test_one_step_of_a_gaussian_becomes_exact() -> None:
    """The step is affine, and its two factors can give it the mean and the spread of the data."""
    mean, variance = np.array([0.6, -0.4]), np.array([0.09, 0.09])
    model, data = AtNodes(mean, variance), Normal(torch.tensor(mean), torch.tensor(variance))
    found = fit_steps(model, data, 1, iterations=150)
    assert found.kept and found.rows is not None and found.before.value > 10 * abs(found.after.value)
    x = step_judge.with_fitted(model, {1: (found.rows, None)}).sample(20_000, 1, solver="fitted").double()
    assert torch.allclose(x.std(0), model.variance.sqrt(), rtol=0.05) and torch.allclose(
        x.mean(0), model.mean, atol=0.02
    )


def test_a_bad_grid_is_mended_and_any_threads_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dnf.load("diffflow-8gaussian")
    bad = unfitted_rows(model, model.grid(3, (0.0, 0.9, 0.95, 1.0)))
    monkeypatch.setattr(step_fit, "starts", lambda *_: iter([bad]))
    data = dnf.train("8gaussian", iterations=1).dataset
    founds = []
    for threads in (1, 2):
        monkeypatch.setattr(step_fit, "worker_threads", lambda _, count=threads: count)
        founds.append(fit_steps(model, data, 3, iterations=20))
    with BlockPool(1) as pool:
        before = step_judge.Judge(model, data, 3, 0, pool).of_rows(bad)
    assert before is not None and founds[0].after.value < 0.8 * before.value
    assert founds[0].after == founds[1].after
    assert model.fitted_steps == ()


def test_a_network_of_their_own_learns_what_no_factor_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained score is 0, whatever the factor; the model itself stays as it was, in a file too."""
    monkeypatch.setattr(step_fit, "NETWORK_RATE", 0.05)
    model, path = small("diffflow"), tmp_path / "few.safetensors"
    before = {name: value.clone() for name, value in model.state_dict().items()}
    data = Normal(torch.tensor([1.5, 0.0]), torch.tensor([0.04, 0.04]))
    plain, own = (fit_steps(model, data, 2, iterations=40, network=network) for network in (False, True))
    assert plain.network is None and own.network is not None
    assert abs(own.after.value) < 0.5 * plain.after.value
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert own.rows is not None
    few = step_judge.with_fitted(model, {2: (own.rows, own.network), 3: (unfitted_rows(model, model.grid(3)), None)})
    save_checkpoint(path, Checkpoint.of_model(few))
    again = read_checkpoint(path).build()
    assert (again.fitted_steps, again.fitted_networks) == ((2, 3), (2,))
    for steps, solver in ((2, "fitted"), (3, "fitted"), (3, "sde")):
        assert torch.equal(again.sample(50, steps, solver=solver), few.sample(50, steps, solver=solver))
    assert torch.equal(again.sample(50, 3, solver="fitted"), model.sample(50, 3))


def test_what_is_not_better_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small("diffflow")
    found = dnf.fit_steps(model, 2, data=dnf.train("moons", iterations=1).dataset, iterations=1, progress=False)
    same = found.by_steps[0].before
    assert not step_judge.better(same, same)
    assert found.kept == found.model.fitted_steps and found.model is not model


def fitted(kind: str = "diffflow") -> GenerativeModel:
    model = small(kind)
    model.take_fitted(3, unfitted_rows(model, model.grid(3)))
    model.take_fitted(2, unfitted_rows(model, model.grid(2)))
    return model


def test_a_file_has_them_and_without_any_it_is_as_before(tmp_path: Path) -> None:
    path, plain = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    model = fitted("matching")
    save_checkpoint(path, Checkpoint.of_model(model))
    read = read_checkpoint(path)
    assert read.fitted == (2, 3) and read.summary()["format_version"] == 2 and read.summary()["fitted"] == [2, 3]
    again = dnf.load(path)
    assert torch.equal(again.sample(9, 3, solver="fitted"), model.sample(9, 3, solver="fitted"))
    save_checkpoint(plain, Checkpoint.of_model(small("matching")))
    head = plain.read_bytes()[:5000]
    assert b"fitted" not in head and b'"format_version":"1"' in head and dnf.load(plain).fitted_steps == ()


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        ((0, TIME), 0.5, "times that do not fall"),
        ((1, TIME), 0.2, "times that do not fall"),
        ((2, TIME), 0.0, "times that do not fall"),
        ((1, SCORE), 1e9, "out of range"),
        ((1, NOISE), -1.0, "out of range"),
        ((1, NOISE), float("nan"), "not finite"),
    ],
)
def test_wrong_numbers_are_refused(tmp_path: Path, where: tuple[int, int], value: float, told: str) -> None:
    model = fitted()
    model.fitted_rows(3)[where] = value
    with pytest.raises(CheckpointError, match=told):
        save_checkpoint(tmp_path / "a.safetensors", Checkpoint.of_model(model))


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    model, none = fitted(), small("diffflow")
    with pytest.raises(UnsupportedError, match="fitted steps for N = 2 and 3, and none for 5"):
        model.sample(3, 5, solver="fitted")
    with pytest.raises(UnsupportedError, match="leave the time grid out"):
        model.sample(3, 3, solver="fitted", grid="uniform")
    with pytest.raises(UnsupportedError, match="'fitted' has none"):
        model.sample(3, 3, solver="fitted", lam=0.5)
    with pytest.raises(UnsupportedError, match="This model has no fitted steps"):
        none.sample(3, 3, solver="fitted")
    with pytest.raises(SettingError, match="At most 64 steps"):
        dnf.fit_steps(none, 100, data=dnf.train("moons", iterations=1).dataset, progress=False)
    rows = np.random.default_rng(0).normal(size=(60, 2))
    run = dnf.train(rows, iterations=1, batch=8, device="cpu", **{"layers": 1, "channels": 8, "features": 0})
    with pytest.raises(DataError, match="too few rows to validate on"):
        dnf.fit_steps(run.fit(progress=False), 2, data=run.dataset, progress=False)


def test_it_is_in_effect_where_it_makes_so_many_steps() -> None:
    solvers = fitted().solvers
    assert solver_in_effect("fitted", solvers, 3).name == "fitted"
    assert solver_in_effect("fitted", solvers, 30).name == solver_in_effect("fitted", solvers, None).name == "sde"
    assert FITTED not in solvers_for("fields") and fitted().solvers[-1] is solvers[-1]
