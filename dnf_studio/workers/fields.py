"""Vector fields at the time cursor: what is asked of the explorer, and its answers.

torch and what stands on it are imported where they are used, in the explorer's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Check
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from dnf_studio.core.exploration.fields import FieldGrid, FieldName
    from dnf_studio.core.exploration.streamlines import Streamlines
    from dnf_studio.workers.frames import FrameRequest


@dataclass(frozen=True, eq=False)
class FieldRequest:
    """A request for the vector fields at one node, over a rectangle of a plane."""

    node: int
    plane: Plane
    extent: tuple[float, float, float, float]
    """Left, bottom, right and top in coordinates of the plane."""
    size: tuple[int, int] = (32, 32)
    divergence: bool = True
    """Whether the divergences are wanted too, which take most of the time."""
    lines: tuple[FieldName, ...] = ()
    """The fields whose streamlines are wanted."""
    apart: float = 0.1
    """Distance between two streamlines in coordinates of the plane."""


@dataclass(frozen=True, eq=False)
class FieldAnswer:
    """The fields for the weights and the request of the newest frame."""

    asked: FieldRequest
    weights: int
    """Version of the weights."""
    request: SampleSettings
    grid: FieldGrid
    inhabited: NDArray[np.bool_]
    """(R, C): the places with forward or backward points near them, which the limits of colours and lengths are
    taken from; all where there are none."""
    lines: Mapping[FieldName, Streamlines] = field(default_factory=dict)
    """The streamlines that were asked for."""


class FieldWatch:
    """One standing question, asked again with every frame of new weights or another request.

    The newest question and the newest answer win. `ask` may be called from any thread, the rest by
    the explorer's alone.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        """`tell` is called, in the explorer's thread, when there is an answer."""
        self.mailbox: Mailbox[FieldAnswer] = Mailbox()
        self._tell = tell
        self._asked: FieldRequest | None = None
        self._shown: tuple[Frame, FrameRequest] | None = None
        self._answered: tuple[object, ...] = ()
        self._rests_until = 0.0

    def ask(self, asked: FieldRequest | None) -> None:
        """Ask this question from now on, or none."""
        self._asked = asked
        if asked is None:
            self.mailbox.take()

    def show(self, frame: Frame, wanted: FrameRequest | None) -> None:
        """`frame`, of what was `wanted`, is what the views show now."""
        self._shown = None if wanted is None else (frame, wanted)

    @property
    def pending(self) -> bool:
        """Whether there is a question without its answer."""
        asked, shown = self._asked, self._shown
        return asked is not None and shown is not None and not _same(_question(asked, shown), self._answered)

    @property
    def resting(self) -> bool:
        """Whether other work comes first, for as long as the last answer took: a cursor that plays asks without end."""
        return perf_counter() < self._rests_until

    def answer(self) -> None:
        """Leave the answer in `mailbox`; nothing where the views show nothing that has such a field."""
        asked, shown = self._asked, self._shown
        if asked is None or shown is None:
            return
        self._answered = _question(asked, shown)
        began = perf_counter()
        found = _answer(asked, *shown)
        self._rests_until = 2 * perf_counter() - began
        if found is not None and self._asked is asked:
            self.mailbox.put(found)
            self._tell()


def fields_of(asked: Sequence[FieldRequest], frame: Frame, wanted: FrameRequest, check: Check) -> Iterator[FieldAnswer]:
    """The answers to many questions about one frame of what was `wanted`, in their order, as far as there are any.

    For a thread; raises `Cancelled` as `check` does.
    """
    for each in asked:
        check()
        found = _answer(each, frame, wanted)
        if found is not None:
            yield found


def _answer(asked: FieldRequest, frame: Frame, wanted: FrameRequest) -> FieldAnswer | None:
    """The answer; None where the question belongs to other data or another N than the frame: the next fits."""
    import torch

    from dnf_studio.core.exploration.fields import field_grid, measured_fields
    from dnf_studio.core.hardware import choose_hidden_type
    from dnf_studio.core.sde.grid import TimeGrid

    snapshot, request = wanted.snapshot, wanted.request
    if snapshot is None or len(asked.plane.origin) != snapshot.dim or asked.node >= len(frame.t):
        return None
    nodes = snapshot.flow.grid_of(request)
    near = slice(max(0, asked.node - 1), asked.node + 1)
    grid = TimeGrid(nodes.t[near], nodes.g[near], nodes.condition[near])
    # A picture does not need the digits of float32, which take twice the time
    hidden = choose_hidden_type("auto", snapshot.flow.device)
    with torch.inference_mode():
        measured = asked.divergence and "divergence" not in snapshot.flow.lacks
        fields = measured_fields(snapshot.flow, grid, asked.plane, measured, hidden)
        found = replace(field_grid(fields, grid, grid.steps, asked.plane, asked.extent, asked.size), node=asked.node)
    lines = _lines(asked, found, request.level)
    points = np.concatenate([frame.forward[asked.node], frame.backward[asked.node]])
    inhabited = _inhabited(found, asked, points)
    return FieldAnswer(asked, snapshot.version, request, found, inhabited, lines)


def _lines(asked: FieldRequest, found: FieldGrid, lam: float) -> dict[FieldName, Streamlines]:
    from dnf_studio.core.exploration.streamlines import streamlines

    where = asked.extent, asked.apart
    return {name: streamlines(found.x, found.y, found.vectors(name, lam), *where) for name in asked.lines}


def _inhabited(found: FieldGrid, asked: FieldRequest, points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The cells of the grid that hold one of `points` (P, D) each; all cells where that is none."""
    left, bottom, right, top = asked.extent
    shape = found.drift_divergence.shape
    with np.errstate(over="ignore", invalid="ignore"):
        along = (points - asked.plane.origin) @ asked.plane.axes.T
        cells = (along - [left, bottom]) / [(right - left) / shape[1], (top - bottom) / shape[0]]
        inside = ((cells >= 0) & (cells < [shape[1], shape[0]])).all(axis=1)
    mask = np.zeros(shape, np.bool_)
    columns, rows = cells[inside].astype(int).T
    mask[rows, columns] = True
    return mask if mask.any() else ~mask


def _question(asked: FieldRequest, shown: tuple[Frame, FrameRequest]) -> tuple[object, ...]:
    """The key of all that an answer depends on."""
    return asked, shown[1].snapshot, shown[1].request, shown[1].data


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))
