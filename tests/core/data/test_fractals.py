"""The tree and the carpets: exact moments, densities, entropies and distances."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from dnf_studio.core.data import densities
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.fractals import FRACTAL_SETS, Carpet, Tree
from dnf_studio.core.data.planar import Toy2D

every_set = pytest.mark.parametrize("toy", FRACTAL_SETS, ids=lambda toy: toy.name)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cells(depth: int) -> list[tuple[float, float]]:
    """Lower left corners of the squares that a carpet of `depth` keeps."""
    kept = [(0.0, 0.0)]
    for level in range(1, depth + 1):
        steps = [(i, j) for i, j in itertools.product(range(3), range(3)) if (i, j) != (1, 1)]
        kept = [(x + i / 3**level, y + j / 3**level) for x, y in kept for i, j in steps]
    return kept


@every_set
def test_they_are_found_by_name_and_standardised_by_exact_moments(toy: Toy2D) -> None:
    assert open_dataset(toy.name) is toy
    x = toy.generate(400_000, generator(1))
    z = (x - torch.tensor(toy.standardisation.mean)) / torch.tensor(toy.standardisation.scale, dtype=x.dtype)
    error = len(z) ** -0.5
    assert z.mean(0).abs().max() < 4.5 * error
    spread = ((z**4).mean(0) - 1).sqrt() * error
    assert ((z.var(0) - 1).abs() < 4.5 * spread).all()


def test_entropies_of_the_carpets_are_those_of_the_table() -> None:
    assert open_dataset("carpet").entropy == pytest.approx(2.1329, abs=5e-5)
    assert open_dataset("carpet-fine").entropy == pytest.approx(1.8960, abs=5e-5)


@every_set
def test_the_entropy_is_the_mean_of_minus_log_density(toy: Toy2D) -> None:
    assert toy.entropy is not None
    density = toy.log_density(toy.generate(60_000, generator(2)))
    assert density is not None
    nll = -density - toy.standardisation.log_scale
    assert abs(float(nll.mean()) - toy.entropy) <= 4.5 * float(nll.std()) / math.sqrt(len(nll)) + 1e-9


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_carpet_is_its_squares(depth: int) -> None:
    toy = Carpet("carpet", "", depth)
    x = np.random.default_rng(0).uniform(-0.3, 1.3, (3000, 2))
    scale = toy.standardisation.scale[0]
    z = (x - 0.5) / scale
    boxes = [(np.array(corner) - 0.5) / scale for corner in cells(depth)]
    nearest = np.min([densities.box_distance(z, box, box + 1 / 3**depth / scale) for box in boxes], axis=0)
    np.testing.assert_allclose(toy._distance(z), nearest, atol=1e-12)
    density = toy.log_density(torch.from_numpy(x))
    assert density is not None
    assert np.array_equal(np.isfinite(density.numpy()), nearest == 0)
    assert density[nearest == 0].unique().tolist() == pytest.approx([depth * math.log(9 / 8)])
    assert len(np.unique(np.floor(toy.generate(20_000, generator()).numpy() * 3**depth), axis=0)) == 8**depth


@every_set
def test_nothing_that_is_drawn_lies_outside(toy: Toy2D) -> None:
    outside = toy.outside(toy.draw(50_000, generator(3)))
    assert outside is not None and not outside.any()
    far = toy.outside(torch.tensor([[9.0, 9.0], [math.nan, 0.0]]))
    assert far is not None and far.all()


def test_a_tree_has_its_branches() -> None:
    toy = Tree()
    assert len(toy.lengths) == 2**toy.LEVELS - 1
    assert toy.lengths.sum() == pytest.approx(sum((2 * toy.RATIO) ** k for k in range(toy.LEVELS)))
    # Both sides alike
    assert np.allclose(np.sort(toy.ends[:, 0]), np.sort(-toy.ends[:, 0]))


def test_the_density_of_a_tree_is_its_branches_blurred() -> None:
    """Against the integral of a Gaussian along every branch, by the midpoint rule with 0.1 σ between its places."""
    toy = Tree()
    x = toy.generate(40, generator(5)).numpy() + np.random.default_rng(0).normal(scale=0.01, size=(40, 2))
    total = np.zeros(len(x))
    for start, end, length in zip(toy.starts, toy.ends, toy.lengths, strict=True):
        count = math.ceil(length / (0.1 * toy.SIGMA))
        places = start + (np.arange(count)[:, None] + 0.5) / count * (end - start)
        squared = ((x[:, None] - places) ** 2).sum(-1)
        total += length / count * np.exp(-squared / (2 * toy.SIGMA**2)).sum(1) / (2 * math.pi * toy.SIGMA**2)
    density = toy.log_density(torch.from_numpy(x))
    assert density is not None
    np.testing.assert_allclose(density.numpy(), np.log(total / toy.lengths.sum()), rtol=1e-3)


def test_the_density_of_a_tree_is_finite_far_away() -> None:
    density = Tree().log_density(torch.tensor([[0.0, 9.0], [0.0, -3.0], [0.0, 0.0], [0.0, 0.5]]))
    assert density is not None and torch.isfinite(density).all()
    assert density[0] < -1e4 and density[3] > 0
