"""Ways of sampling compared, where equation 17 holds exactly and where it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.core.exploration.variants import Variant, compare_variants
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, DataError, SettingError
from tests.problems import ExactField, ExactFlow, LinearGaussian, to_standard_normal

LEVELS = (0.0, 0.5, 1.0, 1.5, 2.0)
REFERENCE = SampleSettings(lam=1.0, last="noise")


def plane() -> LinearGaussian:
    """`to_standard_normal` in two independent components."""
    line = to_standard_normal()
    return LinearGaussian("plane", -np.eye(2), np.zeros(2), line.covariance * np.eye(2), line.g)


class Drawn(Dataset):
    """Exact draws of a problem as a data set."""

    def __init__(self, problem: LinearGaussian, most: int = 10**9) -> None:
        self.name, self.dim, self.problem, self.most = problem.name, problem.dim, problem, most
        self.standardisation = Standardisation.identity(problem.dim)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self.problem.draw(min(count, self.most), generator).float()

    def fresh(self, count: int, seed: int) -> Tensor:
        return self.draw(count, torch.Generator().manual_seed(seed))


def levels_of(flow: DiffFlow, steps: int, **more: object) -> list[Variant]:
    ways = [SampleSettings(steps, lam, "noise") for lam in LEVELS]
    reference = SampleSettings(steps, 1.0, "noise")
    return list(compare_variants(flow, ways, reference=reference, points=20_000, threads=1, **more))  # type: ignore[arg-type]


def distances(found: list[Variant]) -> list[Distance]:
    assert all(row.to_reference is not None for row in found)
    return [row.to_reference for row in found if row.to_reference is not None]


def apart(one: Distance) -> bool:
    """By twice the resolution, so that no other draw would say otherwise."""
    assert one.resolution is not None
    return one.value > 2 * one.resolution


def test_with_the_exact_score_every_level_gives_the_same_samples_up_to_the_step() -> None:
    """Equation 17: what is left over is the error of N steps, O(1/N), and chance, which is on either side of 0."""
    problem = plane()
    flow = ExactFlow(problem, 8)
    coarse, fine = (distances(levels_of(flow, steps, dataset=Drawn(problem))) for steps in (2, 100))
    assert all(smooth.resolution is not None and smooth.value < smooth.resolution + 2 / 100 for smooth in fine)
    assert all(apart(coarse[k]) and coarse[k].value > 2 * abs(fine[k].value) for k in (0, -1))
    for same in (coarse[2], fine[2]):
        assert same.told_apart is False and same.value != 0
    assert 0 < fine[0].floor < 0.1 and len({row.floor for row in fine}) == 1


def test_the_exact_model_gives_the_data_back_and_a_missing_score_is_found() -> None:
    problem = plane()
    flow = ExactFlow(problem, 8)
    exact = [row.to_data for row in levels_of(flow, 100, dataset=Drawn(problem))]
    assert all(one is not None and one.value < (one.resolution or 0) + 2 / 100 for one in exact)
    assert len({one.floor for one in exact if one is not None}) == len(LEVELS), "each has fresh points of its own"
    flow.fields = lambda grid, hidden=None: (problem.drift(grid), lambda i, x: 0 * x)  # type: ignore[method-assign,assignment,misc]
    rows = levels_of(flow, 50, dataset=Drawn(problem))
    assert all(row.to_data is not None and apart(row.to_data) for row in rows)
    assert all(apart(found) for found in (distances(rows)[0], distances(rows)[-1]))


def test_the_last_step_without_its_noise_is_narrower_by_that_noise() -> None:
    """At N = 1 nothing else differs: the same latents, one step, g √Δ of noise or none."""
    problem = to_standard_normal()
    flow = ExactFlow(problem, 8)
    ways = [SampleSettings(1, 1.0, "mean"), SampleSettings(1, 1.0, "noise")]
    mean, noise = compare_variants(flow, ways, points=20_000, shown=20_000, threads=1)
    difference = noise.samples.astype(np.float64) - mean.samples
    assert difference.std() == pytest.approx(problem.g[1], rel=0.02)
    assert abs(np.corrcoef(difference.ravel(), mean.samples.ravel())[0, 1]) < 0.03


def make_flow(dim: int = 2) -> DiffFlow:
    torch.manual_seed(0)
    small = {"sde": {"steps": 6}, "network": {"layers": 1, "channels": 8}}
    return DiffFlow(dim, Config.create(small), Standardisation((5.0,) * dim, (3.0,) * dim))


def test_every_way_begins_at_the_same_latents_and_repeats() -> None:
    flow = make_flow()
    ways = [SampleSettings(6, lam) for lam in (0.0, 0.0, 1e-6)]
    rows = list(compare_variants(flow, ways, points=300, shown=100, threads=2))
    assert all(row.samples.shape == (100, 2) and row.to_data is row.to_reference is None for row in rows)
    assert np.array_equal(rows[0].samples, rows[1].samples)
    np.testing.assert_allclose(rows[0].samples, rows[2].samples, atol=1e-4)
    assert abs(rows[0].samples.mean()) < 1, "model units, not those of the data"
    again = next(compare_variants(flow, [SampleSettings(6, 0.0, seed=7)], points=300, shown=100, threads=1))
    assert np.array_equal(again.samples, rows[0].samples)


def test_small_data_gives_fewer_points_and_one_row_none() -> None:
    problem = to_standard_normal()
    flow = ExactFlow(problem, 8)
    for most, found in ((50, True), (3, True), (1, False)):
        row = next(compare_variants(flow, [REFERENCE], Drawn(problem, most), points=2_000, threads=1))
        assert (row.to_data is not None) == found
        assert len(row.samples) == {50: 48, 3: 3, 1: 2_000}[most]


def test_samples_that_explode_have_no_distance() -> None:
    problem = to_standard_normal()
    flow = ExactFlow(problem, 8)
    flow.drift = ExactField(lambda x, t: x)  # type: ignore[assignment]
    flow.fields = lambda grid, hidden=None: (lambda i, x: x * float("inf"), problem.score(grid))  # type: ignore[method-assign,assignment]
    row = next(compare_variants(flow, [REFERENCE], Drawn(problem), REFERENCE, points=100, threads=1))
    assert row.to_data is None and row.to_reference is None and not len(row.samples)


def test_it_ends_where_the_check_says_so() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Cancelled

    flow = make_flow()
    rows = compare_variants(flow, [SampleSettings(n) for n in (3, 4, 5, 6)], points=200, threads=1, check=check)
    with pytest.raises(Cancelled):
        list(rows)
    assert len(calls) == 5


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    flow = make_flow(3)
    for change in ({"points": 0}, {"sets": 0}):
        with pytest.raises(SettingError):
            next(compare_variants(flow, [REFERENCE], **change))
    with pytest.raises(DataError):
        next(compare_variants(flow, [REFERENCE], Drawn(to_standard_normal()), points=10))
