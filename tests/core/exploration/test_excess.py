"""The excess of a step against its exact value: closed forms of linear-Gaussian pairs, and sums that must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.exploration.contributions import contributions, explain_path
from dnf_studio.core.exploration.excess import (
    backward_contribution,
    excess,
    log_ratios,
    neighbour_excess,
    neighbour_log_density,
    step_means,
    widths,
)
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.core.sampling.node_density import choose_times, log_density_at_nodes
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.solvers.sde import backward_path
from dnf_studio.errors import SettingError, UnsupportedError
from tests.problems import ExactDiffusion, ExactFlow, coupled, log_normal, to_standard_normal

DECAY = 0.8


class Chain:
    """x_{i+1} = x_i − 0.8 x_i Δ + g_i √Δ ε from N(0, v): every marginal and every reverse step is known."""

    def __init__(self, steps: int, variance: float, exact: bool) -> None:
        """With `exact` the backward step is the very reverse of the forward one, which fixes g and s."""
        t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        dt = float(t[1])
        g, v, s = [1.0], [variance], [0.0]
        for i in range(steps):
            kept = 1 - DECAY * dt
            v.append(kept**2 * v[i] + g[i] ** 2 * dt)
            g.append(g[i] * math.sqrt(v[i] / v[i + 1]) if exact else 1.0 + 0.5 * float(t[i + 1]))
            # x_i has mean (kept v_i / v_{i+1}) x_{i+1}; the step's is x_{i+1} − [f − g² s] Δ
            right = (kept * v[i] / v[i + 1] - 1 - DECAY * dt) / (g[i + 1] ** 2 * dt)
            s.append(right if exact else -1 / v[i + 1])
        self.grid = TimeGrid(t, torch.tensor(g, dtype=torch.float64), t.clone())
        self.variance, self.score = v, s

    def fields(self) -> tuple[paths.Field, paths.Field]:
        return lambda i, x: -DECAY * x, lambda i, x: self.score[i] * x

    def divergence(self, i: int) -> float:
        """KL(p_F(x_i|x_{i+1}) ‖ p_B(x_i|x_{i+1})), averaged over x_{i+1}."""
        dt, g, g_next = float(self.grid.dt[i]), float(self.grid.g[i]), float(self.grid.g[i + 1])
        v, ahead, kept = self.variance[i], self.variance[i + 1], 1 - DECAY * dt
        true, ours = v * g**2 * dt / ahead, g_next**2 * dt
        off = kept * v / ahead - (1 + DECAY * dt + g_next**2 * self.score[i + 1] * dt)
        return 0.5 * (true / ours - 1 - math.log(true / ours) + off**2 * ahead / ours)

    def excess(self) -> Tensor:
        """The means of e_i with the exact marginals: quadratic in two normal variables, so quadrature is exact."""
        u, weight = np.polynomial.hermite_e.hermegauss(5)
        weight = torch.from_numpy(np.outer(weight, weight).ravel() / weight.sum() ** 2)
        first, noise = (torch.from_numpy(part.ravel())[:, None] for part in np.meshgrid(u, u))
        found = []
        for i in range(self.grid.steps):
            two = TimeGrid(*(values[i : i + 2] for values in (self.grid.t, self.grid.g, self.grid.condition)))
            drift, _ = self.fields()
            x = math.sqrt(self.variance[i]) * first
            path = paths.forward_path(drift, two, x, noise[None])
            score_there = self.score[i + 1]
            fields = drift, lambda _, y, factor=score_there: factor * y
            contribution = explain_path(fields, two, path, noise[None]).steps + widths(two, 1)[:, None]
            density = torch.stack(
                [log_normal(x, ([0.0], [[v]])) for x, v in zip(path, self.variance[i : i + 2], strict=True)]
            )
            found.append((log_ratios(contribution, density)[0] * weight).sum())
        return torch.stack(found)


def test_the_excess_is_the_divergence_of_the_two_reverse_steps() -> None:
    chain = Chain(12, 0.3, exact=False)
    exact = torch.tensor([chain.divergence(i) for i in range(12)], dtype=torch.float64)
    assert exact.min() > 1e-4
    torch.testing.assert_close(chain.excess(), exact, rtol=0, atol=1e-9)


def test_the_very_reverse_chain_has_none_though_its_contributions_are_not_zero() -> None:
    chain = Chain(12, 0.3, exact=True)
    assert chain.excess().abs().max() < 1e-9
    entropy = np.log(chain.variance) / 2
    assert np.abs(np.diff(entropy)).min() > 1e-3


def test_the_excess_of_an_exact_score_falls_with_the_step() -> None:
    """The sum over steps is of order 1 in 1/N."""
    sums = [float(Chain(steps, 0.3, exact=False).excess().sum()) for steps in (40, 80, 160, 320)]
    order = np.log2(np.array(sums[:-1]) / sums[1:])
    assert (np.abs(order[-2:] - 1) < 0.1).all()


def test_by_the_ode_it_is_the_same_but_for_the_length_of_a_step() -> None:
    """On one set of points: the ODE has the marginals of the SDE, which a chain of N steps approaches."""
    problem, random = coupled(), torch.Generator().manual_seed(3)
    off = []
    for steps in (20, 80):
        flow = ExactFlow(problem, steps)
        grid = flow.grid()
        x0 = problem.draw(300, random)
        found = excess(flow, x0, torch.randn(steps, 300, 2, generator=random, dtype=torch.float64))
        exact = torch.stack(
            [log_normal(x, problem.marginal(float(t))) for x, t in zip(found.path, grid.t, strict=True)]
        )
        # q_N is N(0, I) and not this problem's last marginal: what differs there flows to every node unchanged
        end = log_normal(found.path[-1], problem.marginal(float(grid.t[-1]))) - found.log_density[-1]
        assert end.abs().max() > 0.1
        off.append(float((found.log_density.diff(dim=0) - exact.diff(dim=0)).abs().mean()))
    assert off[1] < off[0]


@pytest.mark.parametrize("model", ["flow", "diffusion"])
def test_densities_at_the_nodes_are_those_of_the_exact_ode(model: str) -> None:
    random = torch.Generator().manual_seed(2)
    if model == "flow":
        problem = to_standard_normal()
        flow, grid = ExactFlow(problem, 12), problem.grid(12)

        def exact(x: Tensor, t: float) -> Tensor:
            return log_normal(x, problem.marginal(t))
    else:
        flow = ExactDiffusion(np.array([0.0, 0.0]), np.array([0.02, 1.0]), 12, t_start=1e-4, g_end=4.5)
        flow.fields_with_divergence = None  # type: ignore[method-assign, assignment] # It has its own way
        flow, grid = _with_kernel(flow), flow.grid()

        def exact(x: Tensor, t: float) -> Tensor:
            mean, variance = flow.marginal(t)
            return log_normal(x, (mean, torch.diag(variance)))

    path = 0.5 * torch.randn(13, 40, flow.dim, generator=random, dtype=torch.float64)
    times = choose_times(flow, path[0, :16], 1e-6)
    found = log_density_at_nodes(flow, grid, path, times)
    known = torch.stack([exact(x, float(t)) for x, t in zip(path, grid.t, strict=True)])
    assert float((found - known).abs().max()) < 0.02
    some = log_density_at_nodes(flow, grid, path, times, [0, 5, 12])
    torch.testing.assert_close(some, found[[0, 5, 12]], rtol=0, atol=1e-5)


def _with_kernel(flow: ExactDiffusion) -> ExactDiffusion:
    """Its probability flow with the exact ε̂ in the place of a network's kernel."""
    import dnf_studio.core.models.diffusion as module

    class Kernel:
        def __init__(self, _network: object, times: Tensor) -> None:
            self.times = times

        def with_divergence(self, x: Tensor, k: int, _signs: Tensor | None) -> tuple[Tensor, Tensor]:
            t = float(self.times[k])
            sigma = module.levels_at(flow.config.sde, torch.tensor(t, dtype=torch.float64)).noise
            return flow._noise(x, t), (sigma / flow.marginal(t)[1]).sum().expand(len(x))

    flow.noise.embed_time = lambda t: t  # type: ignore[union-attr, assignment]
    ours = module.Diffusion.probability_flow

    def probability_flow(times: list[float]) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "make_kernel", Kernel)
            return ours(flow, times)

    flow.probability_flow = probability_flow  # type: ignore[method-assign, assignment]
    return flow


