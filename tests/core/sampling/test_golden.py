"""The samplers agree with the reference program to 1e-9 in float64 (METHOD 9)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid

FOLDER = Path(__file__).parents[2] / "golden"
Golden = dict[str, Tensor]


@pytest.fixture(scope="module")
def golden() -> Golden:
    with np.load(FOLDER / "official_checkerboard.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def flow(golden: Golden) -> DiffFlow:
    state = torch.load(FOLDER / "official_checkerboard.pt", weights_only=True)
    grid = TimeGrid(golden["timestamps"], golden["diffusion"], state["condition"])
    flow = DiffFlow(2, grid=grid)
    own = flow.state_dict()
    flow.load_state_dict({name: value for name, value in state.items() if name in own})
    return flow.double().eval().requires_grad_(False)


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def test_backward_path_with_noise_on_the_last_step(flow: DiffFlow, golden: Golden) -> None:
    path = flow.backward_path(golden["latent"], golden["backward_noise"])
    assert path.shape == golden["backward_path"].shape
    assert error(path, golden["backward_path"]) < 1e-9


def test_backward_path_ends_in_the_mean(flow: DiffFlow, golden: Golden) -> None:
    path = flow.backward_path(golden["latent"], golden["backward_noise"], last="mean")
    assert error(path[-1], golden["backward_final_mean"]) < 1e-9
    assert error(path[:-1], golden["backward_path"][:-1]) < 1e-9
    assert error(path[-1], golden["backward_path"][-1]) > 1e-4


def test_probability_flow_path(flow: DiffFlow, golden: Golden) -> None:
    path = flow.backward_path(golden["latent"], golden["backward_noise"], lam=0.0)
    assert error(path, golden["probability_flow_path"]) < 1e-9


def test_forward_path(flow: DiffFlow, golden: Golden) -> None:
    assert error(flow.forward_path(golden["x0"], golden["forward_noise"]), golden["forward_path"]) < 1e-9
