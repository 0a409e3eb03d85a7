"""One Brownian path on any grid: the same path, and a Brownian one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from dnf_studio.core.sde.brownian import BrownianPath
from dnf_studio.core.sde.grid import paper_times, reference_times, uniform_times

SPAN = (0.001, 0.05)
INNER = torch.rand(40, generator=torch.Generator().manual_seed(1), dtype=torch.float64).sort().values
IRREGULAR = torch.cat([uniform_times(1, *SPAN)[:1], 0.001 + 0.049 * INNER, uniform_times(1, *SPAN)[1:]])
GRIDS = {
    "uniform": uniform_times(30, *SPAN),
    "not nested": uniform_times(37, *SPAN),
    "reference": reference_times(30, 0.5, *SPAN),
    "paper": paper_times(97, 0.9, *SPAN),
    "more nodes than cells": uniform_times(3000, *SPAN),
    "tiny steps": torch.tensor([0.001, 0.001 + 1e-7, 0.001 + 3e-7, 0.0123456, 0.0123456 + 2e-7, 0.05]).double(),
    "irregular": IRREGULAR,
}


def path(seed: int = 0, count: int = 2000, dim: int = 1, stream: int = 0) -> BrownianPath:
    return BrownianPath(seed, count, dim, *SPAN, stream)


@pytest.mark.parametrize("name", GRIDS)
def test_increments_are_independent_standard_normals(name: str) -> None:
    count = 200 if len(GRIDS[name]) > 1000 else 2000
    found = path(count=count).increments(GRIDS[name]).squeeze(-1)
    assert found.dtype == torch.float32 and found.shape == (len(GRIDS[name]) - 1, count)
    numbers = found.double().numpy()
    # Over all steps, and the first steps alone, whose Δ is the smallest of a power grid.
    for sample in (numbers.ravel()[::7], numbers[:2].ravel()):
        assert stats.kstest(sample, "norm").pvalue > 1e-3
    spread = numbers.var(axis=1)
    assert abs(spread.mean() - 1) < 6 * np.sqrt(2 / numbers.size)
    assert np.abs(spread - 1).max() < 5 * np.sqrt(2 / count)
    next_to_each_other = (numbers[1:] * numbers[:-1]).mean()
    assert abs(next_to_each_other) < 5 / np.sqrt(numbers[1:].size)


def test_the_path_is_the_same_on_every_grid() -> None:
    one, other = path(), path()
    coarse, fine = uniform_times(10, *SPAN), uniform_times(330, *SPAN)
    expected = one.values(fine)[::33]
    assert torch.equal(one.values(fine[::33]), expected)
    torch.testing.assert_close(other.values(coarse), expected, rtol=0, atol=1e-6)
    assert torch.equal(other.values(fine)[::33], expected)


@settings(max_examples=20)
@given(st.lists(st.floats(*SPAN), min_size=2, max_size=6), st.randoms())
def test_the_order_of_queries_is_irrelevant(times: list[float], random: object) -> None:
    shuffled = list(times)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    asked = path(count=3)
    for t in shuffled:
        asked.values(torch.tensor([t], dtype=torch.float64))
    together = path(count=3).values(torch.tensor(times, dtype=torch.float64))
    assert torch.equal(asked.values(torch.tensor(times, dtype=torch.float64)), together)


def test_increments_add_up_to_the_path() -> None:
    t = GRIDS["irregular"]
    steps = path().increments(t) * (t[1:] - t[:-1]).sqrt().float()[:, None, None]
    torch.testing.assert_close(steps.cumsum(0), path().values(t)[1:], rtol=1e-5, atol=1e-6)
    assert torch.equal(path().values(t)[0], torch.zeros(2000, 1))


def test_the_last_bridge_has_the_right_variance() -> None:
    """One node inside one of the 2^18 smallest cells, where the path is a bridge between the cell's ends."""
    cell = (SPAN[1] - SPAN[0]) / 2**18
    t = SPAN[0] + cell * torch.tensor([170_123, 170_123.75, 170_124], dtype=torch.float64)
    found = path(count=20_000).increments(t).squeeze(-1).double().numpy()
    assert np.abs(np.cov(found) - np.eye(2)).max() < 0.05


def test_the_covariance_is_that_of_brownian_motion() -> None:
    t = SPAN[0] + torch.tensor([0.1, 0.314159, 0.5, 0.777, 1.0], dtype=torch.float64) * (SPAN[1] - SPAN[0])
    w = path(count=20_000).values(t).squeeze(-1).double().numpy()
    since = t.numpy() - SPAN[0]
    expected = np.minimum(since[:, None], since[None])
    assert np.abs(np.cov(w) / expected - 1).max() < 0.06


def test_seeds_streams_points_and_components_are_independent() -> None:
    t = uniform_times(200, *SPAN)

    def flat(found: Tensor) -> np.ndarray:
        return found.reshape(len(found), -1).T.numpy()

    rows = np.concatenate([flat(path(seed, 3, 2, stream).increments(t)) for seed in (0, 1) for stream in (0, 1)])
    assert len(rows) == 24
    assert np.abs(np.corrcoef(rows) - np.eye(24)).max() < 0.35
    assert torch.equal(path(5, 3, 2, 1).increments(t), path(5, 3, 2, 1).increments(t))


def test_a_grid_in_float32_is_served_as_one_in_float64() -> None:
    t = reference_times(30, 0.9, *SPAN)
    torch.testing.assert_close(path().increments(t.float()), path().increments(t), rtol=0, atol=0.05)
