"""The part of a set that a point was drawn from is the one that is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.modes import mode_count, modes_of
from dnf_studio.core.data.planar import Toy2D


def drawn(name: str, count: int = 4000) -> tuple[Toy2D, np.ndarray]:
    dataset = open_dataset(name)
    assert isinstance(dataset, Toy2D)
    return dataset, dataset.generate(count, torch.Generator().manual_seed(0)).numpy()


COUNTS = {
    **{"rings": 5, "rings-sharp": 5, "four-rings": 4, "8gaussian": 8, "checkerboard": 8, "moons": 2, "2spirals": 2},
    **{"circle": 0, "line": 0, "swissroll": 0},
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_parts_are_as_many_as_the_set_has_and_equally_large(name: str, count: int) -> None:
    dataset, x = drawn(name)
    assert mode_count(dataset) == count
    found = modes_of(dataset, x)
    if not count:
        assert found is None
        return
    assert found is not None
    shares = np.bincount(found, minlength=count) / len(x)
    np.testing.assert_allclose(shares, 1 / count, atol=0.03)


def test_the_random_numbers_that_chose_the_part_are_found_again() -> None:
    """A generator from the same seed first draws the very numbers of the parts."""
    for name, count in (("rings", 5), ("four-rings", 4), ("8gaussian", 8)):
        dataset, x = drawn(name)
        chosen = torch.randint(count, (len(x),), generator=torch.Generator().manual_seed(0)).numpy()
        found = modes_of(dataset, x)
        assert found is not None and (found == chosen).mean() > 0.985


def test_squares_moons_and_arms_by_points_known_to_be_theirs() -> None:
    board = open_dataset("checkerboard")
    np.testing.assert_array_equal(modes_of(board, np.array([[-3.0, -3.0], [3, 3], [-4.5, -3]])), [0, 7, 0])
    moons = open_dataset("moons")
    np.testing.assert_array_equal(
        modes_of(moons, np.array([[-1.0, 1.8], [1.0, -1.2], [-3, -0.3], [3, 0.9]])), [0, 1, 0, 1]
    )
    spirals, x = drawn("2spirals")
    ends = np.linalg.norm(x, axis=1) > 1
    first, second = modes_of(spirals, x[ends]), modes_of(spirals, -x[ends])
    assert first is not None and second is not None and (first != second).all()


def test_unknown_data_has_no_parts_and_lost_points_none() -> None:
    assert mode_count(None) == 0
    rings = open_dataset("rings")
    np.testing.assert_array_equal(modes_of(rings, np.array([[np.nan, 0], [np.inf, 1], [0.0, 1.75]])), [-1, -1, 1])
    assert modes_of(open_dataset("2spirals"), np.empty((0, 2))) is not None
