"""The bound taken apart: identities, the reference program's vectors, and parts that vanish with their cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dnf_studio.core.exploration.contributions import Contributions, contributions, explain_path
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import implied_backward_noise
from dnf_studio.errors import DataError, SettingError
from tests.golden import deviation
from tests.problems import ZOO, LinearGaussian, path_bound


def close(ours: Tensor, theirs: Tensor, to: float = 1e-9) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=to)


def test_the_reference_programs_bound_is_the_sum_of_the_parts(reference: DiffFlow, golden: dict[str, Tensor]) -> None:
    found = contributions(reference, golden["x0"], golden["forward_noise"])
    assert deviation(found.path, golden["forward_path"]) < 1e-9
    back, ahead = golden["implied_backward_noise"], golden["forward_noise"]
    close(found.steps, 0.5 * (back.square().sum(-1) - ahead.square().sum(-1)), 1e-8)
    assert deviation(-found.steps.sum(0), golden["logabsdet"]) < 1e-8
    close((found.bound - found.noise_ratio).mean(), golden["loss"].squeeze(), 1e-8)


def test_parts_and_prior_add_up_to_the_bound_that_is_trained(reference: DiffFlow) -> None:
    random = torch.Generator().manual_seed(4)
    for grid in (reference.grid(), reference.grid(7)):
        grid = replace(grid, g=torch.linspace(0.3, 0.9, grid.steps + 1, dtype=torch.float64))
        x0 = torch.randn(50, 2, generator=random, dtype=torch.float64)
        noise = torch.randn(grid.steps, 50, 2, generator=random, dtype=torch.float64)
        found = contributions(reference, x0, noise, grid)
        close(found.bound, path_bound(reference, x0, noise, grid), 1e-6)
        close(found.noise_ratio, 2 * torch.log(torch.tensor(3.0, dtype=torch.float64)))
        drift, score = reference.fields(grid)
        for i in range(grid.steps):
            x, x_next = found.path[i], found.path[i + 1]
            ends = x, x_next, drift(i + 1, x_next), score(i + 1, x_next)
            back = implied_backward_noise(*ends, grid.dt[i], grid.g[i + 1])
            close(found.steps[i], 0.5 * (back.square().sum(-1) - noise[i].square().sum(-1)), 1e-6)


def explained(problem: LinearGaussian, steps: int, scale: float = 1.0) -> tuple[Contributions, TimeGrid]:
    random = torch.Generator().manual_seed(1)
    grid = problem.grid(steps)
    x0 = problem.draw(200, random)
    noise = torch.randn(steps, 200, problem.dim, generator=random, dtype=torch.float64)
    drift, score = problem.drift(grid), problem.score(grid)
    path = paths.forward_path(drift, grid, x0, noise)
    return explain_path((drift, lambda i, x: scale * score(i, x)), grid, path, noise), grid


@pytest.mark.parametrize("problem", ZOO, ids=lambda problem: problem.name)
def test_a_part_vanishes_with_its_cause(problem: LinearGaussian) -> None:
    found, grid = explained(problem, 9)
    assert (found.parts.noise.abs().max() > 1e-9) == (problem.g[0] != problem.g[1])
    assert (found.parts.drift.abs().max() > 1e-9) == bool(abs(problem.matrix).max() > 0)
    silent, _ = explained(problem, 9, scale=0.0)
    assert silent.parts.score.abs().max() == 0 and found.parts.score.abs().max() > 1e-3
    close(silent.parts.noise, found.parts.noise)
    ratio = (grid.g[:-1] / grid.g[1:]).square()[:, None] - 1
    assert ((found.parts.noise * ratio) >= 0).all()


def test_a_score_that_is_too_strong_shows_in_its_part(reference: DiffFlow) -> None:
    """With the exact score its part is what a shrinking drift part asks for; half as much again adds to it."""
    problem = ZOO[1]
    right, _ = explained(problem, 40)
    wrong, _ = explained(problem, 40, scale=1.5)
    assert wrong.steps.mean() > right.steps.mean()
    change = (wrong.parts.score - right.parts.score).mean()
    assert change > 0.9 * (wrong.steps - right.steps).mean()


def test_shapes_that_do_not_fit_are_refused(reference: DiffFlow) -> None:
    x0 = torch.zeros(4, 2, dtype=torch.float64)
    with pytest.raises(SettingError, match="noise must have the shape"):
        contributions(reference, x0, torch.zeros(3, 4, 2))
    for points in (x0.float(), torch.zeros(4, 3).double(), x0.numpy(), None):
        with pytest.raises(DataError, match="The points must be"):
            contributions(reference, points)  # type: ignore[arg-type]
    grid = reference.grid(5)
    with pytest.raises(SettingError, match="5 steps have 6 states"):
        explain_path(reference.fields(grid), grid, torch.zeros(5, 4, 2), torch.zeros(5, 4, 2))


def test_noise_is_drawn_where_none_is_given(reference: DiffFlow) -> None:
    found = contributions(reference, torch.zeros(4, 2, dtype=torch.float64))
    assert found.steps.shape == (reference.grid().steps, 4) and found.bound.shape == found.prior.shape == (4,)
    assert not found.path.requires_grad
