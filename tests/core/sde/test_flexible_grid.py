"""Grids drawn for a batch: where their nodes lie, and the bound where two of them nearly meet."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, reject
from hypothesis import strategies as st
from scipy import stats

from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import MARGIN, TimeGrid, draw_grid, make_grid
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.errors import SettingError
from tests.problems import path_bound

KINDS = st.sampled_from(["reference", "paper", "uniform", "s-curve", (0.0, 0.03, 0.4, 1.0)])


def drawn(sde: SDEConfig, seed: int = 0, steps: int | None = None) -> TimeGrid:
    return draw_grid(sde, torch.Generator().manual_seed(seed), steps)


@given(
    kind=KINDS,
    steps=st.integers(1, 300),
    beta=st.floats(0.3, 3),
    start=st.floats(0, 0.5),
    length=st.floats(0.01, 5),
    g=st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
    seed=st.integers(0, 10**6),
)
@example(kind="paper", steps=127, beta=3.0, start=0.5, length=1.0, g=(1.0, 1.0), seed=0)
def test_each_inner_node_has_a_cell_of_its_own_and_no_step_is_shorter_than_its_share(
    kind: str, steps: int, beta: float, start: float, length: float, g: tuple[float, float], seed: int
) -> None:
    sde = SDEConfig(steps=steps, grid=kind, beta=beta, t_start=start, t_end=start + length, g_start=g[0], g_end=g[1])
    try:
        grid = drawn(sde, seed)
    except SettingError as refusal:
        assert "too short to be told apart" in str(refusal) and start > 0
        reject()
    assert grid.steps == steps
    assert float(grid.t[0]) == start and float(grid.t[-1]) == start + length
    torch.testing.assert_close(grid.g, g[0] + (g[1] - g[0]) * (grid.t - start) / length, rtol=1e-9, atol=1e-9)
    assert torch.equal(grid.condition, grid.t)
    if steps == 1:
        return
    cells = make_grid(sde, steps - 1).t
    assert (grid.t[1:-1] > cells[:-1]).all() and (grid.t[1:-1] < cells[1:]).all()
    width = cells.diff()
    least = MARGIN * torch.cat([width[:1], width[:-1] + width[1:], width[-1:]])
    assert (grid.dt >= least * (1 - 1e-6)).all()
    assert (grid.to(torch.zeros(1)).dt > 0).all(), "in float32 too"


def test_the_papers_formula() -> None:
    """L̂_β with its α drawn beside: T = 2, t_0 = 0, β = 0.9."""
    sde = SDEConfig(steps=6, grid="paper", beta=0.9, t_start=0.0, t_end=2.0)
    alpha = MARGIN + (1 - 2 * MARGIN) * torch.rand(5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = [2 * (a * ((i - 1) / 5) ** 0.9 + (1 - a) * (i / 5) ** 0.9) for i, a in enumerate(alpha.tolist(), 1)]
    assert drawn(sde, 3).t[1:-1].tolist() == pytest.approx(expected, rel=1e-12)


def test_places_in_the_cells_are_uniform_and_independent() -> None:
    sde = SDEConfig(steps=5, grid="reference")
    cells = make_grid(sde, 4).t
    generator = torch.Generator().manual_seed(0)
    inner = torch.stack([draw_grid(sde, generator).t[1:-1] for _ in range(16_000)])
    places = ((inner - cells[:-1]) / cells.diff() - MARGIN) / (1 - 2 * MARGIN)
    for column in places.T:
        assert stats.kstest(column.numpy(), "uniform").pvalue > 1e-3
    assert (torch.corrcoef(places.T) - torch.eye(4, dtype=torch.float64)).abs().max() < 5 / 16_000**0.5


def test_nearly_equal_times_cost_float32_nothing_and_the_engine_agrees_with_autograd() -> None:
    """δB of a step of 1e-7 is written without x_i − x_{i+1}: float32 keeps the bound to 1e-5."""
    torch.manual_seed(0)
    flow = DiffFlow(2, Config.create({"network": {"channels": 16, "layers": 2}}))
    t = torch.tensor([0.001, 0.01, 0.0100001, 0.03, 0.05], dtype=torch.float64)
    grid = TimeGrid(t, 0.2 + 0.6 * (t - 0.001), t)
    x, noise = torch.randn(80, 2), torch.randn(4, 80, 2)
    own = grid.to(x)
    value = AdjointEngine(flow, BlockPool(1)).step(x, noise, own).value
    gradients = [p.grad.clone() for p in flow.parameters() if p.grad is not None]
    single = path_bound(flow, x, noise, own).mean()
    wide = flow.double()
    wide.zero_grad()
    exact = path_bound(wide, x.double(), noise.double(), TimeGrid(*(v.double() for v in (own.t, own.g, own.t)))).mean()
    exact.backward()
    assert abs(single.item() - exact.item()) < 1e-5 and abs(value.item() - exact.item()) < 1e-5
    for found, parameter in zip(gradients, wide.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(found.double(), parameter.grad, rtol=1e-3, atol=1e-5)


def test_an_impossible_number_of_steps_is_refused() -> None:
    with pytest.raises(SettingError, match="between 1 and 10,000"):
        drawn(SDEConfig(), steps=0)
