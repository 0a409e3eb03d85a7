from __future__ import annotations

import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.workers import snapshot as way
from dnf_studio.workers.snapshot import PUBLISH_SECONDS, Snapshot, watched

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


def test_what_is_given_away_is_copied_no_further() -> None:
    flow, other = DiffFlow(2, CONFIG), DiffFlow(2, CONFIG.changed({"sde.steps": 4}))
    tensors = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    snapshot = Snapshot.taking(flow, tensors)
    assert snapshot.steps == 4 and set(snapshot.tensors) == set(tensors)
    for name, tensor in snapshot.tensors.items():
        assert tensor.data_ptr() == tensors[name].data_ptr() != flow.state_dict()[name].data_ptr(), name
    assert isinstance(snapshot.flow.drift.input_embed.weight, torch.nn.Parameter)
    assert flow.drift.input_embed.weight.requires_grad and not any(p.requires_grad for p in snapshot.flow.parameters())
    z, noise = torch.randn(3, 2), torch.randn(4, 3, 2)
    assert torch.equal(snapshot.flow.backward_path(z, noise), other.backward_path(z, noise))


def test_a_checkpoint_and_its_snapshot_have_the_weights_once() -> None:
    checkpoint = Checkpoint.of_model(DiffFlow(2, CONFIG))
    snapshot = Snapshot.of_checkpoint(checkpoint)
    for name, tensor in snapshot.tensors.items():
        assert tensor.data_ptr() == checkpoint.tensors[f"model.{name}"].data_ptr(), name
    z, noise = torch.randn(3, 2), torch.randn(7, 3, 2)
    assert torch.equal(snapshot.flow.backward_path(z, noise), checkpoint.build().backward_path(z, noise))
    assert not any(parameter.requires_grad for parameter in snapshot.flow.parameters())


def test_one_clock_says_when_a_copy_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.1, 0.24, 0.25, 0.3, 0.5, 1.4, 1.6, 1.7])
    monkeypatch.setattr(way, "monotonic", lambda: next(times))
    assert PUBLISH_SECONDS == 0.25
    found = list(watched(range(8)))  # type: ignore[arg-type]
    assert [due for _, due in found] == [False, False, True, False, True, True, False, True]
