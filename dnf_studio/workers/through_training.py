"""What the views would show of a run at several of its iterations, one after the other, for a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dnf_studio.errors import Cancelled, Check
from dnf_studio.workers.frames import Frame, FrameRequest

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.workers.snapshot import Snapshot


def frames_of(
    weights: Sequence[Callable[[], Snapshot]], request: SampleSettings, data: Tensor, check: Check
) -> Iterator[Frame]:
    """The frame of each of the `weights`, in float32, with the same points, latents and Brownian paths for all.

    For a thread. Each is read when it is its turn; what reading raises is raised here. Raises `Cancelled` as `check`
    does.
    """
    from dnf_studio.workers.passes import Passes

    found: list[Frame] = []
    passes = Passes(found.append)

    def cancelled(_: FrameRequest) -> bool:
        try:
            check()
        except Cancelled:
            return True
        return False

    try:
        for read in weights:
            check()
            found.clear()
            passes.run(FrameRequest(read(), request, data), cancelled, training=False)
            check()
            yield found[-1]
    finally:
        passes.close()


def blend(one: Frame, other: Frame, share: float) -> Frame:
    """`one` with its points on their straight way to those of `other`; the nearer of both where N differs."""
    if share == 0 or one.forward.shape != other.forward.shape:
        return one if share < 0.5 else other
    part = np.float32(share)
    with np.errstate(over="ignore", invalid="ignore"):
        forward = one.forward + part * (other.forward - one.forward)
        backward = one.backward + part * (other.backward - one.backward)
    return replace(one if share < 0.5 else other, forward=forward, backward=backward)
