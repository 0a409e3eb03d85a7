"""A run in a process of its own, so that the window and the training do not wait for each other.

Python lets one thread of a process run at a time. An iteration takes that turn some thousand times,
and so does a window that draws: side by side in one process the training loses a third of its speed
on two cores. Here the run goes to another process and comes back whenever it is paused, so that
whoever works on it finds it where it always is.
"""

from __future__ import annotations

import gc
import pickle
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from time import monotonic
from typing import Any

import torch
from numpy.typing import NDArray

from dnf_studio import plugins
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.state import RunState
from dnf_studio.errors import DataError, StudioError
from dnf_studio.workers.snapshot import Snapshot, Steps, watched

STATE_SECONDS = 10.0
"""Between two copies of everything, from which a run goes on should the process end."""
RECALL_SECONDS, RECALL = 0.02, "recall"


@dataclass(frozen=True)
class _Job:
    """A message to the process: a run to go on with."""

    state: RunState
    threads: int


@dataclass(frozen=True)
class _RunSnapshot:
    """The state of the run, and how many of the changes that were sent after it have reached it."""

    state: RunState
    changes: int


@dataclass(frozen=True)
class _Progress:
    """A message from the process: one iteration is done."""

    report: StepReport
    config: Config | None
    """The settings it had, where they are others than before."""
    weights: dict[str, NDArray[Any]] | None
    """The weights that sampling uses, when the views are due a copy."""
    snapshot: _RunSnapshot | None
    """The whole state, when it is time for a copy."""
    kept: tuple[KeptWeights, ...]
    """The snapshots that the run has kept, which are the window's now."""


@dataclass(frozen=True)
class _RunReturned:
    """The run comes back: it is paused, has reached its end, or a `problem` came up."""

    snapshot: _RunSnapshot | None
    problem: StudioError | None = None


class TrainingProcess:
    """Trains one run at a time in a process of its own. `train` is for one thread; `apply` and `close` may be called by
    others.

    It takes seconds to start and is `ready` after that.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), name="dnf-training", daemon=True)
        self._process.start()
        there.close()
        self._ready = False
        self._lock = Lock()
        self._snapshot: _RunSnapshot | None = None
        """Last known state of the run in the process; None while there is none."""
        self._sent: list[dict[str, Any]] = []

    @property
    def ready(self) -> bool:
        """Whether it has loaded all it needs; raises `EOFError` if it never will."""
        try:
            if not self._ready and self._connection.poll():
                self._ready = bool(self._connection.recv())
        except OSError as problem:
            raise EOFError("the training process ended") from problem
        return self._ready

    @property
    def state(self) -> RunState | None:
        """The last whole state of the run that is here; None while there is none."""
        return None if self._snapshot is None else self._snapshot.state

    def train(self, run: Run, threads: int, late: list[StepReport]) -> Steps:
        """The reports of `run`, until it is finished. Closing the generator brings the run back; reports on their way
        go to `late` then.

        While it is away `run` shows its iteration, seconds and config, and its weights stay as they were; whenever the
        generator has ended it is as if it had trained here. Raises `DivergenceError` as the run does, `DataError`
        where its data cannot be opened there, which leaves it as it was, and `EOFError` where the process is gone: the
        run is then where it last told everything.
        """
        try:
            self._send_away(run, threads)
            while True:
                told = self._receive()
                if isinstance(told, _RunReturned):
                    self._take_back(run, told.snapshot, told.problem)
                    return
                yield told.report, self._follow(run, told)
        except (EOFError, OSError) as problem:
            self._take_back(run, self._snapshot)
            raise EOFError("the training process ended") from problem
        finally:
            if self._snapshot is not None:
                self._recall_run(run, late)

    def apply(self, run: Run, change: Mapping[str, Any]) -> None:
        """Queue a change of settings for `run`, wherever it is; raises `SettingError` as the run does."""
        with self._lock:
            run.apply(change)
            if self._snapshot is not None:
                self._sent.append(dict(change))
                # A process that is gone is found out by `train`
                with suppress(OSError):
                    self._send(self._sent[-1])

    def recall(self) -> None:
        """Let `train`, which waits for the run, end; from any thread. A run on its way comes after an iteration."""
        if not self._lock.acquire(timeout=RECALL_SECONDS):
            return
        try:
            # A process that is gone is found out by `train`
            with suppress(OSError):
                if self._snapshot is not None:
                    self._send(RECALL)
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process at once: nothing is in it that is not here, and its own way out takes a second."""
        self._connection.close()
        self._process.kill()
        self._process.join()

    def _send_away(self, run: Run, threads: int) -> None:
        with self._lock:
            self._sent, self._snapshot = [], _RunSnapshot(run.state(), 0)
            self._send(_Job(self._snapshot.state, threads))

    def _recall_run(self, run: Run, late: list[StepReport]) -> None:
        """Pause the run after its current iteration and take it back; if the process is gone, as it last was."""
        try:
            self._send(RECALL)
            while True:
                told = self._receive()
                if isinstance(told, _RunReturned):
                    break
                self._follow(run, told)
                late.append(told.report)
        except (EOFError, OSError):
            self._take_back(run, self._snapshot)
        else:
            self._take_back(run, told.snapshot, told.problem)

    def _take_back(self, run: Run, snapshot: _RunSnapshot | None, problem: StudioError | None = None) -> None:
        """Put `run` into the state `snapshot`, with the changes that have not reached it; raises the `problem`."""
        with self._lock:
            self._snapshot, sent = None, self._sent
            if snapshot is not None:
                run.load(snapshot.state)
                for change in sent[snapshot.changes :]:
                    run.apply(change)
        if problem is not None:
            raise problem

    def _follow(self, run: Run, told: _Progress) -> Snapshot | None:
        """Let `run` show how far it has come elsewhere; the weights that came with it, as they came."""
        if told.snapshot is not None:
            self._snapshot = told.snapshot
        run.follow(told.report, told.config, told.kept)
        if told.weights is None:
            return None
        return Snapshot.taking(run.flow, {name: torch.from_numpy(array) for name, array in told.weights.items()})

    def _send(self, message: object) -> None:
        # Plain pickle: the one of multiprocessing would hand tensors over as shared files
        self._connection.send_bytes(pickle.dumps(message))

    def _receive(self) -> _Progress | _RunReturned:
        told: _Progress | _RunReturned = pickle.loads(self._connection.recv_bytes())
        return told


