"""Backward deviations in closed form: how much noise a step back needs (method.md, section 2).

A step back from t_j to t_i may have noise of another deviation than g_j √(t_j − t_i): r times that. The bound falls
most with r² = E‖δB‖²/D, the mean over forward paths of the noise that r = 1 would have needed, whatever the networks
say. r belongs to both ends of a step: the reverse of a longer one has less noise left, and misses by more. So a model
keeps ln r of the steps between any two of its nodes, among which any grid has its own.

Reference: Bao, Li, Zhu and Zhang, "Analytic-DPM: an Analytic Estimate of the Optimal Reverse Variance in Diffusion
Probabilistic Models", ICLR 2022, arXiv:2201.06503, which has r of a diffusion model from the length of its score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, forward_path, remembering
from dnf_studio.core.sde.steps import forward_step, path_backward_noise

MOST_ANCHORS = 33
"""Nodes, ends included, between which ln r is known; of more nodes every so manieth."""
MOST_LOG = 10.0
"""|ln r| at most: a step whose noise is not finite says nothing."""
NUMBERS, LEAST_ROWS, MOST_ROWS = 1 << 15, 64, 4096
"""Components of the paths that r of a grid's own steps is the mean over, and points: r is then right to a percent."""
MOST_NUMBERS = 1 << 24
"""Components of all states of the paths."""
FOR_PAIRS = 4
"""One of so many points serves for longer steps, of which there are many."""


def anchors(steps: int) -> list[int]:
    """The nodes of a grid with N = `steps` between which ln r is known, 0 and N among them."""
    between = min(steps, MOST_ANCHORS - 1)
    return [round(k * steps / between) for k in range(between + 1)]


def rows_for(dim: int, steps: int) -> int:
    """How many points of `dim` components `fit_deviations` is to have with N = `steps`, whose paths it keeps."""
    return max(LEAST_ROWS, min(MOST_ROWS, NUMBERS // dim, MOST_NUMBERS // (dim * (steps + 1))))


def noise_source(seed: int, number: int = 0) -> torch.Generator:
    """The generator of that number, which draws other numbers than that of the points, of the same seed often."""
    state = np.random.SeedSequence((seed, number), spawn_key=(MOST_ANCHORS,)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> 1))


@torch.no_grad()
def fit_deviations(
    fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, seed: int = 0, pool: BlockPool | None = None
) -> Tensor:
    """ln r (M+1, M+1) of a step back from anchor b, the column, to anchor a < b, the row; 0 elsewhere.

    `fields` are drift and score on `grid`, x0 (B, D) points of the training data in model units. The paths have the
    noise of `noise_source(seed)`; r of steps from one anchor to the next is the mean over all of them, that of
    longer steps over a quarter. With up to 32 steps the former are the grid's own, and the mean bound of these paths
    is then the least that any r gives it.
    """
    nodes, (drift, score) = anchors(grid.steps), fields
    noise = torch.randn((grid.steps, *x0.shape), generator=noise_source(seed), dtype=x0.dtype).to(x0)
    once = remembering(drift)
    states = forward_path(once, grid, x0, noise)
    drifts = [once(i, states[i]) for i in nodes[:-1]]
    paths = _Paths(grid, nodes, states, drifts, noise, seed)
    # Without the thread's own grad mode the kernels would be those that can be differentiated
    column = torch.no_grad()(partial(paths.column, drift, score))
    places = range(1, len(nodes))
    columns = [column(b) for b in places] if pool is None else pool.map(column, places)
    return torch.stack([torch.zeros_like(columns[0]), *columns], 1)


@dataclass(frozen=True)
class _Paths:
    """Forward paths, and steps from them to later nodes that leave others out."""

    grid: TimeGrid
    nodes: list[int]
    states: Tensor
    """(N+1, B, D)"""
    drifts: list[Tensor]
    """At the anchors but the last, (B, D) each."""
    noise: Tensor
    """(N, B, D)"""
    seed: int

    def column(self, drift: Field, score: Field, b: int) -> Tensor:
        """ln r (M+1,) of the steps back from anchor `b` to those before; the networks are asked once for all."""
        j, few, generator = self.nodes[b], -(-self.states.shape[1] // FOR_PAIRS), noise_source(self.seed, b)
        steps = []
        for i, f in zip(self.nodes[:b], self.drifts, strict=False):
            x, f = (self.states[i], f) if i == self.nodes[b - 1] else (self.states[i][:few], f[:few])
            # The grid's own step is that of the path
            own = j == i + 1
            eps = self.noise[i] if own else torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x)
            length = self.grid.t[j] - self.grid.t[i]
            steps.append((f, eps, length, self.grid.g[i], forward_step(x, f, length, self.grid.g[i], eps)))
        ends = torch.cat([step[-1] for step in steps])
        sizes = [len(step[-1]) for step in steps]
        ahead, pull = (torch.split(field(j, ends), sizes) for field in (drift, score))
        found = ends.new_zeros(len(self.nodes))
        for a, (f, eps, length, g, _) in enumerate(steps):
            back = path_backward_noise(f, ahead[a], pull[a], eps, length, g, self.grid.g[j])
            square = back.square().mean(1)
            found[a] = 0.5 * square[square.isfinite()].mean().log()
        return found.nan_to_num(0.0).clamp(-MOST_LOG, MOST_LOG)


def ratios_on(table: Tensor, nodes: Tensor, t: Tensor) -> Tensor:
    """r (N,) of the steps between the times `t` (N+1,), from ln r (M+1, M+1) between `nodes` (M+1,).

    ln r is linear in either end of a step between the nodes, in the number of a node, and the negative of itself where
    the ends change places, so that within one of the cells it is in proportion to the length. At the nodes themselves
    it is what `table` says.
    """
    own, wanted = (values.detach().cpu().double().numpy() for values in (nodes, t))
    upper = np.triu(table.detach().cpu().double().numpy(), 1)
    logs = upper - upper.T
    last = len(own) - 1
    places = np.interp(wanted, own, np.arange(last + 1))
    cell = np.minimum(places.astype(np.int64), last - 1)
    part = places - cell
    (i, j), (p, q) = (cell[:-1], cell[1:]), (part[:-1], part[1:])
    below = (1 - p) * logs[i, j] + p * logs[i + 1, j]
    above = (1 - p) * logs[i, j + 1] + p * logs[i + 1, j + 1]
    return torch.from_numpy(np.exp((1 - q) * below + q * above)).to(t)
