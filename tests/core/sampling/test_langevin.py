"""The Langevin corrector against the exact score of a Gaussian, and bytes that depend on the seed and the row alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio import load
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import blocks, langevin
from dnf_studio.core.sampling.blocks import SUB_BLOCK, sample_blocks
from dnf_studio.core.sampling.langevin import SNR, corrected, score_size
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import SettingError, UnsupportedError
from tests.golden import FOLDER
from tests.problems import ExactFlow, to_standard_normal, turning_to_standard_normal

COUNT = 200_000


def stationary(variance: float, snr: float) -> float:
    """h = 2 snr² v²/v_h and v_h = v/(1 − h/2v) give v_h = v (1 + snr²); the last mean has (1 − h/v)² of it."""
    return variance * (1 - snr**2) ** 2 / (1 + snr**2)


def test_a_step_by_hand() -> None:
    x, eps = torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    h = 2 * (0.05 * 3 / 2) ** 2
    one = corrected(lambda x: -x, x, lambda: eps, 1)
    torch.testing.assert_close(one, (1 - h) * x)
    after = (1 - h) * x + math.sqrt(2 * h) * eps
    h = 2 * (0.05 * 3 / float(after.norm(dim=1).mean())) ** 2
    torch.testing.assert_close(corrected(lambda x: -x, x, lambda: eps, 2), (1 - h) * after)


@pytest.mark.parametrize("snr", [0.1, 0.2, 0.4])
def test_what_stays_is_the_gaussian_to_the_order_of_h(snr: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """From beside it to within h/v ≈ 2 snr² of N(0.5, 0.3²), at exactly the variance that the recursion has.

    (From many deviations away the steps are short: h falls with the square of the score.)
    """
    monkeypatch.setattr(langevin, "SNR", snr)
    source, v = torch.Generator().manual_seed(0), 0.09

    def noise() -> Tensor:
        return torch.randn(COUNT // 4, 1, dtype=torch.float64, generator=source)

    x = corrected(lambda x: (0.5 - x) / v, 0.8 + 0.2 * noise(), noise, round(8 / snr**2))
    assert float(x.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(x.var()) == pytest.approx(stationary(v, snr), rel=0.03)
    assert abs(stationary(v, snr) / v - 1) < 3.1 * snr**2


def test_rows_depend_on_their_group_only() -> None:
    x, eps = torch.randn(12, 2), torch.randn(12, 2)
    together = corrected(lambda x: -x, x, lambda: eps, 1, group=4)
    for k in range(0, 12, 4):
        rows = slice(k, k + 4)
        torch.testing.assert_close(together[rows], corrected(lambda x: -x, x[rows], lambda r=rows: eps[r], 1))


def test_a_score_that_is_zero_everywhere_moves_nothing() -> None:
    x = torch.randn(8, 2)
    assert torch.equal(corrected(torch.zeros_like, x, lambda: torch.ones(8, 2), 2), x)


def test_the_size_tells_a_score_from_an_idle_one() -> None:
    problem = turning_to_standard_normal()
    x = problem.draw(COUNT, torch.Generator().manual_seed(0))
    score = ExactFlow(problem, 3)._score(x, 0.0)
    assert 0.98 < score_size(score, x) < 2 and score_size(0.01 * score, x) < 0.02
    x[0] = 1e6
    assert score_size(0.01 * score, x) < 0.02


@pytest.mark.parametrize("name", ["diffusion-rings", "diffflow-tree", "diffflow-rings"])
@pytest.mark.parametrize(("steps", "lam"), [(10, 1.0), (30, 0.0)])
def test_the_live_scores_of_thin_data_are_not_taken_for_idle(name: str, steps: int, lam: float) -> None:
    """Where Stein's identity gave from −1 to 14 by chance, and Langevin steps bring samples nearer to the data."""
    settings = SampleSettings(steps, lam, solver="sde", langevin=1)
    assert len(next(sample_blocks(load(name), 10, settings)).samples) == 10


def test_corrector_steps_make_samples_of_thin_data_more_likely() -> None:
    flow, data = load("diffusion-rings"), open_dataset("rings")

    def typical(langevin: int) -> float:
        settings = SampleSettings(solver="sde", langevin=langevin)
        rows = np.concatenate([block.samples for block in sample_blocks(flow, SUB_BLOCK, settings)])
        found = data.log_density(torch.from_numpy(rows).double())
        assert found is not None
        return float(found.median())

    assert typical(20) > typical(0) + 0.02


def test_correcting_a_coarse_chain_leaves_the_true_marginal_at_the_first_step() -> None:
    """Five steps of a chain are off at t_1; 1,500 corrector steps forget it, and the last mean step is linear."""
    problem = to_standard_normal()
    flow = ExactFlow(problem, 5)
    settings = [SampleSettings(seed=1), SampleSettings(seed=1, langevin=1000)]
    plain, moved = (
        np.concatenate([part.trajectories for part in sample_blocks(flow, 16 * SUB_BLOCK, one, trajectories=True)])
        for one in settings
    )
    assert np.array_equal(plain[:, :-2], moved[:, :-2])
    _, variance = problem.marginal(float(flow.grid().t[1]))
    expected = stationary(float(variance[0, 0]), SNR)
    assert moved[:, -2].var() == pytest.approx(expected, rel=0.03)
    assert abs(plain[:, -2].var() / expected - 1) > 0.06


def test_neither_threads_nor_the_number_of_samples_change_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = ExactFlow(to_standard_normal(), 4)
    settings = SampleSettings(langevin=3, last="noise")

    def drawn(count: int, threads: int) -> bytes:
        found = sample_blocks(flow, count, settings, threads=threads)
        return np.concatenate([block.samples for block in found]).tobytes()

    whole = drawn(5000, 1)
    assert drawn(5000, 2) == whole
    assert whole.startswith(drawn(1500, 2))
    monkeypatch.setattr(blocks, "ROW_STEPS", 1)
    assert drawn(5000, 2) == whole


def test_sub_blocks_computed_together_agree() -> None:
    """What a GPU does: the means in h stay those of each sub-block."""
    flow = ExactFlow(to_standard_normal(), 4)
    sampler = blocks._prepare(flow, flow.grid(), SampleSettings(langevin=5), False, False, lambda: None)
    together = sampler.draw(range(3), 3 * SUB_BLOCK).samples
    alone = np.concatenate([sampler.draw(range(k, k + 1), SUB_BLOCK).samples for k in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def test_one_step_alone_corrects_the_latents() -> None:
    (block,) = sample_blocks(ExactFlow(to_standard_normal(), 1), 100, SampleSettings(langevin=2), trajectories=True)
    assert block.trajectories is not None and not np.array_equal(block.trajectories[:, 0], block.latents)


def test_an_idle_score_is_refused_in_one_sentence() -> None:
    flow = load(FOLDER / "official_checkerboard.pt")
    assert isinstance(flow, DiffFlow)
    with pytest.raises(UnsupportedError, match=r"^Langevin steps need a score that is one, [^\n]* is idle[^\n]*\.$"):
        next(sample_blocks(flow, 10, SampleSettings(langevin=10)))


@pytest.mark.parametrize("wrong", [-1, 1001, 2.5, True])
def test_an_impossible_number_of_steps_is_one_sentence(wrong: int) -> None:
    with pytest.raises(SettingError, match=r"^The number of Langevin steps must be [^\n]+\.$"):
        SampleSettings(langevin=wrong)
