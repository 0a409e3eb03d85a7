"""Copies of training images are told from samples of a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.evaluation.copying import copying
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.models.diffflow import DiffFlow


def test_training_rows_are_copies_and_test_rows_are_as_far_as_themselves() -> None:
    data = open_dataset("digits")
    drawn = data.draw(100, torch.Generator().manual_seed(0))
    copied = copying(drawn.numpy(), data.standardisation, data)
    held_out = copying(data.fresh(256, 0).numpy(), data.standardisation, data)
    assert copied is not None and held_out is not None
    assert copied.samples == copied.closest == 0 and copied.held_out > 10
    assert held_out.samples == pytest.approx(held_out.held_out, rel=0.05) and held_out.closest > 5


def test_evaluate_tells_it_of_images_only() -> None:
    config = Config.create({"sde": {"steps": 2}, "network": {"layers": 1, "channels": 8}})
    for name, dim in (("digits", 64), ("wine", 13)):
        data = open_dataset(name)
        assert isinstance(data, RecordedDataset)
        flow = DiffFlow(dim, config, data.standardisation).eval()
        found = evaluate(flow, data, (2,), ode=False, points=20, seeds=1, paths=1)
        assert (found.copying is not None) == (name == "digits")
        if found.copying is not None:
            assert found.as_dict()["copying"] == vars(found.copying)
            assert np.isfinite(list(vars(found.copying).values())).all() and found.copying.closest > 0
