"""The backward process without its score or its drift: the reference program's vectors and linear problems."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.exploration.inspect import inspect_point
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.paths import implied_backward_noise, implied_forward_noise
from dnf_studio.core.sde.solvers import Parts
from dnf_studio.core.sde.solvers.sde import backward_path, fields_in_part
from dnf_studio.errors import SettingError
from tests.problems import ZOO, LinearGaussian, coupled, exploding
from tests.views import viewed


def test_without_score_the_reference_program_takes_the_path_of_the_plain_drift(
    reference: DiffFlow, golden: dict[str, Tensor]
) -> None:
    grid, noise = reference.grid(), golden["backward_noise"]
    with torch.no_grad():
        fields = reference.fields(grid)
        path = backward_path(*fields_in_part(fields, "drift"), grid, golden["latent"], noise)
        x = golden["latent"]
        for j in range(grid.steps):
            i = grid.steps - j
            dt, g = grid.t[i] - grid.t[i - 1], grid.g[i]
            x = x - reference.drift(x, grid.condition[i]) * dt + g * dt.sqrt() * noise[j]
            torch.testing.assert_close(path[j + 1], x, rtol=0, atol=1e-9)
        whole = backward_path(*fields_in_part(fields, "both"), grid, golden["latent"], noise)
    torch.testing.assert_close(whole, golden["backward_path"], rtol=0, atol=1e-9)
    # method.md, section 18: the score of this model is nearly idle
    assert 1e-5 < float((whole[-1] - path[-1]).abs().max()) < 1e-2


@pytest.mark.parametrize("problem", ZOO, ids=lambda problem: problem.name)
def test_without_score_a_linear_drift_is_a_product_of_matrices(problem: LinearGaussian) -> None:
    grid, eye = problem.grid(9), np.eye(problem.dim)
    noise = torch.randn(9, 4, problem.dim, dtype=torch.float64)
    z = torch.randn(4, problem.dim, dtype=torch.float64)
    fields = fields_in_part((problem.drift(grid), problem.score(grid)), "drift")
    expected = z.numpy()
    for j, i in enumerate(range(9, 0, -1)):
        dt, g = float(grid.dt[i - 1]), float(grid.g[i])
        expected = expected @ (eye - dt * problem.matrix).T + 0.6 * g * dt**0.5 * noise[j].numpy()
    found = backward_path(*fields, grid, z, noise, lam=0.6)[-1]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_without_drift_a_gaussian_score_contracts_by_known_factors(lam: float) -> None:
    problem = coupled()
    grid, z = problem.grid(7), torch.randn(5, 2, dtype=torch.float64)
    fields = fields_in_part((problem.drift(grid), problem.score(grid)), "score")
    expected = z.numpy()
    for i in range(7, 0, -1):
        mean, covariance = problem.marginal(float(grid.t[i]))
        pull = 0.5 * (1 + lam * lam) * float(grid.g[i]) ** 2 * float(grid.dt[i - 1]) * np.linalg.inv(covariance)
        expected = expected - (expected - mean) @ pull.T
    noise = torch.zeros(7, 5, 2, dtype=torch.float64)
    np.testing.assert_allclose(backward_path(*fields, grid, z, noise, lam)[-1], expected, atol=1e-9)


def test_a_problem_without_drift_loses_nothing_with_it() -> None:
    problem = exploding()
    grid = problem.grid(6)
    noise, z = torch.randn(6, 5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    fields = problem.drift(grid), problem.score(grid)
    ends = [backward_path(*fields_in_part(fields, parts), grid, z, noise)[-1] for parts in ("both", "score")]
    torch.testing.assert_close(*ends, rtol=0, atol=1e-12)


@pytest.mark.parametrize("parts", ["drift", "score"])
@pytest.mark.parametrize("lam", [0.0, 0.7, 1.0])
def test_a_point_of_a_part_is_inspected_by_the_whole_model(
    reference: DiffFlow, golden: dict[str, Tensor], parts: Parts, lam: float
) -> None:
    grid, noise = reference.grid(), golden["backward_noise"][:, 3]
    table = inspect_point(reference, grid, golden["latent"][3], noise.flip(0), "backward", viewed(lam=lam, parts=parts))
    with torch.no_grad():
        fields = fields_in_part(reference.fields(grid), parts)
        path = backward_path(*fields, grid, golden["latent"][3:4], noise[:, None], lam).flip(0)[:, 0]
    np.testing.assert_allclose(table.x, path, atol=1e-9)
    x, f, g2s = (torch.from_numpy(rows) for rows in (table.x, table.drift, table.score_term))
    assert f.abs().max() > 0 and g2s.abs().max() > 0
    dt, g = torch.from_numpy(np.diff(table.t))[:, None], torch.from_numpy(table.g)[:, None]
    ahead = implied_forward_noise(x[:-1], x[1:], f[:-1], dt, g[:-1])
    back = implied_backward_noise(x[:-1], x[1:], f[1:], g2s[1:] / g[1:] ** 2, dt, g[1:])
    np.testing.assert_allclose(table.forward_noise, ahead, atol=1e-9)
    np.testing.assert_allclose(table.backward_noise, back, atol=1e-9)


def test_another_part_is_refused() -> None:
    viewed(parts="drift")
    with pytest.raises(SettingError, match="both parts, drift or score, not 'noise'"):
        viewed(parts="noise")
