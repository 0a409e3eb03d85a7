"""Backward deviations: closed forms of Gaussians, the bound that they lower, other N, and what does not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.bench.textbook import textbook_step
from dnf_studio.config import Config, NetworkConfig, SDEConfig, TrainingConfig
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.exploration.contributions import contributions
from dnf_studio.core.exploration.excess import backward_contribution, widths
from dnf_studio.core.exploration.inspect import inspect_path
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.likelihood import bound_nll
from dnf_studio.core.sde import deviations
from dnf_studio.core.sde.deviations import anchors, fit_deviations, noise_source, ratios_on
from dnf_studio.core.sde.grid import TimeGrid, uniform_times
from dnf_studio.core.sde.paths import Field, forward_path
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers.sde import backward_path, chain_terms
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.run import Run
from dnf_studio.errors import CheckpointError, DataError, SettingError
from tests.golden import TOLERANCE, deviation
from tests.networks import gradients
from tests.problems import path_bound

RATE, NOISE, WIDTH, DIM = -0.8, 0.9, 0.05, 16
"""dx = RATE x dt + NOISE dw from N(0, WIDTH I)."""


def linear(steps: int, kept: int = 1) -> tuple[TimeGrid, Tensor]:
    """Every `kept`-th node of N steps of equal length, and the variance at each: that of the chain of all steps."""
    t = uniform_times(steps, 0.0, 1.0)
    grid = TimeGrid(t, torch.linspace(NOISE, 0.6, steps + 1, dtype=torch.float64), t)
    values = [WIDTH]
    for i in range(steps):
        values.append(float((1 + RATE * grid.dt[i]) ** 2 * values[-1] + grid.g[i] ** 2 * grid.dt[i]))
    variance = torch.tensor(values, dtype=torch.float64)
    return TimeGrid(t[::kept], grid.g[::kept], t[::kept]), variance[::kept]


def of_reverse(grid: TimeGrid, variance: Tensor) -> tuple[Field, Field]:
    """The drift, and the score with which a step back to the node before has the mean of x_i given x_{i+1}."""

    def score(j: int, x: Tensor) -> Tensor:
        length = grid.dt[j - 1]
        gain = (1 + RATE * length) * variance[j - 1] / variance[j]
        return x * (RATE * length - 1 + gain) / (grid.g[j] ** 2 * length)

    return (lambda i, x: RATE * x), score


def of_marginals(grid: TimeGrid, variance: Tensor) -> tuple[Field, Field]:
    """The drift and the score −x/V."""
    return (lambda i, x: RATE * x), (lambda j, x: -x / variance[j])


def points(count: int, seed: int = 3) -> Tensor:
    return WIDTH**0.5 * torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_with_the_exact_reverse_mean_r_is_the_posteriors_deviation_and_samples_are_exact_at_every_n() -> None:
    """r² = V_i g_i²/(V_{i+1} g²_{i+1}): the variance of x_i where x_{i+1} is known, over that of the forward noise."""
    for steps in (3, 8):
        grid, v = linear(steps)
        fields = of_reverse(grid, v)
        table = fit_deviations(fields, grid, points(2000))
        found = ratios_on(table, grid.t, grid.t)
        expected = (v[:-1] / v[1:]).sqrt() * grid.g[:-1] / grid.g[1:]
        torch.testing.assert_close(found, expected, rtol=0.015, atol=0)
        z = v[-1].sqrt() * torch.randn(2000, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        eps = torch.randn(steps, 2000, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        widths_ = [
            float(backward_path(*fields, nodes, z, eps)[-1].var()) for nodes in (replace(grid, fitted=found), grid)
        ]
        assert widths_[0] == pytest.approx(WIDTH, rel=0.03) and widths_[1] > 1.2 * WIDTH


def test_between_any_two_nodes_r_is_that_of_the_step_between_them() -> None:
    """With the score −x/V a step misses by V_i (1 − m F)² + (m g_i)² Δ, F and m its factors there and back."""
    grid, v = linear(5)
    table = fit_deviations(of_marginals(grid, v), grid, points(16_000))
    for i in range(5):
        for j in range(i + 1, 6):
            length = float(grid.t[j] - grid.t[i])
            ahead, back = 1 + RATE * length, 1 - length * (RATE + float(grid.g[j] ** 2 / v[j]))
            square = v[i] * (1 - back * ahead) ** 2 + (back * grid.g[i]) ** 2 * length
            expected = 0.5 * np.log(float(square / (grid.g[j] ** 2 * length)))
            assert float(table[i, j]) == pytest.approx(expected, abs=0.012), (i, j)
    assert (table.tril() == 0).all()


def test_r_goes_to_1_with_the_step_in_proportion_to_it() -> None:
    """First order: r² = V_i/V_{i+1} for a constant g."""
    logs = []
    for steps in (5, 10, 20):
        grid, v = linear(steps)
        constant = replace(grid, g=torch.full_like(grid.g, NOISE))
        table = fit_deviations(of_reverse(constant, v), constant, points(1000))
        logs.append(-float(ratios_on(table, grid.t, grid.t).log().mean()))
    rates = np.log2(np.array(logs[:-1]) / np.array(logs[1:]))
    assert rates == pytest.approx([1, 1], abs=0.25), logs


def test_another_grids_steps_are_interpolated_between_the_nodes() -> None:
    nodes = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    table = torch.tensor([[0, 0.2, 0.5], [0, 0, 0.4], [0, 0, 0]], dtype=torch.float64)

    def logs(*t: float) -> list[float]:
        return ratios_on(table, nodes, torch.tensor(t, dtype=torch.float64)).log().tolist()

    assert logs(0, 3) == pytest.approx([0.5]) and logs(0, 1, 3) == pytest.approx([0.2, 0.4])
    # Within a cell in proportion to the length, from one to the next bilinear
    assert logs(0, 0.25, 1) == pytest.approx([0.05, 0.15]) and logs(0.0, 2.0) == pytest.approx([0.35])
    assert logs(0.5, 2) == pytest.approx([0.25 * (0.2 + 0.5 + 0 + 0.4)])


@pytest.mark.parametrize(("steps", "kept"), [(1, [0, 1]), (5, [0, 1, 2, 3, 4, 5])])
def test_few_steps_have_all_nodes_as_anchors_and_many_33(steps: int, kept: list[int]) -> None:
    assert anchors(steps) == kept
    many = anchors(1000)
    assert len(many) == 33 == len(set(many)) and (many[0], many[-1]) == (0, 1000)


def small(steps: int = 6, noise: Literal["g", "fitted", "afterwards"] = "fitted", **training: float) -> Config:
    return Config(
        sde=SDEConfig(steps=steps, backward_deviation=noise),
        network=NetworkConfig(layers=1, channels=8, features=0),
        training=TrainingConfig(batch=64, iterations=60, **training),  # type: ignore[arg-type]
    )


def flow_of(noise: Literal["g", "fitted", "afterwards"] = "fitted") -> DiffFlow:
    torch.manual_seed(0)
    return DiffFlow(2, small(noise=noise)).double()


def test_no_r_is_better_on_the_paths_that_it_is_fitted_to() -> None:
    flow = flow_of()
    x0 = torch.randn(500, 2, dtype=torch.float64) * 0.1
    before = flow.grid()
    assert before.fitted is None and (before.ratio == 1).all()
    flow.fit_backward(x0)
    grid = flow.grid()
    noise = torch.randn(6, 500, 2, generator=noise_source(0), dtype=torch.float64)

    def bound(nodes: TimeGrid) -> float:
        with torch.no_grad():
            return float(path_bound(flow, x0, noise, nodes).mean())

    best = bound(grid)
    # ½D (r² − 1 − ln r²) a step
    assert bound(before) - best == pytest.approx(float((grid.ratio**2 - 1 - 2 * grid.ratio.log()).sum()))
    for i in range(6):
        for factor in (0.97, 1.03):
            moved = grid.ratio.clone()
            moved[i] *= factor
            assert bound(replace(grid, fitted=moved)) > best


def test_bound_contributions_and_the_noise_of_a_path_are_those_of_one_chain() -> None:
    flow = flow_of()
    x0 = torch.randn(40, 2, dtype=torch.float64)
    flow.fit_backward(x0)
    grid = flow.grid(4)
    noise = torch.randn(4, 40, 2, dtype=torch.float64)
    found = contributions(flow, x0, noise, grid)
    torch.testing.assert_close(found.bound, path_bound(flow, x0, noise, grid))
    terms = chain_terms(flow, x0, noise, grid)[1]
    torch.testing.assert_close(found.steps + widths(grid, 2)[:, None], terms)
    torch.testing.assert_close(backward_contribution(flow.fields(grid), grid, found.path), terms, rtol=0, atol=1e-7)
    # A sample's path has the noise that it was drawn with, read off its states too
    z = torch.randn(1, 2, dtype=torch.float64)
    fields = flow.fields(grid)
    path = backward_path(*fields, grid, z, noise[:, :1]).flip(0)[:, 0]
    eps = noise[:, 0].flip(0)
    drawn = inspect_path(fields, grid, path, eps, "backward")
    read = inspect_path(fields, grid, path, eps, "backward", SampleSettings(parts="drift"))
    np.testing.assert_allclose(drawn.backward_noise, eps, atol=1e-12)
    for table in (drawn.backward_noise, read.backward_noise), (drawn.forward_noise, read.forward_noise):
        np.testing.assert_allclose(*table, atol=1e-6)
    weak = SampleSettings(lam=0.5)
    half = backward_path(*fields, grid, z, noise[:, :1], weak.lam).flip(0)[:, 0]
    told = [inspect_path(fields, grid, half, eps, "backward", one) for one in (weak, replace(weak, parts="drift"))]
    np.testing.assert_allclose(told[0].backward_noise, told[1].backward_noise, atol=1e-6)
    np.testing.assert_allclose(told[0].forward_noise, told[1].forward_noise, atol=1e-6)


def test_the_engine_trains_on_the_bound_with_r_as_the_textbook_loop_does() -> None:
    flow = flow_of()
    x0, noise = torch.randn(70, 2, dtype=torch.float64), torch.randn(6, 70, 2, dtype=torch.float64)
    flow.fit_backward(x0)
    assert float((flow.grid().ratio - 1).abs().max()) > 0.1
    loss = textbook_step(flow, x0, noise)
    expected = gradients(flow)
    with BlockPool(1) as pool:
        found = AdjointEngine(flow, pool, torch.float64).step(x0, noise)
    assert deviation(found.value, loss) < TOLERANCE
    assert max(deviation(found_, expected[name]) for name, found_ in gradients(flow).items()) < TOLERANCE
    torch.testing.assert_close(loss, path_bound(flow, x0, noise).mean().detach())


def test_with_r_found_afterwards_the_engine_trains_with_the_noise_of_g() -> None:
    flow, plain = flow_of("afterwards"), flow_of("g")
    x0, noise = torch.randn(70, 2, dtype=torch.float64), torch.randn(6, 70, 2, dtype=torch.float64)
    flow.fit_backward(x0)
    assert flow.grid().fitted is not None and flow.config.sde.backward_deviation == "afterwards"
    with BlockPool(1) as pool:
        found, expected = (AdjointEngine(one, pool, torch.float64).step(x0, noise) for one in (flow, plain))
    assert torch.equal(found.value, expected.value)
    assert all(torch.equal(found_, gradients(plain)[name]) for name, found_ in gradients(flow).items())


def test_a_run_with_r_found_afterwards_has_the_weights_of_one_without_and_a_lower_bound() -> None:
    runs = [Run(small(noise=noise), open_dataset("rings"), threads=1) for noise in ("g", "afterwards")]
    for run in runs:
        assert all(run)
    plain, later = (run.flow for run in runs)
    assert all(torch.equal(own, plain.state_dict()[name]) for name, own in later.named_parameters())
    x = runs[0].dataset.draw(2000, torch.Generator().manual_seed(1))
    assert plain.grid().fitted is None and later.grid().fitted is not None
    assert float((bound_nll(plain, x, 1) - bound_nll(later, x, 1)).mean()) > 0


def test_the_ode_knows_nothing_of_r() -> None:
    flow, plain = flow_of(), flow_of("g")
    flow.fit_backward(torch.randn(200, 2, dtype=torch.float64) * 0.01)
    z = torch.randn(9, 2, dtype=torch.float64)
    noise = torch.randn(6, 9, 2, dtype=torch.float64)
    assert torch.equal(flow.backward_path(z, noise, lam=0.0), plain.backward_path(z, noise, lam=0.0))
    assert not torch.allclose(flow.backward_path(z, noise), plain.backward_path(z, noise))
    assert torch.equal(flow.forward_path(z, noise), plain.forward_path(z, noise))


def test_points_must_fit_and_other_models_have_none() -> None:
    with pytest.raises(DataError):
        flow_of().fit_backward(torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(SettingError, match="backward noise"):
        Config.create({"model": "diffusion", "sde": {"backward_deviation": "fitted"}})


def test_a_run_has_r_from_its_first_fit_on_and_goes_on_from_a_file_to_the_bit(
    tmp_path: Path,
) -> None:
    run = Run(small(), open_dataset("rings"), threads=1)
    seen = {}
    for report in run:
        seen[report.iteration] = run.flow.grid().fitted
        if report.iteration == 55:
            run.save(tmp_path / "run.safetensors")
    assert seen[49] is None and seen[50] is not None and not torch.equal(seen[59], seen[60])
    again = Run.resume(tmp_path / "run.safetensors", threads=2)
    assert all(again)
    own, other = run.flow.state_dict(), again.flow.state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    run.save(tmp_path / "weights.safetensors", "weights")
    flow = read_checkpoint(tmp_path / "weights.safetensors").build()
    assert torch.equal(flow.sample(50, seed=1), run.flow.sample(50, seed=1))
    assert flow.grid(3).fitted is not None and torch.equal(flow.grid().ratio, run.flow.grid().ratio)


def test_a_file_without_them_or_with_absurd_ones_is_refused_and_one_of_g_is_as_it_was(
    tmp_path: Path,
) -> None:
    plain = Checkpoint.of_model(DiffFlow(2, small(noise="g")))
    assert not any("deviation" in name for name in plain.tensors)
    fitted = Checkpoint.of_model(DiffFlow(2, small()))
    name = "model.backward_deviations"
    assert fitted.tensors[name].shape == (7, 7)
    for wrong in ({}, {name: torch.full((7, 7), 1.1 * deviations.MOST_LOG)}, {name: torch.zeros(6, 6)}):
        tensors = {key: value for key, value in fitted.tensors.items() if key != name} | wrong
        with pytest.raises(CheckpointError):
            save_checkpoint(tmp_path / "x.safetensors", replace(fitted, tensors=tensors))


def test_a_step_without_finite_noise_has_r_1() -> None:
    grid, _ = linear(3)
    fields = (lambda i, x: x * float("inf")), (lambda i, x: x)
    assert (fit_deviations(fields, grid, points(20)) == 0).all()
    assert forward_path(fields[1], grid, points(2), torch.zeros(3, 2, DIM)).isfinite().all()
