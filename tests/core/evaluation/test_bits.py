"""Bits per dimension on cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.recorded import RecordedDataset, Records
from dnf_studio.core.evaluation.evaluate import bits_per_dimension, evaluate
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.models.diffflow import DiffFlow


def independent_levels(rows: int = 4000) -> tuple[RecordedDataset, float]:
    """Three columns of independent levels, two of them constant, and their entropy in bits per dimension."""
    levels = np.zeros((rows, 3))
    levels[:, 0] = np.random.default_rng(0).choice(4, rows, p=(0.5, 0.25, 0.125, 0.125))
    records = Records(("a", "b", "c"), levels, np.ones(3), np.zeros(rows, np.intp), ("all",))
    return RecordedDataset("made", "Made", lambda: records, "", levels=True), 1.75 / 3


def test_levels_uniform_over_256_take_eight_bits() -> None:
    """Mean 128, variance 256²/12; the NLL of a standardised uniform is ln √12 a dimension."""
    units = Standardisation((128.0,) * 5, (256 / math.sqrt(12),) * 5)
    assert bits_per_dimension(5 * math.log(math.sqrt(12)), units) == pytest.approx(8, abs=1e-12)


def test_the_true_density_of_dequantised_levels_takes_the_entropy_of_the_levels() -> None:
    data, entropy = independent_levels()
    z = data.draw(100_000, torch.Generator().manual_seed(0)).double()
    x = data.standardisation.to_data(z).numpy()
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    nll = -np.log(shares[np.floor(x[:, 0]).astype(int).clip(0, 3)]).mean() - data.standardisation.log_scale
    assert bits_per_dimension(float(nll), data.standardisation) == pytest.approx(entropy, abs=0.01)


def test_evaluate_tells_bits_of_levels_only() -> None:
    data, _ = independent_levels(200)
    config = Config.create({"sde": {"steps": 3}, "network": {"layers": 1, "channels": 8}})
    flow = DiffFlow(3, config, data.standardisation).eval()
    found = evaluate(flow, data, (3,), points=20, seeds=1)
    assert found.bits_bound == pytest.approx(bits_per_dimension(nll_bound(flow, data), data.standardisation))
    assert found.bits_ode == pytest.approx(bits_per_dimension(found.nll_ode or 0.0, data.standardisation))
    data.levels = False
    assert evaluate(flow, data, (3,), ode=False, points=20, seeds=1).bits_bound is None
