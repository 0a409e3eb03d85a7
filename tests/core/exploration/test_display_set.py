from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.exploration.display_set import DisplayNoise, blocks, first_block_count
from dnf_studio.core.sde.grid import reference_times


@given(st.integers(1, 60_000), st.integers(1, 10_000), st.integers(1, 800))
def test_blocks_tile_the_points_and_stay_within_memory(points: int, steps: int, dim: int) -> None:
    parts = blocks(points, steps, dim)
    assert parts[0].start == 0 and all(a.stop == b.start for a, b in pairwise(parts))
    assert all(0 < part.stop - part.start <= 512 for part in parts)
    count = parts[-1].stop
    assert 1 <= count <= points
    assert count == 1 or count * (steps + 1) * dim <= 8_000_000


def test_the_default_scene_starts_with_256_points() -> None:
    parts = blocks(2000, 100, 2)
    assert (parts[0].stop, parts[-1].stop) == (256, 2000)


def test_fewer_latents_are_a_prefix_and_another_seed_is_another_set() -> None:
    noise = DisplayNoise()
    many = noise.latents(0, 500, 3)
    assert torch.equal(noise.latents(0, 200, 3), many[:200])
    assert not torch.equal(noise.latents(1, 500, 3), many)


def test_both_processes_read_one_path_on_any_grid_but_not_the_same() -> None:
    noise = DisplayNoise()
    fine, coarse = (reference_times(n, 1.0, 0.001, 0.05).float() for n in (8, 4))
    block = slice(256, 300)
    for side in (0, 1):
        small = noise.noise(0, block, 2, fine)[side] * fine.diff().sqrt()[:, None, None]
        large = noise.noise(0, block, 2, coarse)[side] * coarse.diff().sqrt()[:, None, None]
        assert torch.allclose(small[0::2] + small[1::2], large, atol=1e-5)
    forward, backward = noise.noise(0, block, 2, fine)
    assert abs(np.corrcoef(forward.ravel(), backward.ravel())[0, 1]) < 0.15
    assert torch.equal(DisplayNoise().noise(0, block, 2, fine)[0], forward)
    assert not torch.equal(noise.noise(0, slice(0, 44), 2, fine)[0], forward)


def test_the_first_block_of_many_components_is_small_and_soon_there() -> None:
    parts = {dim: [part.stop for part in blocks(2000, 30, dim)[:3]] for dim in (2, 8, 64, 784)}
    assert parts == {2: [256, 768, 1280], 8: [256, 768, 1280], 64: [64, 256, 768], 784: [16, 98, 167]}


def test_what_is_shown_first_are_256_points_where_their_noise_is_known() -> None:
    many, few = blocks(2000, 30, 64), blocks(2000, 30, 2)
    assert first_block_count(many, lambda _part: False) == 1 and first_block_count(many, lambda _part: True) == 2
    assert first_block_count(few, lambda _part: True) == 1 and first_block_count(few[:1], lambda _part: True) == 1


def test_noise_of_what_was_shown_before_is_let_go() -> None:
    noise, part = DisplayNoise(), slice(0, 8)
    times = [torch.linspace(0.0, end, 5) for end in (1.0, 0.5)]
    first = noise.noise(0, part, 2, times[0])
    for dim, t in ((3, times[0]), (2, times[1])):
        noise.noise(0, part, dim, t)
    noise.noise(1, part, 2, times[0])
    noise.leave(0, 2, times[0])
    assert noise.noise(0, part, 2, times[0]) is first
    assert not noise.knows(0, part, 3, times[0]) and not noise.knows(0, part, 2, times[1])
    assert not noise.knows(1, part, 2, times[0])
    assert noise._paths._total == 8 * 65 * 8 * 2 and len(noise._paths._items) == 1
