"""The loss of fitted steps: right in the mean, and with far less chance in it than random samples have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.training import step_loss
from dnf_studio.core.training.step_loss import Drawn, distance_squared, latents_and_noise, quasi_normal

COUNT = 1024


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_loss, "SORTED", 1 << 24)


def normals(dim: int) -> Drawn:
    generator = torch.Generator().manual_seed(0)
    return Drawn.of(lambda count: torch.randn(count, dim, generator=generator), dim, COUNT, generator)


def losses(data: Drawn, draw: object, shift: float) -> np.ndarray:
    generator, found = torch.Generator().manual_seed(1), []
    for _ in range(24):
        some = data.some(generator)
        x = torch.cat([draw(COUNT, data.lines.shape[1], generator) for _ in range(2)])  # type: ignore[operator]
        x[:, 0] += shift
        found.append(float(distance_squared(x, some.lines, some.values, some.values)))
    return np.array(found)


def test_a_gap_in_the_law_adds_nothing() -> None:
    """Where samples of chance now fall short of a gap and now beyond it, those of quasi-random points do not."""

    def apart(x: Tensor) -> Tensor:
        return x + 3 * x.sign()

    generator = torch.Generator().manual_seed(0)
    data = Drawn.of(lambda count: apart(quasi_normal(count, 2, generator)), 2, COUNT, generator)
    found = losses(data, lambda *sizes: apart(quasi_normal(*sizes)), 0.0)
    assert abs(found.mean()) < 0.02 * losses(data, lambda *sizes: apart(by_chance(*sizes)), 0.0).std()


def by_chance(count: int, columns: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, columns, generator=generator)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_it_is_the_squared_distance_of_the_laws_and_quasi_random_samples_are_nearer_to_it(
    dim: int, shift: float
) -> None:
    data = normals(dim)
    exact = shift**2 / dim
    even, random = (losses(data, draw, shift) for draw in (quasi_normal, by_chance))
    # The draws are 2^24 / 512 or more: their own error is in the distance
    for found in (even, random):
        assert abs(found.mean() - exact) < 4 * found.std() / math.sqrt(len(found)) + 1e-4 + 0.02 * shift
    assert even.std() < random.std() / 3


def test_each_number_is_a_standard_normal_and_calls_are_independent() -> None:
    generator = torch.Generator().manual_seed(0)
    x = quasi_normal(4096, step_loss.SOBOL_COLUMNS + 3, generator)
    assert x.shape == (4096, step_loss.SOBOL_COLUMNS + 3) and bool(x.isfinite().all())
    assert torch.allclose(x.mean(0), torch.zeros(x.shape[1]), atol=0.06)
    assert torch.allclose(x.std(0), torch.ones(x.shape[1]), atol=0.06)
    # Even: among the first two numbers of 4,096 points each of 64 x 64 equal parts of the square has one
    cell = (0.5 * (1 + torch.erf(x[:, :2] / math.sqrt(2))) * 64).long()
    assert len(torch.unique(cell[:, 0] * 64 + cell[:, 1])) == 4096
    # Rows of two calls are in one order, so that what is compared is what each call is off by
    off = torch.stack([quasi_normal(64, 2, generator).square().mean() for _ in range(400)])
    assert abs(float(np.corrcoef(off[::2], off[1::2])[0, 1])) < 0.25


def test_latents_come_first_and_halves_share_nothing() -> None:
    z, noise = latents_and_noise(256, 2, 3, torch.Generator().manual_seed(0))
    first = quasi_normal(256, 8, torch.Generator().manual_seed(0))
    assert z.shape == (512, 2) and noise.shape == (3, 512, 2)
    assert torch.equal(z[:256], first[:, :2]) and torch.equal(noise[2, :256], first[:, 6:])
    assert not torch.equal(z[:256], z[256:])


def test_one_line_is_all_there_is_of_a_column_and_others_are_chosen_each_time() -> None:
    assert normals(1).lines.tolist() == [[1.0]]
    data, generator = normals(3), torch.Generator().manual_seed(0)
    a, b = (data.some(generator) for _ in range(2))
    assert a.lines.shape == (step_loss.LINES_AT_ONCE, 3) and not torch.equal(a.lines, b.lines)
    assert torch.allclose(data.lines.norm(dim=1), torch.ones(step_loss.LINES))
