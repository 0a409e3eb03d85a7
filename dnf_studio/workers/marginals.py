"""What is looked at of a frame as a whole: its marginals against each other, and its outliers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import Cancelled, cancel_when
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.marginals import Marginals
    from dnf_studio.core.exploration.outliers import Outliers
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.errors import Check
    from dnf_studio.workers.background import Work
    from dnf_studio.workers.frames import Frame, FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

__all__ = ["Comparison", "MarginalsWorker", "OutlierCheck", "check_of", "check_outliers"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The distances of one frame."""

    frame: Frame
    marginals: Marginals
    moved: Marginals | None = None
    """One row: samples of the part of the backward process that is shown against those of the whole of it, from
    the same latents and noise; None where the whole is shown."""


class MarginalsWorker:
    """One frame at most is waiting, the newest; what comes of it is in `found`."""

    def __init__(self) -> None:
        self.found: Mailbox[Comparison] = Mailbox()
        self._asked: Frame | None = None

    def ask(self, frame: Frame | None) -> None:
        """Compare this frame in place of what waits; None: none."""
        self._asked = frame

    @property
    def waiting(self) -> bool:
        """Whether there is something to compare."""
        return self._asked is not None

    def run(self, cancelled: Callable[[], bool]) -> None:
        """Compare what waits; once `cancelled()` it goes on waiting, unless a newer frame came."""
        from dnf_studio.core.exploration.marginals import FEWEST, compare_marginals

        frame = self._asked
        if frame is None:
            return
        check = cancel_when(lambda: cancelled() or self._asked is not frame)
        try:
            if frame.forward.shape[1] >= FEWEST:
                whole = frame.whole
                moved = None if whole is None else compare_marginals(whole[None], frame.backward[:1], check)
                marginals = compare_marginals(frame.forward, frame.backward, check)
                self.found.put(Comparison(frame, marginals, moved))
        except Cancelled:
            return
        except Exception:
            self._forget(frame)
            raise
        self._forget(frame)

    def _forget(self, frame: Frame) -> None:
        if self._asked is frame:
            self._asked = None


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
    visited = visit(flow, dataset, flow.grid(request.steps, request.grid), request.seed, check=check)
    paths = _shown_paths(flow, request, shown, check) if isinstance(shown, torch.Tensor) else shown
    views = outliers_among(paths, visited)
    yield OutlierCheck(snapshot.version, request, views, None)
    anew = replace(request, parts="both", start="noise")
    for fresh in find_outliers(flow, dataset, count, anew, visited=visited, threads=1, check=check):
        yield OutlierCheck(snapshot.version, request, views, fresh)


def _shown_paths(flow: GenerativeModel, settings: SampleSettings, data: Tensor, check: Check) -> Array:
    """The backward paths (N+1, P, D) that the views show beside forward paths of `data` (P, D), in float32."""
    import torch

    from dnf_studio.core.parallel import single_threaded_kernels
    from dnf_studio.workers.display_set import DisplayNoise, PathSimulator, blocks

    grid, noise = flow.grid(settings.steps, settings.grid), DisplayNoise()
    parts = blocks(len(data), grid.steps, flow.dim)
    latents = noise.latents(settings.seed, parts[-1].stop, flow.dim)
    with torch.inference_mode(), single_threaded_kernels():
        carrier = PathSimulator(flow, grid, torch.float32, settings)
        rows = []
        for part in parts:
            own, eps = noise.noise(settings.seed, part, flow.dim, grid.t)
            z = carrier.ends(data[part], own, check) if settings.start == "forward" else latents[part]
            rows.append(carrier.backward(z, eps, check))
    return np.concatenate(rows, axis=1)
