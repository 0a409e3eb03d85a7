"""Bits per dimension on cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import ImageShape, Logit
from dnf_studio.core.data.recorded import RecordedDataset, Records
from dnf_studio.core.evaluation.evaluate import bits_per_dimension, evaluate
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.models.two_sdes import DiffFlow
from tests.problems import ExactFlow, to_standard_normal


def independent_levels(rows: int = 4000) -> tuple[RecordedDataset, float]:
    """Three columns of independent levels, two of them constant, and their entropy in bits per dimension."""
    levels = np.zeros((rows, 3))
    levels[:, 0] = np.random.default_rng(0).choice(4, rows, p=(0.5, 0.25, 0.125, 0.125))
    records = Records(("a", "b", "c"), levels, np.ones(3), np.zeros(rows, np.intp), ("all",))
    return RecordedDataset("made", "Made", lambda: records, "", levels=True), 1.75 / 3


def test_levels_uniform_over_256_take_eight_bits() -> None:
    """Mean 128, variance 256²/12; the NLL of a standardised uniform is ln √12 a dimension."""
    units = Standardisation((128.0,) * 5, (256 / math.sqrt(12),) * 5)
    assert bits_per_dimension(5 * math.log(math.sqrt(12)), units, torch.zeros(3, 5)) == pytest.approx(8, abs=1e-12)


def test_the_true_density_of_dequantised_levels_takes_the_entropy_of_the_levels() -> None:
    data, entropy = independent_levels()
    z = data.draw(100_000, torch.Generator().manual_seed(0)).double()
    x = data.standardisation.to_data(z).numpy()
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    nll = -np.log(shares[np.floor(x[:, 0]).astype(int).clip(0, 3)]).mean() - data.standardisation.log_scale
    assert bits_per_dimension(float(nll), data.standardisation, z) == pytest.approx(entropy, abs=0.01)


def test_evaluate_tells_bits_of_levels_only() -> None:
    data, _ = independent_levels(200)
    config = Config.create({"sde": {"steps": 3}, "network": {"layers": 1, "channels": 8}})
    flow = DiffFlow(3, config, data.standardisation).eval()
    found = evaluate(flow, data, (3,), points=20, seeds=1)
    units, x = data.standardisation, data.fresh(20_000, 0)
    assert found.bits_bound == pytest.approx(bits_per_dimension(nll_bound(flow, data), units, x))
    assert found.bits_ode == pytest.approx(bits_per_dimension(found.nll_ode or 0.0, units, x))
    data.levels = False
    assert evaluate(flow, data, (3,), ode=False, points=20, seeds=1).bits_bound is None


SHARES = (0.5, 0.25, 0.125, 0.125)


def logit_levels(alpha: float, rows: int = 8000) -> RecordedDataset:
    """A column of four independent levels, a picture of one pixel, in logit space."""
    levels = np.random.default_rng(0).choice(4, (rows, 1), p=SHARES).astype(float)
    records = Records(("a",), levels, np.ones(1), np.zeros(rows, np.intp), ("all",))
    image, logit = ImageShape(1, 1, 1, 0, 4), Logit(0, 4, alpha)
    return RecordedDataset("made", "Made", lambda: records, "", True, image, logit=logit)


def known_flow(data: RecordedDataset) -> tuple[ExactFlow, float]:
    """A model whose density in the space of standardised logits is a Gaussian, and its standard deviation there."""
    problem = to_standard_normal()
    flow = ExactFlow(problem, 3)
    flow.standardisation = data.standardisation
    return flow, float(np.sqrt(problem.covariance[0, 0]))


def log_density(x: float, data: RecordedDataset, spread: float, alpha: float) -> float:
    """Its log density at a level x, by the change of variables worked out by hand."""
    (mean,), (scale,) = data.standardisation.mean, data.standardisation.scale
    p = alpha + (1 - 2 * alpha) * x / 4
    place = (math.log(p / (1 - p)) - mean) / scale
    slope = (1 - 2 * alpha) / 4 / (p * (1 - p)) / scale
    return float(norm.logpdf(place, 0, spread)) + math.log(slope)


@pytest.mark.parametrize("alpha", [1e-6, 0.05])
def test_the_density_of_logits_is_that_of_levels_by_change_of_variables(alpha: float) -> None:
    data = logit_levels(alpha)
    flow, spread = known_flow(data)
    x = torch.tensor([[0.0], [0.001], [0.4], [2.0], [3.7], [3.9999], [4.0]], dtype=torch.float64)
    expected = [log_density(value, data, spread, alpha) for value in x[:, 0].tolist()]
    np.testing.assert_allclose(flow.log_prob(x, "ode").detach(), expected, rtol=0, atol=1e-4)
    outside = torch.tensor([[-1e-7], [4.001], [1e9]], dtype=torch.float64)
    for method in ("ode", "bound", "importance"):
        assert flow.log_prob(outside, method).tolist() == [-math.inf] * 3  # type: ignore[arg-type]
        assert torch.isfinite(flow.log_prob(x, method)).all()  # type: ignore[arg-type]
    (mean,), (scale,) = data.standardisation.mean, data.standardisation.scale
    ends = [(math.log(p / (1 - p)) - mean) / scale for p in (alpha, 1 - alpha)]
    mass = quad(lambda value: math.exp(log_density(value, data, spread, alpha)), 0, 4, points=(1e-4, 3.999))[0]
    assert mass == pytest.approx(norm.cdf(ends[1], 0, spread) - norm.cdf(ends[0], 0, spread), abs=1e-6)


@pytest.mark.parametrize("alpha", [1e-6, 0.05])
def test_bits_of_logits_are_those_of_the_levels_by_numerical_integration(alpha: float) -> None:
    """Each level weighs its share of the points that are measured; the noise over a level is integrated."""
    data = logit_levels(alpha)
    flow, spread = known_flow(data)
    x = data.fresh(2000, 0)
    levels = np.floor(data.standardisation.to_data(x.double()).numpy()[:, 0]).clip(0, 3).astype(int)
    shares = np.bincount(levels, minlength=4) / len(levels)
    near = (1e-5, 1e-3, 3.99, 3.9999)
    expected = -sum(
        share
        * quad(lambda v: log_density(v, data, spread, alpha), k, k + 1, points=[n for n in near if k < n < k + 1])[0]
        for k, share in enumerate(shares)
    ) / math.log(2)
    found = evaluate(flow, data, (3,), points=20, seeds=1)
    assert found.nll_ode is not None and found.nll_ode_error is not None and found.bits_ode is not None
    assert found.logit == alpha and found.entropy is None
    assert found.bits_ode == pytest.approx(expected, abs=3 * found.nll_ode_error / math.log(2))
    exact = -flow.log_prob(data.standardisation.to_data(x.double()), "ode").mean() / math.log(2)
    assert found.bits_ode == pytest.approx(float(exact), abs=1e-5)
    assert found.nll_bound is not None and found.bits_bound is not None
    points = data.fresh(20_000, 0)
    volume = float(data.standardisation.log_volume(points.double()).mean())
    assert found.bits_bound == pytest.approx((found.nll_bound + volume) / math.log(2), abs=1e-9)