@pytest.mark.parametrize("name", ["diffflow-checkerboard", "diffflow-8gaussian", "diffflow-rings"])
def test_it_adds_up_to_the_bound_minus_the_nll_of_the_ode_on_bundled_models(name: str) -> None:
    flow = dnf.load(name)
    dataset = open_dataset(flow.config.data)
    x0 = fresh_points(flow, dataset, 24, 0)
    noise = torch.randn(flow.grid().steps, *x0.shape, generator=torch.Generator().manual_seed(0))
    found = excess(flow, x0, noise)
    own = contributions(flow, x0, noise)
    total = own.bound - ode_nll(flow, x0)
    # Point by point, but for the tolerance of the two solvers
    assert float((found.log_ratios.sum(0) - total).abs().mean()) < 0.02
    assert len(found.by_step.mean) == flow.grid().steps and (found.by_step.error > 0).all()


def test_backward_paths_have_numbers_of_their_own_which_are_negative_in_the_mean() -> None:
    chain = Chain(4, 0.3, exact=False)
    random = torch.Generator().manual_seed(1)
    x = torch.randn(4000, 1, generator=random, dtype=torch.float64) * math.sqrt(chain.variance[-1])
    noise = torch.randn(4, 4000, 1, generator=random, dtype=torch.float64)
    path = backward_path(*chain.fields(), chain.grid, x, noise).flip(0)
    contribution = backward_contribution(chain.fields(), chain.grid, path)
    density = torch.stack([log_normal(x, ([0.0], [[v]])) for x, v in zip(path, chain.variance, strict=True)])
    found = step_means(log_ratios(contribution, density).numpy())
    # The last marginals differ, so the first backward steps alone are known to be ≤ 0
    assert found.mean[-1] < -4 * found.error[-1]
    ahead = explain_path(chain.fields(), chain.grid, *_forward(chain, random))
    again = backward_contribution(chain.fields(), chain.grid, ahead.path)
    torch.testing.assert_close(again, ahead.steps + widths(chain.grid, 1)[:, None], rtol=0, atol=1e-9)


