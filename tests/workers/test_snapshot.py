from __future__ import annotations

import torch

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.workers.snapshot import Snapshot

CONFIG = Config.create({"sde": {"steps": 7}, "network": {"layers": 1, "channels": 8}})


def test_later_training_does_not_reach_a_snapshot() -> None:
    flow = DiffFlow(2, CONFIG)
    snapshot = Snapshot.of(flow, 3)
    before = {name: tensor.clone() for name, tensor in flow.state_dict().items()}
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(1)
        flow.timestamps.mul_(2)
    assert (snapshot.version, snapshot.dim, snapshot.steps, snapshot.config) == (3, 2, 7, CONFIG)
    assert set(snapshot.tensors) == set(before)
    for name, tensor in snapshot.tensors.items():
        assert torch.equal(tensor, before[name]) and not tensor.requires_grad


def test_copying_moves_no_random_generator_and_versions_grow() -> None:
    flow = DiffFlow(1, CONFIG)
    state = torch.random.get_rng_state()
    first, second = Snapshot.of(flow), Snapshot.of(flow)
    first.build()
    assert torch.equal(state, torch.random.get_rng_state())
    assert second.version > first.version


def test_a_built_model_is_the_callers_own_and_keeps_its_grid() -> None:
    grid = TimeGrid(*(torch.tensor(v) for v in ([0.0, 0.3, 1.0], [0.1, 0.2, 0.4], [0.0, 1.0, 2.0])))
    flow = DiffFlow(2, CONFIG, grid=grid).double()
    snapshot = Snapshot.of(flow)
    built = snapshot.build()
    assert not built.formula_grid and built.timestamps.dtype == torch.float32 and not built.training
    assert torch.allclose(built.timestamps, grid.t.float())
    with torch.no_grad():
        built.drift.input_embed.weight.zero_()
    assert snapshot.flow.drift.input_embed.weight.abs().sum() > 0
