"""The reference program's vectors and its checkpoint as a model, for the tests that agree with them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from tests.golden import FOLDER, vectors


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return vectors()


@pytest.fixture(scope="module")
def reference(golden: dict[str, Tensor]) -> DiffFlow:
    """In float64, on the grid of the golden file: the checkpoint's own is rounded to float32."""
    state = torch.load(FOLDER / "official_checkerboard.pt", weights_only=True)
    config = Config.create({"network": {"features": 0}})
    flow = DiffFlow(2, config, grid=TimeGrid(golden["timestamps"], golden["diffusion"], state["condition"]))
    own = flow.state_dict()
    flow.load_state_dict({name: value for name, value in state.items() if name in own})
    return flow.double().eval().requires_grad_(False)
