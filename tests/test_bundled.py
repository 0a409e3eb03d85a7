"""What checkpoints/README.md promises of the bundled models."""

from __future__ import annotations

import pytest
import torch

import dnf_studio as dnf
from dnf_studio import assets
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.fresh import between_units

NAMES = assets.checkpoint_names()


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_model_is_small_and_is_shown_as_what_it_is(name: str) -> None:
    path = assets.checkpoint_path(name)
    assert path is not None and path.stat().st_size <= 2**20
    flow = dnf.load(name)
    assert name == f"{flow.config.model}-{flow.config.data}"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("diffflow") and name != "diffflow-digits"])
@pytest.mark.parametrize("steps", [10, 30])
def test_few_steps_throw_few_samples_of_a_bundled_model_away(name: str, steps: int) -> None:
    """The farthest of sixty thousand are in checkpoints/README.md; of two thousand none is beyond 1.5."""
    assert farthest(name, steps, 2000) <= 1.5


def farthest(name: str, steps: int, count: int) -> float:
    """The greatest distance of a sample's component from the middle of the data's bounding box, half a side being 1."""
    flow = dnf.load(name)
    data = open_dataset(flow.config.data)
    fresh = between_units(data.standardisation, flow.standardisation, data.fresh(200_000, 0))
    low, high = fresh.min(0).values, fresh.max(0).values
    samples = flow.standardisation.to_model(flow.sample(count, steps=steps, seed=0).double()).float()
    assert bool(torch.isfinite(samples).all())
    return float(((samples - (low + high) / 2).abs() / ((high - low) / 2)).max())
