"""Models in logit space: samples, paths, exports, checkpoints and what is told of them in data units."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import Logit
from dnf_studio.core.evaluation.fresh import between_units
from dnf_studio.core.exploration.inspect import inspect_point
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import CheckpointError, DivergenceError
from dnf_studio.workers.selection import export_selection
from tests.core.storage.files import join, make_flow, split


def logit_flow(alpha: float = 0.05, dim: int = 3) -> DiffFlow:
    """A model so wide in logit space that many states are beyond the range −1 … 4."""
    flow = make_flow(dim=dim)
    flow.standardisation = Standardisation((0.2,) * dim, (3.0,) * dim, Logit(-1.0, 4.0, alpha))
    return flow


@pytest.mark.parametrize("alpha", [1e-6, 0.05])
def test_samples_are_always_inside_the_range_and_paths_can_be_followed_back(alpha: float) -> None:
    flow = logit_flow(alpha)
    x = flow.sample(3000, seed=1)
    assert x.min() >= -1 and x.max() <= 4 and (x.min() == -1) == (x.max() == 4) == (alpha == 0.05)
    (block,) = sample_blocks(flow, 500, SampleSettings(seed=1), trajectories=True)
    assert block.trajectories is not None
    assert np.array_equal(block.trajectories[:, -1], block.samples) and np.array_equal(block.samples, x[:500])
    if alpha == 0.05:
        start = flow.standardisation.to_model(torch.from_numpy(block.trajectories[:, 0]).double())
        near = np.abs(block.latents) < 3
        np.testing.assert_allclose(start[near], block.latents[near], rtol=0, atol=5e-3)


def test_exports_hold_values_of_the_range_with_their_density(tmp_path: Path) -> None:
    flow, path, chosen = logit_flow(), tmp_path / "a.h5", tmp_path / "b.h5"
    plan = ExportPlan(200, SampleSettings(seed=3), trajectories=True, log_prob=True)
    list(export_samples(flow, path, plan))
    list(export_selection(flow, chosen, plan, range(200), 200, data=torch.randn(200, 3)))
    for file in (path, chosen):
        rows, density = read_rows(file), read_rows(file, "log_prob")
        assert rows.min() == -1 and rows.max() == 4 and np.isfinite(density).all()
        assert np.array_equal(read_rows(file, "trajectories")[:, -1], rows)
        np.testing.assert_allclose(density, flow.log_prob(torch.from_numpy(rows)).detach(), atol=1e-3)


def test_a_sample_that_diverged_is_not_taken_for_black() -> None:
    flow = logit_flow()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(1e30)
    with pytest.raises(DivergenceError):
        flow.sample(10)


def test_checkpoints_keep_the_logit_and_old_ones_look_as_they_did(tmp_path: Path) -> None:
    flow, path = logit_flow(), tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint.of_model(flow))
    found = read_checkpoint(path)
    assert found.standardisation == flow.standardisation and found.build().standardisation == flow.standardisation
    assert torch.equal(found.build().sample(20), flow.sample(20))
    assert found.summary()["standardisation"]["logit"] == {"low": -1.0, "high": 4.0, "alpha": 0.05}
    plain = tmp_path / "b.safetensors"
    save_checkpoint(plain, Checkpoint.of_model(make_flow()))
    assert set(json.loads(split(plain)[0]["__metadata__"]["standardisation"])) == {"mean", "scale"}
    assert read_checkpoint(plain).standardisation.logit is None


@pytest.mark.parametrize("wrong", [{"alpha": 0.5}, {"alpha": 0.0}, {"high": -1.0}, {"low": "a"}, {"alpha": None}])
def test_a_checkpoint_with_a_wrong_logit_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint.of_model(logit_flow()))
    header, data = split(path)
    values = json.loads(header["__metadata__"]["standardisation"])
    values["logit"] |= wrong
    header["__metadata__"]["standardisation"] = json.dumps(values)
    join(path, header, data)
    with pytest.raises(CheckpointError, match="standardisation"):
        read_checkpoint(path)


def test_the_numbers_of_a_point_in_data_units() -> None:
    """States by the transform; drift and score term by its derivative, here by differences."""
    flow = logit_flow()
    noise = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    table = inspect_point(flow, flow.grid(), torch.tensor([0.1, -0.4, 0.3]), noise)
    shown = table.in_data_units(flow.standardisation)
    states = torch.from_numpy(table.x)
    np.testing.assert_allclose(shown.x, flow.standardisation.to_data(states), rtol=1e-12)
    for name in ("drift", "score_term"):
        moved = states + 1e-6 * torch.from_numpy(getattr(table, name))
        change = (flow.standardisation.to_data(moved) - flow.standardisation.to_data(states)) / 1e-6
        np.testing.assert_allclose(getattr(shown, name), change, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(shown.contributions, table.contributions)


def test_points_beyond_the_range_come_to_its_end_in_logit_space() -> None:
    logit, affine = logit_flow().standardisation, Standardisation((1.0,) * 3, (2.0,) * 3)
    x = torch.tensor([[-9.0, 0.5, 9.0]])
    moved = between_units(affine, logit, x)
    ends = logit.to_data(moved.double())[0]
    assert torch.allclose(ends, torch.tensor([-1.0, 2.0, 4.0], dtype=torch.float64), atol=1e-5)
    back = between_units(logit, affine, moved)
    assert torch.allclose(back, torch.tensor([[-1.0, 0.5, 1.5]]), atol=1e-5)
