"""The outliers among the points of the views and among fresh samples, for one set of weights and settings.

Imports torch only where it works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.outliers import Outliers
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.errors import Check
    from dnf_studio.workers.background import Work
    from dnf_studio.workers.frames import Frame, FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OutlierCheck:
    """What is known so far."""

    weights: int
    """Version of the weights."""
    request: SampleSettings
    views: Outliers
    """Among the points of the views."""
    fresh: Outliers | None
    """Among samples drawn anew; None before the first block."""


def check_of(wanted: FrameRequest, dataset: Dataset, frame: Frame | None, count: int) -> Work[OutlierCheck]:
    """The work for the points and weights of the views as they are now, and for `count` samples.

    The paths are those of `frame` where it shows just what is `wanted`.
    """
    snapshot, data, request = wanted.snapshot, wanted.data, wanted.request
    if snapshot is None or data is None:
        raise ValueError("there is no model to look at")
    shows = frame is not None and frame.complete and (frame.weights, frame.request) == (snapshot.version, request)
    shown = frame.backward if frame is not None and shows else data
    return lambda check: check_outliers(snapshot, dataset, request, shown, count, check)


def check_outliers(
    snapshot: Snapshot,
    dataset: Dataset,
    request: SampleSettings,
    shown: Array | Tensor,
    count: int,
    check: Check,
) -> Iterator[OutlierCheck]:
    """Look at the points of the views, then at `count` samples as they are drawn, on this thread alone.

    `shown` are the backward paths (N+1, P, D) of the views, or the data (P, D) they begin with, to compute them.
    `check` ends it early.
    """
    import torch

    from dnf_studio.core.exploration.outliers import find_outliers, outliers_among
    from dnf_studio.core.exploration.visited import visit

    flow = snapshot.flow
    visited = visit(flow, dataset, flow.grid_of(request), request.seed, check=check)
    paths = _shown_paths(flow, request, shown, check) if isinstance(shown, torch.Tensor) else shown
    views = outliers_among(paths, visited)
    yield OutlierCheck(snapshot.version, request, views, None)
    anew = replace(request, parts="both", start="noise")
    for fresh in find_outliers(flow, dataset, count, anew, visited=visited, threads=1, check=check):
        yield OutlierCheck(snapshot.version, request, views, fresh)


def _shown_paths(flow: GenerativeModel, settings: SampleSettings, data: Tensor, check: Check) -> Array:
    """The backward paths (N+1, P, D) that the views show beside forward paths of `data` (P, D), in float32."""
    import torch

    from dnf_studio.core.exploration.display_set import DisplayNoise, PathSimulator, blocks
    from dnf_studio.core.parallel import single_threaded_kernels

    grid, noise = flow.grid_of(settings), DisplayNoise()
    parts = blocks(len(data), grid.steps, flow.dim)
    latents = noise.latents(settings.seed, parts[-1].stop, flow.dim)
    with torch.inference_mode(), single_threaded_kernels():
        simulator = PathSimulator(flow, grid, torch.float32, settings)
        rows = []
        for part in parts:
            own, eps = noise.noise(settings.seed, part, flow.dim, grid.t, check)
            z = simulator.ends(data[part], own, check) if settings.start == "forward" else latents[part]
            rows.append(simulator.backward(z, eps, check))
    return np.concatenate(rows, axis=1)
