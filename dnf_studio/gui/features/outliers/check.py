"""What the dock of the outliers asks for: the points and the weights of the views as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.workers.frames import Wanted
    from dnf_studio.workers.outliers import OutlierCheck

__all__ = ["check_of"]


def check_of(
    wanted: Wanted, dataset: Dataset, frame: Frame | None, count: int
) -> Callable[[Callable[[], bool]], Iterator[OutlierCheck]]:
    """The work for an `Analysis`; the paths are those of `frame` where it shows just what is `wanted`."""
    snapshot, data, request = wanted.snapshot, wanted.data, wanted.request
    if snapshot is None or data is None:
        raise ValueError("there is no model to look at")
    shows = frame is not None and frame.complete and (frame.weights, frame.request) == (snapshot.version, request)
    paths = frame.backward if frame is not None and shows else data

    def work(left: Callable[[], bool]) -> Iterator[OutlierCheck]:
        from dnf_studio.workers.outliers import check_outliers

        return check_outliers(snapshot, dataset, request, paths, count, left)

    return work
