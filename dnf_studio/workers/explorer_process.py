"""Frames of new weights from a process of its own, while a model trains in this one.

Python lets one thread of a process run at a time, and a pass of the display set takes that turn a
thousand times: in a thread it costs the training a sixth of its speed, in another process next to
nothing. What a person changes is still answered in the explorer's thread, without the way there
and back.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.workers.frames import Frame, ViewRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.snapshot import Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.workers.explorer import Wanted

__all__ = ["ExplorerProcess"]

POLL_SECONDS = 0.01
END_SECONDS = 3.0


@dataclass(frozen=True)
class _Job:
    """One frame that is wanted, as plain arrays."""

    version: int
    dim: int
    config: Config
    standardisation: Standardisation
    formula_grid: bool
    tensors: dict[str, NDArray[Any]]
    request: ViewRequest
    points: NDArray[np.float32] | None
    """The display set (P, D), or None for that of the job before."""


class ExplorerProcess:
    """Computes frames of weights, request and display set elsewhere; for one thread at a time.

    It takes seconds to start and is `ready` after that. Whatever goes wrong with the process is an
    `OSError` or `EOFError` of `frame`.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), name="dnf-explorer", daemon=True)
        self._process.start()
        there.close()
        self._ready = False
        self._points: Tensor | None = None
        self._owed = 0
        """Answers on their way that nobody waits for any more."""

    @property
    def ready(self) -> bool:
        """Whether it has loaded all it needs."""
        if not self._ready and self._connection.poll():
            self._ready = bool(self._connection.recv())
        return self._ready

    def frame(self, wanted: Wanted, left: Callable[[], bool]) -> Frame | None:
        """All points once through both processes, in the fast type; waits for it.

        None once it is `left`: another frame is wanted sooner.
        """
        snapshot, data = wanted.snapshot, wanted.data
        if snapshot is None or data is None:
            return None
        while self._owed:
            self._connection.recv()
            self._owed -= 1
        job = _Job(
            snapshot.version,
            snapshot.dim,
            snapshot.config,
            snapshot.standardisation,
            snapshot.flow.formula_grid,
            {name: tensor.numpy() for name, tensor in snapshot.tensors.items()},
            wanted.request,
            None if data is self._points else data.numpy(),
        )
        self._connection.send(job)
        self._points = data
        while not self._connection.poll(POLL_SECONDS):
            if left():
                self._owed += 1
                return None
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        frame: Frame = replace(answer, request=wanted.request, seconds=perf_counter() - wanted.since)
        return frame

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection) -> None:
    """The life of the process: jobs in, frames out, until the other side is closed."""
    # Ctrl-C in a terminal reaches both processes; it is the window's to answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    here = _Here()
    # Until the window is gone
    with suppress(EOFError, OSError):
        connection.send(True)
        while True:
            job = connection.recv()
            try:
                answer: Frame | Exception = here.frame(job)
            except Exception as error:
                answer = error
            connection.send(answer)


class _Here:
    """What the process keeps between two jobs."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._passes = Passes(self._frames.append)
        self._points = torch.empty(0)
        self._request = ViewRequest()

    def frame(self, job: _Job) -> Frame:
        from dnf_studio.workers.explorer import Wanted

        if job.points is not None:
            self._points = torch.from_numpy(job.points)
        if job.request != self._request:
            self._request = job.request
        self._frames.clear()
        self._passes.run(Wanted(_snapshot(job), self._request, self._points), lambda _wanted: False, True)
        return self._frames[-1]


def _snapshot(job: _Job) -> Snapshot:
    tensors = {name: torch.from_numpy(values) for name, values in job.tensors.items()}
    grid = TimeGrid(tensors["timestamps"], tensors["diffusion"], tensors["condition"])
    flow = DiffFlow(job.dim, job.config, job.standardisation, grid)
    flow.load_state_dict(tensors)
    flow.formula_grid = job.formula_grid
    return Snapshot(job.version, flow.eval().requires_grad_(False))