def _forward(chain: Chain, random: torch.Generator) -> tuple[Tensor, Tensor]:
    x = torch.randn(50, 1, generator=random, dtype=torch.float64) * math.sqrt(chain.variance[0])
    noise = torch.randn(chain.grid.steps, 50, 1, generator=random, dtype=torch.float64)
    return paths.forward_path(chain.fields()[0], chain.grid, x, noise), noise


def test_neighbours_tell_the_entropy_of_a_normal_and_the_excess_of_a_chain() -> None:
    random = np.random.default_rng(0)
    for dim in (1, 2, 3):
        x = random.standard_normal((20_000, dim))
        exact = 0.5 * dim * math.log(2 * math.pi * math.e)
        assert abs(-neighbour_log_density(x).mean() - exact) < 0.03
    chain, generator = Chain(12, 0.3, exact=False), torch.Generator().manual_seed(1)
    x = torch.randn(8000, 1, generator=generator, dtype=torch.float64) * math.sqrt(chain.variance[0])
    noise = torch.randn(12, 8000, 1, generator=generator, dtype=torch.float64)
    path = paths.forward_path(chain.fields()[0], chain.grid, x, noise)
    contribution = explain_path(chain.fields(), chain.grid, path, noise).steps + widths(chain.grid, 1)[:, None]
    found = neighbour_excess(path.numpy(), contribution.numpy())
    v = chain.variance[-1]
    exact = np.array([*(chain.divergence(i) for i in range(12)), 0.5 * (v - 1 - math.log(v))])
    assert (np.abs(found.mean - exact) < 4 * found.error).all()
    assert np.median(found.error) < 0.03
    # Two in one place, as single precision makes them, do not matter; where all are nothing is known
    pair = np.concatenate([x.numpy()[:500], x.numpy()[:1]])
    assert np.isfinite(neighbour_log_density(pair)).all()
    twice = neighbour_excess(np.zeros((13, 8000, 1)), contribution.numpy())
    assert not np.isfinite(twice.mean).any()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnsupportedError):
        excess(Flow(2), torch.zeros(4, 2))
    with pytest.raises(SettingError, match="3 dimensions"):
        neighbour_excess(np.zeros((3, 400, 4)), np.zeros((2, 400)))
    with pytest.raises(SettingError):
        log_ratios(torch.zeros(3, 5), torch.zeros(3, 5))
    few = step_means(np.array([[1.0, np.nan], [2.0, 3.0]]))
    assert few.points == 1 and np.isnan(few.error).all() and few.mean.tolist() == [1.0, 2.0]
