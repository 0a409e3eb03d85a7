"""What passes between the explorer and the window: requests one way, frames the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.by_step import ScoreShare
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Standardisation
    from dnf_studio.core.exploration.fields import FieldGrid, FieldName
    from dnf_studio.core.exploration.inspect import Direction, PointTable
    from dnf_studio.core.exploration.streamlines import Streamlines
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.workers.snapshot import Snapshot

__all__ = ["FieldAnswer", "FieldRequest", "FieldWatch", "Frame", "FrameRequest", "InspectRequest", "Inspection"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """Both processes of one model at one request: fresh arrays that nobody writes to again.

    Row i of `forward` and `backward` belongs to t_i, whichever way the process runs.
    """

    weights: int
    """Version of the weights."""
    request: SampleSettings
    """How they were asked for."""
    t: Array
    """(N+1,)"""
    g: Array
    """(N+1,)"""
    forward: Array
    """(N+1, P, D), model units."""
    backward: Array
    """(N+1, P, D), model units, row N the latents; those of `forward` where `request.start` says so."""
    mean_contributions: Array
    """(N,) what each step contributes to the bound, mean ½(‖δB_i‖² − ‖δF_i‖²) over the P points, nats; empty where the
    model has no bound."""
    complete: bool
    """False while further blocks of points, or the same in float32, are still to come."""
    seconds: float
    """From the change to this frame."""
    all_points: bool = True
    """Whether all points are there, perhaps not yet in float32."""
    own: Array | None = None
    """(M+1,) times of the model's own grid where `t` is another."""
    contributions: Array = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """(N, P) the same for each step and point, nats; empty where nobody computed it."""
    parts: Array = field(default_factory=lambda: np.empty((3, 0), np.float32))
    """(3, N) what noise ratio, drift change and score add to `mean_contributions`; empty where nobody computed it."""
    saved: Array = field(default_factory=lambda: np.empty((2, 0), np.float32))
    """(2, N) what the excess of a step would be higher by with a drift that does not change over it, and without a
    score; empty where nobody computed it."""
    prior: tuple[float, float] | None = None
    """Mean −log N(x_N; 0, I) and D log(g_N/g_0), nats: with the sum of `mean_contributions` the bound."""

    whole: Array | None = None
    """(P, D) samples of the whole backward process from the same latents and noise, where `request.parts` leaves
    something out."""
    score: ScoreShare | None = None
    """The score's share of the whole backward drift at the forward points, whatever part of it `request.parts` keeps;
    None where nobody computed it."""

    @property
    def paired(self) -> bool:
        """Whether each backward path starts where the forward path of the same point ends."""
        return self.request.start == "forward"

    def paths_of(self, direction: Direction) -> Array:
        """(N+1, P, D) of one process."""
        return self.forward if direction == "forward" else self.backward


@dataclass(frozen=True)
class InspectRequest:
    """Which point of the display set is wanted in numbers, and on its way by which process."""

    point: int
    direction: Direction = "forward"


@dataclass(frozen=True, eq=False)
class Inspection:
    """The answer, for the weights, request and display set of the newest frame."""

    asked: InspectRequest
    weights: int
    """Version of the weights."""
    request: SampleSettings
    table: PointTable
    standardisation: Standardisation
    """The way to data units."""


@dataclass(frozen=True, eq=False)
class FrameRequest:
    """What the next pass is to show; a change makes a new one."""

    snapshot: Snapshot | None = None
    request: SampleSettings = AS_VIEWED
    """How it is to be carried both ways through the model; the newest request wins."""
    data: Tensor | None = None
    """The display set (P, D), model units."""
    since: float = 0.0
    """When the last change came, by `perf_counter`."""

    @property
    def ready(self) -> bool:
        """Whether there is a model, data of the same dimension, and a solver that the model has."""
        if self.snapshot is None or self.data is None:
            return False
        known = [None, *(solver.name for solver in self.snapshot.flow.solvers)]
        return self.snapshot.dim == self.data.shape[1] and self.request.solver in known


@dataclass(frozen=True, eq=False)
class FieldRequest:
    """Where the fields are wanted."""

    node: int
    plane: Plane
    extent: tuple[float, float, float, float]
    """Left, bottom, right and top in coordinates of the plane."""
    size: tuple[int, int] = (32, 32)
    divergence: bool = True
    """Whether the divergences are wanted too, which take most of the time."""
    lines: tuple[FieldName, ...] = ()
    """The fields of which streamlines are wanted,"""
    apart: float = 0.1
    """so far from each other in coordinates of the plane."""


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
    """Those that were asked for."""


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
        """Ask this from now on, or nothing."""
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


def _answer(asked: FieldRequest, frame: Frame, wanted: FrameRequest) -> FieldAnswer | None:
    """None where the question belongs to other data or another N than the frame: the next one will fit."""
    import torch

    from dnf_studio.core.exploration.fields import field_grid, measured_fields
    from dnf_studio.core.hardware import choose_hidden_type
    from dnf_studio.core.sde.grid import TimeGrid

    snapshot, request = wanted.snapshot, wanted.request
    if snapshot is None or len(asked.plane.origin) != snapshot.dim or asked.node >= len(frame.t):
        return None
    nodes = snapshot.flow.grid(request.steps, request.grid)
    near = slice(max(0, asked.node - 1), asked.node + 1)
    grid = TimeGrid(nodes.t[near], nodes.g[near], nodes.condition[near])
    # A picture does not need the digits of float32, which take twice the time
    hidden = choose_hidden_type("auto", snapshot.flow.device)
    with torch.inference_mode():
        fields = measured_fields(snapshot.flow, grid, asked.plane, asked.divergence, hidden)
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
    """All that an answer depends on."""
    return asked, shown[1].snapshot, shown[1].request, shown[1].data


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))
