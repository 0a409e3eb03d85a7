"""The display set and its two processes, all at once: the very numbers that the views of the window show.

The window computes them block by block, as `display_set` says, and newest first; here the same steps are made of the
same blocks without anybody waiting. Rows do not depend on what is carried beside them, so that both agree to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.exploration.display_set import DisplayNoise, PathSimulator, block_batches, blocks
from dnf_studio.core.exploration.excess import log_ratios
from dnf_studio.core.exploration.excess_plan import PILOTS, TOLERANCE, jobs_of
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.node_density import choose_times, log_density_at_nodes, random_signs
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import DISPLAY_SEED, SampleSettings
from dnf_studio.errors import check_interrupt

PIECE = 256
"""Points whose densities are found at once."""


class Displayed(NamedTuple):
    """Both processes of the display set, model units, row i at t_i whichever way the process runs."""

    forward: Tensor
    """(N+1, P, D)"""
    backward: Tensor
    """(N+1, P, D)"""
    noise: Tensor
    """(N, P, D), that of the forward paths."""
    contributions: Tensor
    """(N, P): ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, nats; empty where the model has no bound."""


def displayed_points(flow: GenerativeModel, dataset: Dataset | None, count: int) -> Tensor:
    """The display set (P, D) in the units of `flow`: fresh points of the data, without it the model's own samples.

    Raises `DataError` where the data has another number of columns.
    """
    if dataset is not None:
        return fresh_points(flow, dataset, count, DISPLAY_SEED).float().contiguous()
    return flow.standardisation.to_model(flow.sample(count, seed=DISPLAY_SEED)).float()


def displayed_paths(flow: GenerativeModel, grid: TimeGrid, x0: Tensor, settings: SampleSettings) -> Displayed:
    """Carry the display set x0 (P, D) through both processes on `grid` as a view with these `settings` does.

    Of very many steps or components fewer points are carried (`display_set.blocks`). Raises `UnsupportedError` for a
    solver that the model has not.
    """
    dim = x0.shape[1]
    noise, simulator = DisplayNoise(), PathSimulator(flow, grid, torch.float32, settings)
    own = blocks(len(x0), grid.steps, dim)
    latents = noise.latents(settings.seed, len(x0), dim)
    found = []
    for group in block_batches(own, 1, False, dim):
        drawn = [noise.noise(settings.seed, part, dim, grid.t, check_interrupt) for part in group]
        ahead, back = (torch.cat(pieces, 1) for pieces in zip(*drawn, strict=True))
        part = slice(group[0].start, group[-1].stop)
        block = simulator.forward(x0[part], ahead, check_interrupt)
        begin = torch.from_numpy(block.path[-1]) if settings.start == "forward" else latents[part]
        paths = block.path, simulator.backward(begin, back, check_interrupt)
        found.append((*map(torch.from_numpy, paths), ahead, torch.from_numpy(block.contributions)))
    return Displayed(*(torch.cat(rows, 1) for rows in zip(*found, strict=True)))


def displayed_log_ratios(flow: GenerativeModel, grid: TimeGrid, path: Tensor, contribution: Tensor) -> Tensor:
    """The log-ratios (N, P) of forward paths (N+1, P, D), nats, as the window tells them once it has found them all.

    `contribution` (N, P) has the g term. The window looks for them on so many points as `excess_plan.jobs_of` says;
    so many there are here.
    """
    times = choose_times(flow, path[0, :PILOTS], TOLERANCE, check_interrupt)
    steps, (count, dim) = grid.steps, path.shape[1:]
    found = []
    for kind, part, _ in jobs_of(steps, count, dim, both=False):
        if kind != "forward":
            continue
        signs = random_signs(path[0, part], part.start)
        for start in range(0, part.stop - part.start, PIECE):
            some = slice(part.start + start, min(part.stop, part.start + start + PIECE))
            own = None if signs is None else signs[start : start + PIECE]
            density = log_density_at_nodes(flow, grid, path[:, some], times, None, own, check_interrupt)
            found.append(log_ratios(contribution[:, some], density))
    return torch.cat(found, 1)
