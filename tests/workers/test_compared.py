"""What files say of several models, and what is measured of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dnf_studio import api
from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.core.training.cost import point_cost, run_cost
from dnf_studio.errors import Cancelled
from dnf_studio.workers import compared
from dnf_studio.workers.compared import Excess, Job, Likelihood, Measured, jobs_of, measure, read_record
from tests.core.storage.files import make_flow, make_run

SETTINGS = {
    "data": "moons",
    "network": {"layers": 1, "channels": 8, "features": 0},
    "training": {"batch": 16, "iterations": 9, "progressive": True, "device": "cpu"},
    "sde": {"steps": 12},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A run of three stages with smaller batches from the fifth iteration on, and what each iteration cost."""
    from dnf_studio.config import Config

    run = api.train(Config.create(SETTINGS))
    costs = []
    for report in run:
        costs.append((16 if report.iteration <= 4 else 8) * (point_cost(run.flow, report.steps) or 0))
        if report.iteration == 4:
            run.apply({"training.batch": 8})
    path = tmp_path_factory.mktemp("compared") / "run.safetensors"
    run.save(path)
    assert run_cost(run) == sum(costs) and len(set(costs)) > 2
    return path, costs


def test_the_record_shares_out_what_training_cost(trained: tuple[Path, list[int]]) -> None:
    path, costs = trained
    record = read_record(path)
    assert record.multiply_adds == sum(costs) and list(record.loss.iterations) == list(range(1, 10))
    np.testing.assert_array_equal(record.loss.multiply_adds, np.cumsum(costs))
    np.testing.assert_allclose(record.loss.seconds, record.seconds * np.cumsum(costs) / sum(costs))
    assert len(record.validation.values) == 0


def test_measured_is_what_was_asked_and_what_cannot_be_has_a_sentence(
    trained: tuple[Path, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared, "SAMPLES", 400)
    monkeypatch.setattr(compared, "EXCESS_POINTS", 40)
    path, _ = trained
    sha256 = read_record(path).sha256
    jobs = [Job(sha256, "quality", 3), Job(sha256, "excess")]
    told = list(measure({sha256: path}, jobs, 1, lambda: None))
    assert told[0] == (jobs[0], None) and told[2] == (jobs[1], None)
    quality, excess = told[1], told[3]
    assert isinstance(quality, Measured) and isinstance(excess, Measured)
    assert quality.value is not None and not isinstance(quality.value, Likelihood | Excess)
    assert quality.value.to_data is not None and len(quality.value.to_data.squares) == 8
    assert isinstance(excess.value, Excess) and excess.value.mean.shape == (12,) and excess.value.points == 40
    (_, wrong) = measure({"other": path}, [Job("other", "ode")], 1, lambda: None)
    assert isinstance(wrong, Measured) and wrong.value is None and "has changed" in wrong.missing


def test_data_that_is_not_here_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    kept = save_checkpoint(path, make_run(make_flow()))
    (_, found) = measure({kept.sha256: path}, [Job(kept.sha256, "bound")], 1, lambda: None)
    assert isinstance(found, Measured) and "is not as it was" in found.missing


def test_the_check_ends_it() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        next(iter(measure({}, [Job("a", "bound")], 1, check)))


def test_jobs_are_one_of_each() -> None:
    jobs = jobs_of(["a", "b", "a"], [10, 5, 10])
    quality = [(job.steps, job.sha256) for job in jobs if job.what == "quality"]
    assert quality == [(5, "a"), (5, "b"), (10, "a"), (10, "b")]
    assert len(jobs) == 10 == len(set(jobs))
