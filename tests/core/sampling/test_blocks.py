"""Seed blocks: the bytes depend on the seed and the row, and on nothing else."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import blocks
from dnf_studio.core.sampling.blocks import BLOCK, SUB_BLOCK, SampleBlock, sample, sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, DivergenceError, SettingError, interrupted_when


def small_flow(channels: int = 8, layers: int = 1, steps: int = 3, dim: int = 2) -> DiffFlow:
    torch.manual_seed(0)
    config = Config.create({"sde": {"steps": steps}, "network": {"layers": layers, "channels": channels}})
    constants = Standardisation(tuple(3.0 - j for j in range(dim)), tuple(0.5 + j for j in range(dim)))
    return DiffFlow(dim, config, constants).eval()


def joined(flow: DiffFlow, count: int, threads: int | None = None, **settings: object) -> np.ndarray:
    found = sample_blocks(flow, count, SampleSettings(**settings), threads=threads)  # type: ignore[arg-type]
    return np.concatenate([block.samples for block in found])


def whole(found: list[SampleBlock], name: str) -> np.ndarray:
    return np.concatenate([getattr(block, name) for block in found])


def test_a_short_run_is_a_prefix_of_a_long_one_across_blocks() -> None:
    flow = small_flow()
    long = joined(flow, 2 * BLOCK + 10)
    assert len(long) == 2 * BLOCK + 10
    for count in (1, SUB_BLOCK, SUB_BLOCK + 1, 70_000):
        assert joined(flow, count).tobytes() == long[:count].tobytes()


@pytest.mark.parametrize("channels", [8, 128])
def test_threads_change_no_byte(channels: int) -> None:
    flow = small_flow(channels, layers=3, steps=5)
    one = joined(flow, 5000, threads=1)
    assert joined(flow, 5000, threads=2).tobytes() == one.tobytes()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert joined(flow, 5000, threads=1).tobytes() == one.tobytes()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_size_of_a_yield_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = small_flow()
    whole_run = joined(flow, 9000)
    monkeypatch.setattr(blocks, "ROW_STEPS", 1)
    parts = list(sample_blocks(flow, 9000))
    assert len(parts) > 3
    assert [part.start for part in parts] == list(range(0, 9000, len(parts[0].samples)))
    assert whole(parts, "samples").tobytes() == whole_run.tobytes()


def test_paths_and_noise_change_no_byte_of_the_samples() -> None:
    flow = small_flow()
    plain = joined(flow, 3000)
    parts = list(sample_blocks(flow, 3000, trajectories=True, noise=True))
    assert whole(parts, "samples").tobytes() == plain.tobytes()


def test_a_block_can_be_drawn_alone_from_its_child_of_the_seed_sequence() -> None:
    flow = small_flow()
    parts = list(sample_blocks(flow, BLOCK + SUB_BLOCK, SampleSettings(seed=7)))
    child = np.random.SeedSequence(7).spawn(2)[1].spawn(1)[0]
    first = np.random.Generator(np.random.PCG64(child)).standard_normal((SUB_BLOCK, 2), dtype=np.float32)
    assert np.array_equal(whole(parts, "latents")[BLOCK:], first)


def test_sub_blocks_computed_together_agree() -> None:
    """What a GPU does: the same draws in bigger batches."""
    flow = small_flow(32, layers=2, steps=6)
    sampler = blocks._prepare(flow, flow.grid(), SampleSettings(), True, True, lambda: None)
    together = sampler.draw(range(62, 66), 4 * SUB_BLOCK)
    alone = [sampler.draw(range(k, k + 1), SUB_BLOCK) for k in range(62, 66)]
    for name in ("samples", "latents", "trajectories", "noise"):
        expected = np.concatenate([getattr(part, name) for part in alone])
        np.testing.assert_allclose(getattr(together, name), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("lam", "last"), [(1.0, "mean"), (1.0, "noise"), (0.0, "mean"), (2.0, "mean"), (0.5, "noise")])
@pytest.mark.parametrize(("steps", "grid"), [(None, None), (1, None), (11, "uniform"), (4, "paper")])
def test_samples_are_the_backward_path_of_their_latents_and_noise(
    lam: float, last: str, steps: int | None, grid: str | None
) -> None:
    flow = small_flow(16, 2, 5)
    settings = SampleSettings(steps=steps, lam=lam, last=last, grid=grid, seed=3)  # type: ignore[arg-type]
    (block,) = sample_blocks(flow, 700, settings, trajectories=True, noise=True)
    assert block.trajectories is not None and block.noise is not None
    nodes = flow.grid(steps, grid)
    noise = torch.from_numpy(block.noise).transpose(0, 1)
    with torch.no_grad():
        path = flow.backward_path(torch.from_numpy(block.latents), noise, lam, last, nodes)  # type: ignore[arg-type]
    expected = flow.standardisation.to_data(path).transpose(0, 1).numpy()
    assert block.trajectories.shape == (700, nodes.steps + 1, 2)
    np.testing.assert_allclose(block.trajectories, expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(block.trajectories[:, -1], block.samples)
    used = nodes.steps if last == "noise" else nodes.steps - 1
    drawn = (block.noise != 0).any(axis=(0, 2))
    assert drawn.tolist() == [lam != 0 and j < used for j in range(nodes.steps)]


def test_draws_are_independent_standard_normals() -> None:
    parts = list(sample_blocks(small_flow(), 20 * SUB_BLOCK, SampleSettings(last="noise"), noise=True))
    latents, noise = whole(parts, "latents"), whole(parts, "noise")
    numbers = np.concatenate([latents[:, None], noise], axis=1)
    assert stats.kstest(numbers.ravel()[:50_000], "norm").pvalue > 1e-3
    by_sub_block = numbers.reshape(20, -1)
    assert np.abs(np.corrcoef(by_sub_block) - np.eye(20)).max() < 0.06
    by_step = numbers.reshape(len(numbers), -1)
    assert np.abs(np.corrcoef(by_step.T) - np.eye(by_step.shape[1])).max() < 0.04


def test_the_ode_is_lambda_zero_and_seeds_differ() -> None:
    flow = small_flow()
    assert np.array_equal(joined(flow, 50, solver="ode", lam=1.3), joined(flow, 50, lam=0.0))
    assert not np.array_equal(joined(flow, 50, seed=1), joined(flow, 50, seed=2))


def test_sample_is_float32_in_data_units_whatever_the_dtype_of_the_model() -> None:
    flow = small_flow()
    found = sample(flow, 40, SampleSettings(steps=4, seed=1))
    assert found.dtype == torch.float32 and found.shape == (40, 2)
    assert np.array_equal(found.numpy(), joined(flow, 40, steps=4, seed=1))
    double = small_flow().double().sample(40, steps=4, seed=1)
    assert double.dtype == torch.float32
    torch.testing.assert_close(double, found, rtol=1e-4, atol=1e-5)


def test_memory_of_a_yield_is_bounded_with_and_without_paths() -> None:
    flow = small_flow(4, 1, dim=3)
    with_paths = sample_blocks(flow, 10**9, SampleSettings(steps=400), trajectories=True, noise=True)
    first = next(with_paths)
    assert first.trajectories is not None and first.noise is not None
    assert first.trajectories.nbytes + first.noise.nbytes <= blocks.PATH_BYTES
    with_paths.close()
    plain = next(sample_blocks(flow, 10**9, SampleSettings(steps=1000)))
    assert len(plain.samples) * 1000 <= 2 * blocks.ROW_STEPS and plain.trajectories is None and plain.noise is None


def test_numbers_that_are_not_finite_are_never_yielded() -> None:
    flow = small_flow()
    with torch.no_grad():
        flow.drift.layers[-1].bias.fill_(math.inf)  # type: ignore[union-attr]
    with pytest.raises(DivergenceError, match=r"^Sampling diverged: 300 of 300 samples are not finite at N = 4; .*\.$"):
        list(sample_blocks(flow, 300, SampleSettings(steps=4)))
    (block,) = sample_blocks(flow, 300, SampleSettings(steps=4), diverging=True)
    assert block.samples.shape == (300, 2) and not np.isfinite(block.samples).any()


@pytest.mark.parametrize(("rows", "sizes"), [(1, [SUB_BLOCK, SUB_BLOCK, 52]), (2 * SUB_BLOCK + 1, [2 * SUB_BLOCK, 52])])
def test_fewer_rows_at_once_are_the_same_samples(rows: int, sizes: list[int]) -> None:
    flow = small_flow()
    found = list(sample_blocks(flow, 2100, rows=rows))
    assert [len(block.samples) for block in found] == sizes
    assert np.array_equal(whole(found, "samples"), joined(flow, 2100))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"steps": 10_001},
        {"steps": 2.5},
        {"steps": True},
        {"lam": -0.1},
        {"lam": 2.01},
        {"lam": math.nan},
        {"lam": math.inf},
        {"seed": -1},
        {"seed": 0.5},
        {"last": "median"},
        {"solver": "rk5"},
        {"grid": "log"},
    ],
)
def test_wrong_settings_are_one_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=r"^The [^\n]+\.$"):
        SampleSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, -5, 1.5, True])
def test_a_wrong_count_is_one_sentence(count: int) -> None:
    with pytest.raises(SettingError, match=r"^The number of samples must be [^\n]+\.$"):
        next(sample_blocks(small_flow(), count))


@pytest.mark.parametrize("threads", [1, 2])
def test_drawing_ends_within_a_step_where_the_process_is_to_end(threads: int) -> None:
    """Of N = 10,000 a block takes half a minute."""
    asked = itertools.count()
    with interrupted_when(lambda: next(asked) >= 5), pytest.raises(Cancelled):
        next(sample_blocks(small_flow(), 10, SampleSettings(steps=10_000), threads=threads))
    assert next(asked) < 10