def _serve(connection: Connection) -> None:
    """Main function of the process: runs in, reports out, until the other side is closed."""
    # Ctrl-C in a terminal reaches both processes; it is the window's to answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is broken of them the window has told
    plugins.load()
    server = _Server(connection)
    # Until the window is gone
    with suppress(EOFError, OSError):
        connection.send(True)
        while True:
            message = pickle.loads(connection.recv_bytes())
            # What was meant for a run that has gone back meanwhile is answered there
            if isinstance(message, _Job):
                server.train(message)


class _Server:
    """Trains the runs that are sent to it and keeps their data from one to the next."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dataset: Dataset | None = None

    def train(self, job: _Job) -> None:
        self._train(job)
        # A few large objects that refer to each other: the collector would wait until there are many
        gc.collect()

    def _train(self, job: _Job) -> None:
        try:
            run = self._run(job)
        except StudioError as refusal:
            self._send(_RunReturned(None, refusal))
            return
        recall = _RecallRequest(self._connection, run)
        run.interrupt_when(recall)
        problem: StudioError | None = None
        state_due, config = monotonic() + STATE_SECONDS, run.config
        try:
            for report, due in watched(run):
                changed, snapshot, now = run.config if run.config is not config else None, None, monotonic()
                # Not copied before they are packed
                weights = {name: tensor.numpy() for name, tensor in run.flow.state_dict().items()} if due else None
                if now >= state_due:
                    snapshot, state_due = _RunSnapshot(run.state(), recall.changes), now + STATE_SECONDS
                self._send(_Progress(report, changed, weights, snapshot, run.snapshots.take()))
                config = run.config
                if recall():
                    break
        except StudioError as error:
            problem = error
        self._send(_RunReturned(_RunSnapshot(run.state(), recall.changes), problem))

    def _run(self, job: _Job) -> Run:
        config, data = job.state.config, job.state.data
        if self._dataset is None or self._dataset.fingerprint != data.fingerprint:
            self._dataset = open_configured(config, data.split)
        if self._dataset.fingerprint != data.fingerprint:
            raise DataError(f"The data '{config.data}' is no longer what the run began with.")
        run = Run(config, self._dataset, job.threads)
        run.load(job.state)
        return run

    def _send(self, message: object) -> None:
        self._connection.send_bytes(pickle.dumps(message))


class _RecallRequest:
    """Whether the window asks for the run back, for any thread; passes on the changes sent before that."""

    def __init__(self, connection: Connection, run: Run) -> None:
        self._connection, self._run, self._lock = connection, run, Lock()
        self._wanted, self.changes = False, 0

    def __call__(self) -> bool:
        with self._lock:
            while not self._wanted and self._connection.poll():
                message = pickle.loads(self._connection.recv_bytes())
                if message == RECALL:
                    self._wanted = True
                else:
                    self._run.apply(message)
                    self.changes += 1
            return self._wanted
