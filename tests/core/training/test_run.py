"""A run: repeatable, resumable to the bit, changed between iterations, back on its feet after a NaN."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.storage.layout import check_keepable
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.gradients import OutsidePoints
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.schedules import WARM_UP, learning_rate
from dnf_studio.errors import CheckpointError, DataError, DivergenceError, SettingError

TINY = Config().changed(
    {
        "data": "moons",
        "sde.steps": 4,
        "network.channels": 8,
        "network.layers": 1,
        "training.batch": 70,
        "training.iterations": 12,
    }
)


def weights(run: Run) -> list[Tensor]:
    return [p.clone() for flow in (run.flow, run._weights.raw) for p in flow.parameters()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_run_yields_a_report_for_each_iteration() -> None:
    reports = list(dnf.train(TINY))
    assert [r.iteration for r in reports] == list(range(1, 13))
    assert all(r.disagreement.shape == (4,) and r.gradient_norm > 0 for r in reports)
    assert all(a.seconds < b.seconds for a, b in itertools.pairwise(reports))


def test_a_grid_of_ones_own_trains_in_stages_and_resumes(tmp_path: Path) -> None:
    nodes = (0.0, 0.1, 0.5, 1.0)
    own = {"sde.grid": nodes, "sde.steps": 12, "training.progressive": True}
    run = Run(TINY.changed(own))
    reports = iter(run)
    assert next(reports).steps == 4, "a third of N: the nodes are interpolated"
    run.apply({"sde.grid": "uniform"})
    next(reports)
    run.apply({"sde.grid": nodes})
    next(reports)
    run.save(tmp_path / "a.safetensors")
    again = Run.resume(tmp_path / "a.safetensors")
    assert again.config == run.config and again.config.sde.grid == nodes
    assert torch.equal(again.flow.timestamps, run.flow.timestamps)
    assert ("uniform", "custom, 3 steps") in [(mark.before, mark.after) for mark in again.marks.all]
    assert read_checkpoint(tmp_path / "a.safetensors").formula_grid
    assert same(weights(run), weights(again)) and list(again)


def test_training_lowers_the_bound() -> None:
    learns = TINY.changed(
        {"training.learning_rate": 0.02, "training.iterations": 150, "training.batch": 256, "network.channels": 32}
    )
    losses = [r.loss for r in Run(learns)]
    assert sum(losses[-20:]) < sum(losses[:20]) - 20 * 0.3


def test_equal_seeds_give_equal_weights_whatever_the_global_generator_and_the_threads() -> None:
    runs = []
    for threads in (1, 2):
        torch.manual_seed(threads)
        run = Run(TINY, threads=threads)
        list(run)
        runs.append(weights(run))
    assert same(*runs)
    other = Run(TINY.changed({"training.seed": 1}))
    list(other)
    assert not same(runs[0], weights(other))


def test_making_a_run_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    Run(TINY)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(stop: int, tmp_path: Path) -> None:
    whole = Run(TINY)
    list(whole)
    broken = Run(TINY)
    list(itertools.islice(broken, stop))
    broken.save(tmp_path / "run.safetensors")
    resumed = Run.resume(tmp_path / "run.safetensors")
    assert resumed.iteration == stop
    assert [r.iteration for r in resumed] == list(range(stop + 1, 13))
    assert same(weights(whole), weights(resumed))
    assert resumed.history.losses == whole.history.losses


def test_a_run_left_at_a_report_goes_on_from_there() -> None:
    whole, parts = Run(TINY), Run(TINY)
    list(whole)
    for _ in range(4):
        list(itertools.islice(parts, 3))
    assert same(weights(whole), weights(parts))


def test_totals_count_resumed_parts(tmp_path: Path) -> None:
    run = Run(TINY)
    list(run)
    run.save(tmp_path / "run.safetensors")
    assert list(Run.resume(tmp_path / "run.safetensors")) == []
    more = Run.resume(tmp_path / "run.safetensors", {"training.iterations": 15})
    assert [r.iteration for r in more] == [13, 14, 15]
    assert more.changes == [(12, {"training.iterations": 15})]


def test_a_run_may_go_on_elsewhere_but_not_as_another(tmp_path: Path) -> None:
    run = Run(TINY)
    next(iter(run))
    run.save(tmp_path / "run.safetensors")
    assert Run.resume(tmp_path / "run.safetensors", {"training.device": "cpu"}).config.training.device == "cpu"
    with pytest.raises(SettingError, match="cannot change during a run"):
        Run.resume(tmp_path / "run.safetensors", {"training.seed": 5})


def test_seconds_end_a_run() -> None:
    run = Run(TINY.changed({"training.seconds": 0.3}))
    *_, last = run
    assert 0.3 <= last.seconds < 1.5
    assert run.remaining() == 0


def test_changes_act_between_two_iterations_and_are_kept() -> None:
    run = Run(TINY)
    reports = iter(run)
    next(reports)
    coming = run.apply({"sde": {"steps": 6}, "training.learning_rate": 1e-3})
    assert coming.sde.steps == 6 and run.config.sde.steps == 4
    assert next(reports).disagreement.shape == (6,)
    assert run.config == coming == run.flow.config
    assert run.flow.grid().steps == 6
    assert run.changes == [(1, {"sde.steps": 6, "training.learning_rate": 1e-3})]


def test_weight_decay_takes_its_share_of_the_weights_beside_the_step_of_adam() -> None:
    runs = Run(TINY), Run(TINY)
    both = [iter(run) for run in runs]
    for reports in both:
        next(reports)
    before = weights(runs[0])
    assert same(before, weights(runs[1]))
    runs[1].apply({"training.weight_decay": 0.25})
    rate = [next(reports).learning_rate for reports in both][1]
    raw = [list(run._weights.raw.parameters()) for run in runs]
    for plain, decayed, weight in zip(*raw, before[len(before) // 2 :], strict=True):
        assert torch.allclose(decayed, plain - rate * 0.25 * weight, rtol=1e-5, atol=1e-8)
    assert not same(*map(weights, runs))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"sde.steps": 0}, "sde.steps"),
        ({"sde.step": 3}, "no setting named 'sde.step'"),
        ({"training.learning_rate": float("nan")}, "training.learning_rate"),
        ({"network.channels": 16}, "cannot change during a run"),
        ({"data": "rings"}, "cannot change during a run"),
        ({"sde.t_end": 0.0001}, "t_end"),
    ],
)
def test_an_impossible_change_is_refused_at_once(change: dict[str, object], part: str) -> None:
    run = Run(TINY)
    with pytest.raises(SettingError, match=part):
        run.apply(change)
    list(run)
    assert run.config == TINY


def test_a_loss_that_turns_nan_brings_the_last_good_state_back(tmp_path: Path) -> None:
    run = Run(TINY.changed({"training.iterations": 200}))
    reports = iter(run)
    for _ in range(60):
        next(reports)
    good = run._good[0].raw["drift.input_embed.weight"].clone()
    with torch.no_grad():
        run._weights.raw.drift.input_embed.weight.fill_(float("nan"))
    run.apply({"training.ema": 0.9})
    with pytest.raises(DivergenceError, match=r"iteration 61.*iteration 50; .*learning rate"):
        next(reports)
    assert torch.equal(run._weights.raw.drift.input_embed.weight, good)
    # As if the iterations after it had not been, but for what a person has changed
    assert run.iteration == run.history.iterations[-1] == 50 and run.changes == [(50, {"training.ema": 0.9})]
    run.save(tmp_path / "good.safetensors")
    assert Run.resume(tmp_path / "good.safetensors").iteration == 50
    run.apply({"training.learning_rate": 1e-4})
    assert [r.iteration for r in itertools.islice(run, 2)] == [51, 52]
    assert run.history.iterations[-2:] == [51, 52]


def test_weights_hold_the_average_and_no_run(tmp_path: Path) -> None:
    run = Run(TINY)
    list(run)
    run.save(tmp_path / "weights.safetensors", kind="weights")
    flow = dnf.load(tmp_path / "weights.safetensors")
    assert same(list(flow.parameters()), list(run.flow.parameters()))
    assert read_checkpoint(tmp_path / "weights.safetensors").kind == "weights"
    with pytest.raises(CheckpointError, match="weights only"):
        Run.resume(tmp_path / "weights.safetensors")


def test_more_changes_than_a_file_can_keep_are_refused_and_the_run_can_be_saved(tmp_path: Path) -> None:
    run = Run(TINY.changed({"training.iterations": 200}))
    steps = iter(run)
    with pytest.raises(SettingError, match="changed so often that its file could keep no more; begin a new one"):
        for k in range(1, 100):  # as long as a grid of a thousand nodes is
            run.apply({"sde.grid": [j / 1000 for j in range(1001)], "training.learning_rate": k / 1000})
            next(steps)
    assert 20 < len(run.changes) < 99
    run.save(tmp_path / "a.safetensors")
    assert len(Run.resume(tmp_path / "a.safetensors").changes) == len(run.changes)


@pytest.mark.parametrize(
    ("columns", "name", "sentence"),
    [(10_001, "x", "10,001 columns, and a model has at most 10,000"), (1000, "x" * 3000, "so long that no checkpoint")],
)
def test_data_that_no_checkpoint_could_keep_is_told_before_the_training(columns: int, name: str, sentence: str) -> None:
    names = tuple(f"{name}{j}" for j in range(columns))
    units = Standardisation((0.0,) * columns, (1.0,) * columns)
    with pytest.raises(DataError, match=sentence):
        check_keepable(DataSummary("wide", "", names, None), units)


def test_resuming_on_changed_data_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40)))
    run = Run(TINY.changed({"data": str(table)}))
    next(iter(run))
    run.save(tmp_path / "run.safetensors")
    table.write_text("a,b\n" + "\n".join(f"{i},{i * i % 5}" for i in range(40)))
    with pytest.raises(CheckpointError, match="is not what"):
        Run.resume(tmp_path / "run.safetensors")


def test_learning_rates() -> None:
    cosine = TINY.training.model_copy(update={"iterations": 1000})
    assert learning_rate(cosine, 0, 0) == pytest.approx(cosine.learning_rate / WARM_UP)
    assert learning_rate(cosine, 500, 0) == pytest.approx(cosine.learning_rate / 2, rel=0.01)
    assert learning_rate(cosine, 1000, 0) == pytest.approx(cosine.learning_rate / 1000)
    timed = cosine.model_copy(update={"seconds": 10.0})
    assert learning_rate(timed, 500, 5.0) == pytest.approx(cosine.learning_rate / 2, rel=0.01)
    step = cosine.model_copy(update={"decay": "step"})
    assert learning_rate(step, 400, 0) == pytest.approx(cosine.learning_rate * 0.95**2)
    constant = cosine.model_copy(update={"decay": "constant"})
    assert learning_rate(constant, 10**6, 10**6) == constant.learning_rate


def test_a_device_that_is_not_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("cuda is here")
    with pytest.raises(SettingError, match="'cuda' is not available here"):
        Run(TINY.changed({"training.device": "cuda"}))


FLEXIBLE = TINY.changed({"training.flexible_grid": True, "sde.steps": 6})


def test_a_flexible_run_resumes_to_the_bit_and_its_grids_differ_from_batch_to_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grids, step = [], AdjointEngine.step

    def noting(self: AdjointEngine, x0: Tensor, noise: Tensor, grid: TimeGrid, outside: OutsidePoints | None) -> object:
        grids.append(grid.t)
        return step(self, x0, noise, grid, outside)

    monkeypatch.setattr(AdjointEngine, "step", noting)
    broken = Run(FLEXIBLE, threads=2)
    whole = Run(FLEXIBLE, threads=1)
    list(whole)
    assert len({tuple(t.tolist()) for t in grids}) == len(grids) == whole.iteration
    list(itertools.islice(broken, 5))
    broken.save(tmp_path / "run.safetensors")
    resumed = Run.resume(tmp_path / "run.safetensors")
    list(resumed)
    assert same(weights(whole), weights(resumed)) and resumed.history.losses == whole.history.losses
    assert torch.equal(resumed.flow.timestamps, whole.flow.timestamps), "sampled on the grid of the settings"
    assert not same(weights(whole), weights(trained(FLEXIBLE.changed({"training.flexible_grid": False}))))


def test_a_run_may_turn_to_flexible_grids() -> None:
    run = Run(TINY)
    reports = iter(run)
    next(reports)
    run.apply({"training.flexible_grid": True})
    assert [mark.name for mark in next(reports).marks] == ["training.flexible_grid"]


def trained(config: Config) -> Run:
    run = Run(config)
    list(run)
    return run


def test_one_flexible_training_serves_every_number_of_steps() -> None:
    """Over N = 5 … 60 its bound spreads less than that of the same training on one grid."""
    learns = {
        "training.learning_rate": 0.02,
        "training.iterations": 100,
        "training.batch": 96,
        "training.progressive": False,
        "network.channels": 16,
        "sde.steps": 8,
    }
    spread = []
    for flexible in (True, False):
        run = trained(TINY.changed({**learns, "training.flexible_grid": flexible}))
        bounds = [nll_bound(run.flow, run.dataset, 2000, grid=run.flow.grid(n)) for n in (5, 8, 20, 60)]
        spread.append(max(bounds) - min(bounds))
    assert spread[0] < spread[1]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_iteration_that_is_given_up_is_as_if_it_had_not_begun(threads: int) -> None:
    """Interrupted at its first block or at a later one, four times, the run is what it would have been."""
    config = TINY.changed({"training.iterations": 6, "training.batch": 600})
    plain, run = Run(config, threads=threads), Run(config, threads=threads)
    losses, found, asked = [report.loss for report in plain], [], itertools.count()
    run.interrupt_when(lambda: next(asked) in (0, 3, 4, 9))
    for _ in range(5):
        found += [report.loss for report in run]
    assert found == losses and run.finished
    assert torch.equal(run._generator.get_state(), plain._generator.get_state()) and run.marks.all == plain.marks.all


def test_a_file_that_is_cut_off_meanwhile_ends_a_run_that_can_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped, its rows ended the process by SIGBUS."""
    monkeypatch.setattr("dnf_studio.core.data.tables.LARGE", 0)
    # Every batch reads
    monkeypatch.setattr("dnf_studio.core.data.passes.BLOCK_BYTES", 8)
    monkeypatch.setattr("dnf_studio.core.data.passes.LANES", 1)
    path = tmp_path / "a.npy"
    np.save(path, np.random.default_rng(0).normal(size=(2000, 2)))
    whole = path.read_bytes()
    plain = [report.loss for report in Run(TINY.changed({"data": str(path), "training.iterations": 6}), threads=1)]
    run = Run(TINY.changed({"data": str(path), "training.iterations": 6}), threads=1)
    losses = [report.loss for _, report in zip(range(3), run, strict=False)]
    os.truncate(path, 5000)
    with pytest.raises(DataError, match="was changed while it was read"):
        next(iter(run))
    run.save(tmp_path / "a.safetensors")
    path.write_bytes(whole)
    losses += [report.loss for report in Run.resume(tmp_path / "a.safetensors", threads=1)]
    assert losses == plain and len(losses) == 6


def test_progressive_training_knows_nothing_of_the_power_of_few_steps() -> None:
    small = {"network.layers": 1, "network.channels": 8, "training.batch": 16, "training.iterations": 4}
    config = Config().changed({"sde.steps": 12, **small})
    runs = [Run(one, threads=1) for one in (config, config.changed({"sde.beta_few": 0.9}))]
    assert {report.steps for run in runs for report in run} == {4, 8, 12}
    own, other = (dict(run.flow.named_parameters()) for run in runs)
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert not torch.equal(runs[0].flow.grid(4).t, runs[1].flow.grid(4).t)
