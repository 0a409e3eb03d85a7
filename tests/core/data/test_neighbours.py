"""Nearest rows against all distances computed at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.data.neighbours import nearest_rows


def all_distances(points: np.ndarray, table: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    apart = np.linalg.norm(points[:, None].astype(float) - table[None].astype(float), axis=-1)
    order = np.argsort(apart, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(apart, order, 1), order


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
    distances, rows = all_distances(points, table, k)
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
