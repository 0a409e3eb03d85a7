"""What the cloud of a process view means at a node, in whole sentences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import node_at
from dnf_studio.workers.frames import Frame

NEAR = 0.1
"""By how much mean or deviation of the points at T may differ from those of the prior before it is told."""
GONE = 1e6
"""From here on a point has left, which the note of the plot tells."""
FEWEST = 50
"""Points from which on their deviations are told."""
Array = NDArray[np.float32]


class CloudMeaning:
    """Says what the cloud of one process means, anew for every node and frame and not at every move of the cursor."""

    def __init__(self, direction: str, say: Callable[[str], None]) -> None:
        self._direction, self._say = direction, say
        self._told: tuple[Array, int] | None = None

    def clear(self) -> None:
        """Say nothing: there is no cloud."""
        self._told = None
        self._say("")

    def follow(self, frame: Frame, planes: Array, position: float, plane_of: Callable[[Array], Array]) -> None:
        """Say it of the paths `planes` (N+1, P, 2) at the node before `position`; `plane_of` takes what is shown."""
        node = node_at(position)
        if self._told is None or self._told[0] is not planes or self._told[1] != node:
            self._told = planes, node
            # Nothing but samples is compared with the data
            data = plane_of(frame.forward[0]) if node == 0 else planes[node]
            self._say(cloud_meaning(self._direction, planes[node], data, node, len(planes) - 1, frame.paired))


def cloud_meaning(direction: str, points: Array, data: Array, node: int, steps: int, paired: bool) -> str:
    """What `points` (P, 2) of a process are at `node` of `steps`, beside the `data` (P', 2); standardised units."""
    points, backward = _there(points), direction == "backward"
    if len(points) < FEWEST:
        return ""
    if node == 0 and not backward:
        return "These are points of the data."
    means, deviations = points.mean(axis=0), points.std(axis=0)
    if node == 0:
        data = _there(data)
        if len(data) < FEWEST:
            return ""
        off = max(float(np.abs(means - data.mean(axis=0)).max()), float(np.abs(deviations - data.std(axis=0)).max()))
        return f"These are samples. Their means and deviations are those of the data within {off:.2f}."
    wide = " and ".join(f"{value:.2f}" for value in deviations)
    if node < steps:
        return f"On the way, {100 * node / steps:.0f}% of the steps from the data. Deviations {wide}."
    if backward and not paired:
        return "This is the noise that samples come from."
    off = max(float(np.abs(means).max()), float(np.abs(deviations - 1).max()))
    if off <= NEAR:
        return f"This is noise as the prior has it. Deviations {wide}, where the prior has 1."
    return f"This is not the noise of the prior yet. Means or deviations are off by {off:.2f}."


def _there(cloud: Array) -> Array:
    """The points of `cloud` (P, 2) that are finite and have not left."""
    with np.errstate(invalid="ignore"):
        kept: Array = cloud[(np.abs(cloud) < GONE).all(axis=1)]
    return kept
