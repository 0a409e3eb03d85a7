"""Early stopping: the best weights by the validation split are kept, whatever happens to the run on the way."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation import likelihoods as measuring
from dnf_studio.core.evaluation.likelihoods import nll_bound, validation_nll
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.core.storage.checkpoint import read_checkpoint, save_checkpoint
from dnf_studio.core.training import run as training
from dnf_studio.core.training.run import MEASURE_EVERY, Run
from dnf_studio.core.training.state import RunState
from dnf_studio.errors import CheckpointError, UnsupportedError
from tests.golden import FOLDER

WINE = Config.create(
    {
        "data": "wine",
        "sde": {"steps": 3},
        "network": {"layers": 1, "channels": 16},
        "training": {
            "batch": 64,
            "iterations": 2000,
            "learning_rate": 0.02,
            "decay": "constant",
            "patience": 100,
            "precision": "float32",
            "progressive": False,
        },
    }
)


@pytest.fixture(scope="module")
def ended() -> Run:
    """A run that learns its few rows by heart and is ended for it."""
    run = Run(WINE, threads=1)
    for _ in run:
        pass
    return run


def weights(model: torch.nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def at(iterations: int) -> Run:
    """The run after so many iterations."""
    run = Run(WINE, threads=1)
    for report in run:
        if report.iteration == iterations:
            return run
    raise AssertionError("it ended before")


def test_a_run_ends_when_validation_no_longer_improves_and_keeps_its_best(ended: Run) -> None:
    stopping = ended.early_stopping
    assert ended.finished and ended.iteration < 2000
    assert ended.iteration == stopping.measured == stopping.best_iteration + 100
    measured = dict(zip(stopping.history.iterations, stopping.history.losses, strict=True))
    assert list(measured) == list(range(MEASURE_EVERY, ended.iteration + 1, MEASURE_EVERY))
    assert min(measured.values()) == measured[stopping.best_iteration] == stopping.best_nll
    assert validation_nll(ended.flow, ended.dataset) == pytest.approx(stopping.best_nll, rel=1e-6)
    assert validation_nll(ended._weights.average, ended.dataset) > stopping.best_nll
    assert math.isfinite(nll_bound(ended.flow, ended.dataset))


def test_the_kept_weights_are_those_of_that_iteration(ended: Run) -> None:
    assert same(ended.flow, at(ended.early_stopping.best_iteration)._weights.average)


def test_reports_say_what_was_measured() -> None:
    run = Run(WINE, threads=1)
    told = {}
    for report in run:
        if report.validation is not None:
            told[report.iteration] = report.validation
        if report.iteration == 120:
            break
    assert list(told) == [50, 100]
    assert list(told.values()) == run.early_stopping.history.losses


def test_without_a_validation_split_nothing_is_measured() -> None:
    config = WINE.changed({"data": "moons", "training.patience": 1, "training.iterations": 120})
    run = Run(config, threads=1)
    assert all(report.validation is None for report in run)
    assert run.iteration == 120 and run.flow is run._weights.average
    assert run.state().checkpoint().state.keys() == {"updates"}
    with pytest.raises(UnsupportedError, match="has no validation split"):
        validation_nll(run.flow, run.dataset)


def test_without_patience_it_trains_to_the_end_and_keeps_the_last_weights(ended: Run) -> None:
    longer = ended.iteration + 60
    run = Run(WINE, threads=1)
    run.load(ended.state())
    run.apply({"training.patience": 0, "training.iterations": longer})
    assert sum(1 for _ in run) == 60
    assert run.flow is run._weights.average
    measured = run.early_stopping.history.iterations
    assert measured[-1] > ended.iteration and run.early_stopping.best_nll is None
    assert "early_stopping" not in run.state().checkpoint().state


def test_a_file_without_a_held_out_curve_is_read(ended: Run) -> None:
    checkpoint = ended.state().checkpoint()
    for none in ({}, {"validation": None}):
        kept = {name: value for name, value in checkpoint.history.items() if name != "validation"}
        state = RunState.of_checkpoint(replace(checkpoint, history={**kept, **none}))
        assert state.iteration == ended.iteration and not state.stopping.history.iterations


def test_a_resumed_run_is_the_same_to_the_bit(ended: Run, tmp_path: Path) -> None:
    early = at(ended.early_stopping.best_iteration + 70)
    early.save(tmp_path / "a.safetensors")
    again = Run.resume(tmp_path / "a.safetensors", threads=1)
    assert same(again.flow, early.flow) and same(again._weights.average, early._weights.average)
    assert not same(again.flow, again._weights.average)
    for _ in again:
        pass
    assert again.iteration == ended.iteration and same(again.flow, ended.flow)
    assert same(again._weights.average, ended._weights.average)
    assert again.early_stopping == ended.early_stopping


def test_a_checkpoint_samples_with_the_best_weights(ended: Run, tmp_path: Path) -> None:
    ended.save(tmp_path / "run.safetensors")
    ended.save(tmp_path / "model.safetensors", "weights")
    for name in ("run", "model"):
        assert same(read_checkpoint(tmp_path / f"{name}.safetensors").build(), ended.flow)
    parts = {
        name: {key.partition(".")[0] for key in load_file(tmp_path / f"{name}.safetensors")}
        for name in ("run", "model")
    }
    assert "average" in parts["run"] and parts["model"] == {"model"}


def test_a_checkpoint_must_hold_what_its_state_says(ended: Run, tmp_path: Path) -> None:
    whole = ended.state().checkpoint()
    less = {name: tensor for name, tensor in whole.tensors.items() if not name.startswith("average.")}
    whole.tensors.clear()
    whole.tensors.update(less)
    with pytest.raises(CheckpointError, match=r"tensor 'average\..*' is missing"):
        save_checkpoint(tmp_path / "a.safetensors", whole)


def test_a_run_goes_on_elsewhere(ended: Run) -> None:
    early = at(ended.early_stopping.best_iteration + 20)
    state = pickle.loads(pickle.dumps(early.state()))
    elsewhere = Run(WINE, open_dataset("wine"), threads=1)
    elsewhere.load(state)
    assert same(elsewhere.flow, early.flow)
    for _ in elsewhere:
        pass
    assert elsewhere.iteration == ended.iteration and same(elsewhere.flow, ended.flow)


def test_a_run_saved_before_a_run_had_one_state_goes_on(tmp_path: Path) -> None:
    """A file of the studio before `RunState`: best weights, curves, changes and marks are where they were."""
    old = read_checkpoint(FOLDER / "best_kept.safetensors")
    run = Run.resume(FOLDER / "best_kept.safetensors", threads=1)
    assert run.iteration == 310 and run.early_stopping.best_iteration == 250 and run.early_stopping.waited == 50
    assert run.early_stopping.best_nll == pytest.approx(validation_nll(run.flow, run.dataset), rel=1e-5)
    assert not same(run.flow, run._weights.average)
    assert [mark.name for mark in run.marks.all] == ["training.learning_rate"] and len(run.changes) == 1
    run.save(tmp_path / "a.safetensors")
    new = read_checkpoint(tmp_path / "a.safetensors")
    assert (new.sha256, new.history, new.state) == (old.sha256, old.history, old.state)
    assert [report.iteration for report in run][-1] == 350 and run.early_stopping.best_iteration == 250


def test_a_state_is_a_copy_and_may_be_loaded_twice() -> None:
    run = at(60)
    state = run.state()
    kept = {name: tensor.clone() for name, tensor in state.model.items()}
    ends = []
    for _ in range(2):
        for report in run:
            if report.iteration == 120:
                break
        ends.append(run.state())
        run.load(state)
    one, other = ends
    assert all(torch.equal(tensor, other.model[name]) for name, tensor in one.model.items())
    assert all(torch.equal(tensor, other.weights.raw[name]) for name, tensor in one.weights.raw.items())
    assert (one.history, one.stopping, one.marks.all) == (other.history, other.stopping, other.marks.all)
    assert run.iteration == 60
    assert all(torch.equal(tensor, state.model[name]) for name, tensor in kept.items())


def test_another_time_grid_begins_the_comparison_anew() -> None:
    run = at(60)
    assert run.flow is run._weights.best
    run.apply({"sde.steps": 5})
    next(iter(run))
    assert run.flow is run._weights.average and run.flow.grid().steps == 5
    for report in run:
        if report.iteration == 100:
            break
    assert run.flow is run._weights.best and run.early_stopping.best_iteration == 100
    run.apply({"training.patience": 7})
    next(iter(run))
    assert run.flow.config.training.patience == 7


class FirstThree(Dataset):
    """Three columns of wine: so few that a flow is trained with the exact divergence."""

    dim = 3
    entropy = None

    def __init__(self) -> None:
        self._all = open_dataset("wine")
        self.name, self.fingerprint, self.columns = "wine", self._all.fingerprint, self._all.columns[:3]
        whole = self._all.standardisation
        self.standardisation = Standardisation(whole.mean[:3], whole.scale[:3])

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self._all.draw(count, generator)[:, :3]

    def fresh(self, count: int, seed: int) -> Tensor:
        return self._all.fresh(count, seed)[:, :3]

    def validation(self, count: int, seed: int) -> Tensor:
        x = self._all.validation(count, seed)
        assert x is not None
        return x[:, :3]


@pytest.mark.parametrize("make", [lambda: open_dataset("wine"), FirstThree], ids=["estimated", "exact"])
def test_a_flow_is_stopped_by_the_likelihood_that_it_is_trained_on(
    make: Callable[[], Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "MEASURE_EVERY", 15)
    monkeypatch.setattr(measuring, "VALIDATION_POINTS", 200)
    data = make()
    config = Config.create(
        {
            "data": "wine",
            "model": "flow",
            "sde": {"steps": 2},
            "network": {"layers": 1, "channels": 16},
            "training": {"batch": 32, "iterations": 30, "learning_rate": 0.02, "decay": "constant"},
        }
    )
    run = Run(config, data, threads=1)
    reports = [report.validation for report in run if report.validation is not None]
    assert len(reports) == 2 and run.early_stopping.best_nll == min(reports)
    again = validation_nll(run.flow, data)
    assert again == validation_nll(run.flow, data) == pytest.approx(run.early_stopping.best_nll, rel=1e-5)
    # Signs estimate the divergence and two steps the integral
    x = data.validation(10**6, 0)
    assert x is not None
    assert again == pytest.approx(float(ode_nll(run.flow, x).mean()), abs=0.5)
    with pytest.raises(UnsupportedError, match="has no validation split"):
        validation_nll(run.flow, open_dataset("moons"))


@pytest.mark.parametrize("rows", [60, 120])
def test_a_file_of_ones_own_ends_a_run_early_where_it_has_rows_for_that(tmp_path: Path, rows: int) -> None:
    """As `WINE` does, with rows that are few for the network."""
    np.savetxt(tmp_path / "a.csv", np.random.default_rng(0).normal(size=(rows, 4)), delimiter=",")
    iterations = 400 if rows == 120 else 101
    run = Run(WINE.changed({"data": str(tmp_path / "a.csv"), "training.iterations": iterations}), threads=1)
    measured = {report.iteration: report.validation for report in run if report.validation is not None}
    if rows < 100:
        assert not measured and run.iteration == 101 and run.early_stopping.best_nll is None
        return
    assert run.finished and run.iteration < 400 and run.early_stopping.best_iteration == run.iteration - 100
    assert list(measured) == run.early_stopping.history.iterations
    run.save(tmp_path / "a.safetensors")
    checkpoint = read_checkpoint(tmp_path / "a.safetensors")
    assert checkpoint.history["validation"]["losses"] == list(measured.values())
