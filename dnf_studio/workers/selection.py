"""The selected points of the views as an export: the very latents, noise and paths that are shown.

Imports torch, so only the thread of an export imports it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.exploration.display_set import DisplayNoise, PathSimulator, blocks
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.blocks import SampleBlock
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import SampleSettings, Start
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress, Selection
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DivergenceError, ExportError, check_interrupt


def export_selection(
    flow: GenerativeModel,
    path: Path,
    plan: ExportPlan,
    indices: Collection[int],
    points: int,
    checkpoint: Checkpoint | None = None,
    data: Tensor | None = None,
    dataset: Dataset | None = None,
) -> Generator[ExportProgress, None, None]:
    """Write the points `indices` of a view of `points` points, by rising number, as `export_samples` does.

    The settings of `plan` are those of the view, its count is not used. `flow` is in main memory. Without `data`
    these are backward paths from latents of their own. With the `data` (P, D) of the view, model units, each is a
    round trip: the backward path starts where the forward path of the point ends, and that is written too, as far
    as the backward one is. With the `dataset` samples far from it are counted. Raises `ExportError` where nothing,
    or a point that the view does not show, is selected.
    """
    chosen = tuple(sorted(set(indices)))
    shown = blocks(points, flow.grid_of(plan.settings).steps, flow.dim)[-1].stop
    if not chosen:
        raise ExportError("Nothing is selected; select points in the views first.")
    if chosen[-1] >= shown:
        raise ExportError(f"Point {chosen[-1]} is selected, but only {shown:,} points are shown; select again.")
    rows = selected_blocks(flow, plan.settings, chosen, points, data)
    plan = replace(plan, count=len(chosen), forward=data is not None)
    start: Start = "noise" if data is None else "forward"
    return export_samples(flow, path, plan, checkpoint, Selection(chosen, shown, rows, start), dataset)


def selected_blocks(
    flow: GenerativeModel, settings: SampleSettings, indices: tuple[int, ...], points: int, data: Tensor | None = None
) -> Iterator[SampleBlock]:
    """The backward paths of the points `indices`, rising, of `points` in the view; with `data` their round trips.

    Whole blocks of the view are computed, so that no number depends on what else is selected. Raises
    `DivergenceError` for an end point that is not finite.
    """
    grid = flow.grid_of(settings)
    parts = blocks(points, grid.steps, flow.dim)
    noise, written = DisplayNoise(), 0
    latents = noise.latents(settings.seed, parts[-1].stop, flow.dim)
    for part in parts:
        rows = [k - part.start for k in indices if part.start <= k < part.stop]
        if rows:
            own, eps = noise.noise(settings.seed, part, flow.dim, grid.t, check_interrupt)
            ahead = None if data is None else _ahead(flow, grid, data[part], own)
            z = latents[part] if ahead is None else torch.from_numpy(ahead[-1])
            block = _carried(flow, settings, grid, z, eps, rows, written)
            yield block if ahead is None else _with_forward(block, flow, ahead, own, rows)
            written += len(rows)


def _carried(
    flow: GenerativeModel, settings: SampleSettings, grid: TimeGrid, z: Tensor, eps: Tensor, rows: list[int], start: int
) -> SampleBlock:
    """The points `rows` of one block of the view, with latents z (B, D) and noise (N, B, D) in order of time."""
    with single_threaded_kernels(), torch.inference_mode():
        simulator = PathSimulator(flow, grid, torch.float32, settings)
        path = simulator.backward(z, eps, _never)[::-1, rows]
        states = _in_data_units(flow, path)
        drawn = eps.flip(0)[:, rows]
        if settings.level == 0 or "noise" in flow.lacks:
            drawn.zero_()
        elif settings.last == "mean":
            drawn[-1] = 0
    bad = len(rows) - int(np.isfinite(states[-1]).all(axis=1).sum())
    if bad:
        raise DivergenceError(
            f"{bad:,} of the selected points left the finite numbers at N = {grid.steps}; try another N, or λ = 0."
        )
    return SampleBlock(
        start,
        samples=np.ascontiguousarray(states[-1]),
        latents=z[rows].numpy(),
        trajectories=np.ascontiguousarray(states.swapaxes(0, 1)),
        noise=np.ascontiguousarray(drawn.numpy().swapaxes(0, 1)),
    )


def _ahead(flow: GenerativeModel, grid: TimeGrid, x0: Tensor, noise: Tensor) -> NDArray[np.float32]:
    """The forward paths (N+1, B, D) of one block of the view from x0 (B, D) by noise (N, B, D)."""
    with single_threaded_kernels(), torch.inference_mode():
        return PathSimulator(flow, grid, torch.float32).forward(x0, noise, _never).path


def _with_forward(
    block: SampleBlock, flow: GenerativeModel, ahead: NDArray[np.float32], noise: Tensor, rows: list[int]
) -> SampleBlock:
    """`block` with its `rows` of the forward paths `ahead` (N+1, B, D) and of their noise (N, B, D), both t_N first."""
    states = _in_data_units(flow, ahead[::-1, rows])
    drawn = noise.flip(0)[:, rows]
    if "noise" in flow.lacks:
        drawn.zero_()
    return replace(
        block,
        forward_trajectories=np.ascontiguousarray(states.swapaxes(0, 1)),
        forward_noise=np.ascontiguousarray(drawn.numpy().swapaxes(0, 1)),
    )


def _in_data_units(flow: GenerativeModel, path: NDArray[np.float32]) -> NDArray[np.float32]:
    """States (N+1, P, D) with t_N first; the last, which is data or a sample, within the range that data units have."""
    states = flow.standardisation.to_data(torch.from_numpy(path.copy()).double())
    states[-1] = flow.standardisation.inside(states[-1])
    found: NDArray[np.float32] = states.float().numpy()
    return found


def _never() -> None:
    """A block is soon done; an export is cancelled between two."""
