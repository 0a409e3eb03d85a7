"""The Fréchet distance in features: closed forms, no bias for samples of the data's law, and an error that covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dnf_studio.core.evaluation.features import feature_distance, squared_frechet

SPREADS = np.array([0.6, 0.3, 0.1, 0.05, 0.02])


def points(seed: int, count: int, spreads: NDArray[np.float64] = SPREADS, shift: float = 0.0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(count, len(spreads))) * spreads + shift


def test_of_gaussians_along_the_same_axes_it_is_that_of_their_deviations() -> None:
    """Σ (a_j − b_j)² + |μ − ν|², in any turned frame, of sets whose moments are exactly these."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    own, other = np.array([1.0, 0.5, 0.2]), np.array([0.7, 0.5, 0.9])
    unbiased = math.sqrt(7 / 8)
    a, b = corners * own * unbiased @ turn + 0.3, corners * other * unbiased @ turn
    expected = float(np.square(own - other).sum()) + 3 * 0.3**2
    assert squared_frechet(a, b) == pytest.approx(expected) == squared_frechet(b, a)
    assert squared_frechet(a, a) == pytest.approx(0, abs=1e-9)
    flat = np.hstack([a, np.zeros((8, 1))])
    assert squared_frechet(flat, np.hstack([b, np.zeros((8, 1))])) == pytest.approx(expected)


def test_samples_of_the_datas_law_are_at_no_distance_in_the_mean_though_two_sets_differ() -> None:
    found = [feature_distance(points(2 * k, 400), points(2 * k + 1, 120)) for k in range(16)]
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "error"))
    floors = np.array([one.floor for one in found])
    assert abs(values.mean()) < 3.5 * values.std(ddof=1) / 4 and values.min() < 0 < values.max()
    assert floors.mean() > 4 * abs(values.mean()) and floors.min() > 0
    raw = [squared_frechet(points(2 * k + 500, 120), points(2 * k + 501, 120)) for k in range(16)]
    assert floors.mean() == pytest.approx(np.mean(raw), rel=0.3)
    # The jackknife errs on the safe side
    assert 0.4 < math.sqrt(np.mean((values / errors) ** 2)) < 1.3


def test_a_shift_is_found_as_large_as_it_is() -> None:
    found = [feature_distance(points(k, 400, shift=0.2), points(100 + k, 120)) for k in range(12)]
    mean = float(np.mean([one.value for one in found]))
    error = float(np.mean([one.error for one in found]))
    assert mean == pytest.approx(5 * 0.2**2, abs=3 * error / math.sqrt(12)) and mean > 4 * error
    assert np.std([one.value for one in found]) == pytest.approx(error, rel=0.6)
    assert feature_distance(points(0, 50), points(1, 50)) == feature_distance(points(0, 50), points(1, 50))
