"""Nearest rows against all distances computed at once, and copies that are seen."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.recorded import RecordedDataset, Records
from dnf_studio.core.exploration.neighbours import held_out_distances, levels_of, nearest_rows, nearest_training


def brute_force(points: np.ndarray, table: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    apart = np.linalg.norm(points[:, None].astype(float) - table[None].astype(float), axis=-1)
    order = np.argsort(apart, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(apart, order, 1), order


@pytest.fixture(scope="module")
def digits() -> RecordedDataset:
    data = open_dataset("digits")
    assert isinstance(data, RecordedDataset)
    return data


@given(st.integers(0, 30), st.integers(1, 60), st.integers(1, 6), st.integers(1, 9), st.integers(1, 200), st.booleans())
def test_blocks_of_any_size_find_what_all_at_once_finds(
    n: int, m: int, dim: int, k: int, block: int, whole: bool
) -> None:
    random = np.random.default_rng(n + 31 * m)
    # Few levels have many rows equally far
    points, table = random.integers(0, 5, (n, dim)).astype(float), random.integers(0, 5, (m, dim)).astype(np.uint8)
    if not whole:
        points, table = points + random.random((n, dim)), table + random.random((m, dim))
    found = nearest_rows(points, table, k, block=block)
    distances, rows = brute_force(points, table, k)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12)
    if whole is False:
        np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - table[found.rows], axis=-1), distances, rtol=1e-12)


def test_some_rows_only_by_their_own_numbers() -> None:
    table = np.arange(20.0)[:, None]
    found = nearest_rows(np.array([[4.2], [100.0]]), table, 2, np.array([9, 3, 7]))
    assert found.rows.tolist() == [[3, 7], [9, 7]] and found.distances[1].tolist() == [91, 93]
    np.testing.assert_allclose(found.distances[0], [1.2, 2.8])


def test_a_copy_far_from_zero_is_at_distance_zero() -> None:
    table = np.random.default_rng(0).random((500, 40)) + 1e6
    assert nearest_rows(table[77:78], table).distances[0, 0] == 0


def test_memory_is_bounded_by_the_block() -> None:
    table = np.random.default_rng(0).integers(0, 256, (20_000, 200)).astype(np.uint8)
    tracemalloc.start()
    nearest_rows(table[:300], table, 2, block=1 << 17)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All distances at once are 48 MB, the table as float64 32 MB
    assert peak < 8e6


def test_a_training_image_is_a_copy_and_a_held_out_one_is_not(digits: RecordedDataset) -> None:
    train, test = digits.splits[0][:5], digits.splits[2]
    noise = torch.rand(5, 64, generator=torch.Generator().manual_seed(0)).numpy()
    copies = nearest_training(digits, digits.recorded[train] + noise, 3)
    assert copies.rows[:, 0].tolist() == train.tolist() and (copies.distances[:, 0] == 0).all()
    assert (copies.distances[:, 1] > 5).all() and np.isin(copies.rows, digits.splits[0]).all()
    held_out = held_out_distances(digits)
    assert held_out.shape == (256,) and held_out.min() > 5
    want = brute_force(digits.recorded[test[:256]], digits.recorded[digits.splits[0]], 1)[0][:, 0]
    np.testing.assert_allclose(held_out, want)


def test_levels_are_whole_and_within_the_range(digits: RecordedDataset) -> None:
    x = np.array([[-3.0, 0.99, 16.5, 99.0] + [2.5] * 60])
    assert levels_of(digits, x)[0].tolist() == [0, 0, 16, 16] + [2] * 60
    wine = open_dataset("wine")
    assert isinstance(wine, RecordedDataset)
    with pytest.raises(ValueError, match="no images"):
        levels_of(wine, np.zeros((1, 13)))


def test_a_mirror_image_is_a_copy_where_training_mirrors() -> None:
    shape = ImageShape(4, 5, 1, 0, 256)
    levels = np.random.default_rng(0).integers(0, 256, (40, 20), np.uint8)
    records = Records(tuple(map(str, range(20))), levels, np.ones(20), np.zeros(40, np.intp), ())
    for flips in (False, True):
        data = RecordedDataset("made", "Made", lambda: records, "", True, shape, flips)
        copied = data.splits[0][3]
        found = nearest_training(data, shape.mirrored(levels[copied : copied + 1]) + 0.5, 2)
        assert found.distances.shape == (1, 2)
        assert (found.distances[0, 0] == 0 and found.rows[0, 0] == copied) == flips
