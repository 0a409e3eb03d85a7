"""A training run as an iterable of reports.

Command line, window and scripts only drive a `Run`: they iterate, queue changes and save. It knows nothing of display.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, Self

import torch

from dnf_studio.config import DATA_SETTINGS, Config, flatten
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.data.dataset import Dataset, DataSummary
from dnf_studio.core.files import as_path
from dnf_studio.core.hardware import choose_device, choose_hidden_type
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels, worker_threads
from dnf_studio.core.ranks import RankError
from dnf_studio.core.sde.grid import make_grid
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint
from dnf_studio.core.storage.layout import check_keepable
from dnf_studio.core.storage.snapshots import KeptWeights, own_snapshots
from dnf_studio.core.training.diagnosis import LossWatch, TrainingDiverged
from dnf_studio.core.training.doctor import Failure, diagnose
from dnf_studio.core.training.engine import Engine, make_engine
from dnf_studio.core.training.record import EarlyStopping, History, Marks, StepReport, check_changes
from dnf_studio.core.training.schedules import learning_rate, training_steps
from dnf_studio.core.training.shared import Shared
from dnf_studio.core.training.snapshots import Snapshots
from dnf_studio.core.training.state import RunState
from dnf_studio.core.training.weights import TrainedWeights, first_model
from dnf_studio.errors import Cancelled, CheckpointError, DataError, SettingError

FIXED = (*DATA_SETTINGS, "model", "network.", "training.coupling", "training.seed", "training.device")
MEASURE_EVERY = 50
"""Iterations between NLLs of the validation split, which cost about as much as two, good states, and closed forms."""


class Run(Shared):
    """Trains a model on a data set; `fit` does it at once, iterating gives one `StepReport` an iteration.

    `threads` is the number of block threads, all usable cores unless given; it changes speed
    only, never a result. Raises `SettingError` for a device that is not there, `DataError` or
    `UnknownNameError` for data that cannot be opened and `UnsupportedError` for networks that need other data.
    """

    def __init__(self, config: Config, data: Dataset | None = None, threads: int | None = None) -> None:
        self.config = config
        self.device = choose_device(config.training.device)
        self.dataset = open_configured(config) if data is None else data
        check_keepable(DataSummary.of(self.dataset), self.dataset.standardisation)
        self._generator = torch.Generator().manual_seed(config.training.seed)
        self._passes = self.dataset.passes(config.training.seed)
        self._validates = self.dataset.validation(1, 0) is not None
        flow, self._box = first_model(config, self.dataset)
        self._weights = TrainedWeights(flow.to(self.device), config.training)
        self._pool = BlockPool(threads or worker_threads(self.device))
        self._engine = self._make_engine()
        self._queue: deque[dict[str, Any]] = deque()
        self.iteration, self.seconds = 0, 0.0
        self._pace: float | None = None
        self.changes: list[tuple[int, dict[str, Any]]] = []
        self.history, self.marks, self.early_stopping = History(), Marks(), EarlyStopping()
        self.metrics: dict[str, float | None] = {}
        self._good = self._weights.state(), 0
        self._watch = LossWatch.of(config, self.dataset.dim)
        self.snapshots = Snapshots(sum(tensor.nbytes for tensor in flow.state_dict().values()))

    @property
    def flow(self) -> GenerativeModel:
        """The model with the weights that sampling uses: their moving average (EMA), the best by a validation split."""
        return self._weights.sampled

    @property
    def precision(self) -> str:
        """The type of the hidden layers, `float32` or `bfloat16`."""
        return str(self._engine.hidden).removeprefix("torch.")

    def apply(self, change: Mapping[str, Any]) -> Config:
        """Queue a change of settings, dotted (``sde.steps``) or nested; it acts before the next iteration.

        Returns the config as it will be; `changes` keeps what changed and when. Raises `SettingError` at once, with
        nothing queued, for a value that cannot be or a setting that is fixed during a run.
        """
        if not isinstance(change, Mapping):
            raise SettingError(f"A change is a mapping such as {{'sde.steps': 20}}, not {change!r:.100}.")
        flat = flatten(change)
        if fixed := [key for key in flat if key.startswith(FIXED)]:
            raise SettingError(f"The setting '{fixed[0]}' cannot change during a run; start a new run with it.")
        coming = self.config
        for earlier in (*self._queue, flat):
            coming = coming.changed(earlier)
        # As the settings have them: a NumPy number would keep the run from being saved
        known = {key: reduce(getattr, key.split("."), coming) for key in flat}
        check_changes([*self.changes, *self._queue, known])
        self._queue.append(known)
        return coming

    def __iter__(self) -> Iterator[StepReport]:
        """Train to the totals; may be left at any report or by the `TrainingDiverged` it raises, and taken up again."""
        self._take_changes()
        self._begin_together()
        if not self.iteration:
            self.snapshots.note(self.flow, self.dataset, 0, self.seconds)
        while not self.finished:
            self.metrics.clear()
            if (report := self._step()) is None:
                return
            yield report
            self._take_changes()

    def state(self) -> RunState:
        """The state of the run, in copies, without its snapshots. Call it between two iterations."""
        data, weights = self.dataset, self._weights.state()
        # Copied once: without best weights those that sampling uses are the average
        copied = weights.average if self._weights.best is None else {}
        return RunState(
            config=self.config,
            data=DataSummary.of(data),
            standardisation=data.standardisation,
            iteration=self.iteration,
            seconds=self.seconds,
            model={n: copied[n] if n in copied else own.clone() for n, own in self.flow.state_dict().items()},
            weights=weights,
            generator=self._generator.get_state(),
            history=deepcopy(self.history),
            marks=deepcopy(self.marks),
            changes=tuple(self.changes),
            stopping=deepcopy(self.early_stopping),
            metrics=dict(self.metrics),
            queue=tuple(self._queue),
            pace=self._pace,
            good=self._good,
            watch=replace(self._watch),
        )

    def load(self, state: RunState) -> None:
        """Go on from the `state` of a run with the same data and networks, on a processor to the bit."""
        self._adapt(state.config)
        self._weights.load(state.weights, state.model)
        self._weights.best = None
        if state.best is not None:
            self._weights.keep(state.best)
        self._good = state.good or (state.weights, state.iteration)
        self._watch = replace(state.watch or self._watch)
        self._generator.set_state(state.generator)
        self.iteration, self.seconds, self._pace = state.iteration, state.seconds, state.pace
        known = state.history, state.marks, state.stopping
        self.history, self.marks, self.early_stopping = deepcopy(known)
        self.changes, self.metrics = list(state.changes), dict(state.metrics)
        self._queue = deque(state.queue)
        self.snapshots.load(state.snapshots, self.iteration)

    def continues(self, kept: Checkpoint, finished: bool = False) -> bool:
        """Whether `kept` is this very run at a later iteration, which is its last one only where `finished` may be."""
        if kept.kind != "run" or kept.config != self.config or kept.data.fingerprint != self.dataset.fingerprint:
            return False
        state, training = RunState.of_checkpoint(kept), kept.config.training
        ended = state.stopping.exhausted(training.patience) or training.reached(state.iteration, state.seconds)
        return state.iteration > self.iteration and (finished or not ended)

    def follow(self, report: StepReport, config: Config | None = None, snapshots: Sequence[KeptWeights] = ()) -> None:
        """Take up how far a `report` says it has come, and the settings it goes on with; the weights are not in it.

        So a run that is trained by a copy of it elsewhere shows where that is, until it loads its state.
        """
        if config is not None:
            self._adapt(config)
        pace = (report.seconds - self.seconds) / report.steps
        self._pace = pace if self._pace is None else 0.9 * self._pace + 0.1 * pace
        self.iteration, self.seconds = report.iteration, report.seconds
        self.history.add(report.iteration, report.loss)
        self.marks.follow(report.marks)
        for each in snapshots:
            self.snapshots.add(each)

    @classmethod
    def resume(cls, path: Path | str, changes: Mapping[str, Any] | None = None, threads: int | None = None) -> Self:
        """Take up a run where its checkpoint left it, on CPU to the bit, with `changes` applied.

        Of what is fixed the device may be among the changes, and `data`, `validation` and `test`, where they have
        moved; rows stay on their side of the split. Raises `CheckpointError` if the file is no run or has other data.
        """
        checkpoint = read_checkpoint(as_path(path, CheckpointError))
        if checkpoint.kind != "run":
            raise CheckpointError(f"'{path}' holds weights only, no run that could be resumed.")
        coming = flatten(changes or {})
        place = {key: coming.pop(key) for key in coming.keys() & {"training.device", *DATA_SETTINGS}}
        config = checkpoint.config.moved(place)
        run = cls(config, open_configured(config, checkpoint.data.split), threads)
        if run.dataset.fingerprint != checkpoint.data.fingerprint:
            raise CheckpointError(f"The data '{run.config.data}' is not what '{path}' was trained on.")
        run.load(replace(RunState.of_checkpoint(checkpoint), config=config))
        run.snapshots.load(own_snapshots(checkpoint, path), run.iteration)
        # What the run has already is no change, also of what is fixed while it goes on
        said, had = (flatten(c.model_dump()) for c in (checkpoint.config.changed(coming), checkpoint.config))
        coming = {key: value for key, value in coming.items() if said.get(key, value) != had.get(key)}
        if coming:
            run.apply(coming)
        run._take_changes()
        return run

    def _step(self) -> StepReport | None:
        """Do one iteration; None where it was given up."""
        started, before = self.clock(), self._generator.get_state()
        training = self.config.training
        rate = learning_rate(training, self.iteration, self.seconds)
        steps = training_steps(training, self.config.sde.steps, self.iteration, self.seconds)
        with single_threaded_kernels():
            try:
                x0 = self._batch(self._generator).to(self.device)
                found = self._engine.train(x0, steps, self._generator)
                self._agree(started)
            except (Cancelled, DataError, RankError) as problem:
                self._generator.set_state(before)
                if not isinstance(problem, Cancelled):  # a file was changed meanwhile, or a rank is gone
                    raise
                self._agreed = True
                return None
            marks = self.marks.step(self.iteration, steps)
            norm = self._weights.clip(training.clip)
            loss = float(found.value)
            if not (math.isfinite(loss) and math.isfinite(norm)) or self._watch.note(loss, bool(marks)):
                self._go_back(before, steps, loss, norm)
            if self.iteration % MEASURE_EVERY == 0 and not self._watch.far:
                self._good = self._weights.state(), self.iteration
            self._weights.update(rate, training)
            validation = self._look_back(self.iteration + 1)
        parts = found.contributions.float().cpu().numpy()
        seconds = self._seconds_after(started)
        bend = None if found.bend is None else float(found.bend)
        own = (loss, steps, parts, rate, norm, seconds, marks, validation, bend, self._by_rank(loss))
        report = StepReport(self.iteration + 1, *own)
        self.follow(report)
        if self.finished:
            self._weights.complete(self.dataset, self._pool, last=True)
        self.snapshots.note(self.flow, self.dataset, self.iteration, self.seconds)
        return report

    def _look_back(self, iteration: int) -> float | None:
        """What is due every 50 iterations; the NLL on the validation split, nats, where there is one."""
        if iteration % MEASURE_EVERY:
            return None
        self._weights.complete(self.dataset, self._pool)
        if not self._validates:
            return None
        from dnf_studio.core.evaluation.likelihoods import validation_nll

        nll = self._of_first(validation_nll(self._weights.average, self.dataset))
        if self.early_stopping.note(iteration, nll, self.config.training.patience):
            self._weights.keep()
        return nll if math.isfinite(nll) else None

    def _make_engine(self) -> Engine:
        hidden = choose_hidden_type(self.config.training.precision, self.device)
        return make_engine(self._weights.raw, self._pool, hidden, self._box)

    def _go_back(self, before: torch.Tensor, steps: int, loss: float, norm: float) -> None:
        """Find out what went wrong, return to the last good state and say so; never returns."""
        state, then = self._good
        failure = Failure(self.iteration + 1, then, steps, loss, norm, before, self._watch, self._batch)
        diagnosis = diagnose(failure, self._engine, self._weights.raw, self.dataset)
        self._weights.load(state)
        for record in (self.history, self.early_stopping, self.marks, self.snapshots):
            record.go_back(then)
        self.changes = [(min(iteration, then), change) for iteration, change in self.changes]
        self.iteration, self._watch.level = then, None
        raise TrainingDiverged(diagnosis)

    def _take_changes(self) -> None:
        while self._queue:
            change = self._queue.popleft()
            coming = self.config.changed(change)
            self.changes.append((self.iteration, change))
            self.marks.change(self.iteration, self.config, coming)
            self._adapt(coming)

    def _adapt(self, config: Config) -> None:
        """Go on with `config`, and set up engine and models as it says."""
        before, self.config = self.config, config
        if self.config.training.precision != before.training.precision:
            self._engine = self._make_engine()
        if self.config.sde != before.sde or not self.config.training.patience:
            self.early_stopping.forget()
            self._weights.best = None
        for flow in self._weights.models:
            flow.config = self.config
            if self.config.sde != before.sde:
                flow.set_grid(make_grid(self.config.sde))
