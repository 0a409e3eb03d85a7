"""A training run as an iterable of reports.

Command line, window and scripts only drive a `Run`: they iterate, queue changes and save. It
knows nothing of display. Between two yields it applies what was queued; a change yields a new
config and is kept with its iteration.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor

from dnf_studio.config import Config, flatten
from dnf_studio.config.model_defaults import MOST_WITH_FEATURES
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.files import as_path
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import build_model
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels, worker_threads
from dnf_studio.core.sde.grid import make_grid
from dnf_studio.core.training.early_stopping import EarlyStopping
from dnf_studio.core.training.engine import Engine, make_engine
from dnf_studio.core.training.hardware import choose_device, choose_hidden_type
from dnf_studio.core.training.history import History
from dnf_studio.core.training.inward import box_of
from dnf_studio.core.training.marks import Marks
from dnf_studio.core.training.report import StepReport
from dnf_studio.core.training.schedules import learning_rate, remaining_steps, training_steps
from dnf_studio.core.training.weights import TrainedWeights
from dnf_studio.errors import Cancelled, CheckpointError, DivergenceError, SettingError, cancel_when

__all__ = ["Run"]

FIXED = ("data", "validation", "test", "drop_constant", "model", "network.", "training.seed", "training.device")
GOOD_STATE_EVERY = 50
COVERED_POINTS = 10_000
"""By which the networks are told where the data lies."""


class Run:
    """Trains a model on a data set; iterate to train, one `StepReport` an iteration.

    `threads` is the number of block threads, all usable cores unless given; it changes speed
    only, never a result. Raises `SettingError` for a device that is not there, `DataError` or
    `UnknownNameError` for data that cannot be opened and `UnsupportedError` for networks that need other data.
    """

    def __init__(self, config: Config, data: Dataset | None = None, threads: int | None = None) -> None:
        self.config = config
        self.device = choose_device(config.training.device)
        self.dataset = open_configured(config) if data is None else data
        self._generator = torch.Generator().manual_seed(config.training.seed)
        # The networks' first weights come from the run's own generator, not from the global one
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed)
            flow = build_model(self.dataset.dim, config, self.dataset.standardisation, image=self.dataset.image)
        self._box: Tensor | None = None
        if self.dataset.dim <= MOST_WITH_FEATURES:
            points = self.dataset.draw(COVERED_POINTS, torch.Generator().manual_seed(0))
            flow.cover(points)
            self._box = box_of(points)
        self._weights = TrainedWeights(flow.to(self.device), config.training)
        self._pool = BlockPool(threads or worker_threads(self.device))
        self._engine = self._make_engine()
        self._queue: deque[dict[str, Any]] = deque()
        self.iteration, self.seconds = 0, 0.0
        self._pace: float | None = None
        self.changes: list[tuple[int, dict[str, Any]]] = []
        self.history, self.marks = History(), Marks()
        self.metrics: dict[str, float | None] = {}
        self._good = self._weights.state(), 0
        self.early_stopping = EarlyStopping(self.dataset)

    @property
    def flow(self) -> GenerativeModel:
        """The model with the weights that sampling uses: their moving average (EMA), the best by a validation split."""
        return self.early_stopping.best or self._weights.average

    @property
    def precision(self) -> str:
        """The type of the hidden layers, `float32` or `bfloat16`."""
        return str(self._engine.hidden).removeprefix("torch.")

    @property
    def finished(self) -> bool:
        """Whether the totals of the config are reached, or the validation NLL falls no more."""
        training = self.config.training
        return self.early_stopping.exhausted(training.patience) or training.reached(self.iteration, self.seconds)

    def remaining(self) -> float | None:
        """Seconds of training left, None before the first iteration here of a run counted in iterations."""
        training = self.config.training
        if training.seconds is not None:
            return max(0.0, training.seconds - self.seconds)
        if self._pace is None:
            return None
        return self._pace * remaining_steps(training, self.config.sde.steps, self.iteration)

    def apply(self, change: Mapping[str, Any]) -> Config:
        """Queue a change of settings, dotted (``sde.steps``) or nested; it acts before the next iteration.

        Returns the config as it will be. Raises `SettingError` at once, with nothing queued, for
        a value that cannot be or a setting that is fixed during a run.
        """
        if not isinstance(change, Mapping):
            raise SettingError(f"A change is a mapping such as {{'sde.steps': 20}}, not {change!r:.100}.")
        flat = flatten(change)
        for key in flat:
            if key.startswith(FIXED):
                raise SettingError(f"The setting '{key}' cannot change during a run; start a new run with it.")
        coming = self.config
        for earlier in (*self._queue, flat):
            coming = coming.changed(earlier)
        # As the settings have them: a NumPy number would keep the run from being saved
        self._queue.append({key: reduce(getattr, key.split("."), coming) for key in flat})
        return coming

    def __iter__(self) -> Iterator[StepReport]:
        """Train until the totals are reached; may be left and taken up again at any report."""
        self._take_changes()
        while not self.finished:
            self.metrics.clear()
            report = self._step()
            if report is None:
                return
            yield report
            self._take_changes()

    def interrupt_when(self, asked: Callable[[], bool]) -> None:
        """End iterating as soon as `asked()`, called by any thread, says so within an iteration of many seconds.

        That iteration is then given up as if it had not begun; iterating again repeats it.
        """
        self._pool.check = cancel_when(asked)

    def save(self, path: Path | str, kind: Literal["run", "weights"] = "run") -> None:
        """Write a checkpoint: `run` to resume from, `weights` to sample with."""
        from dnf_studio.core.storage.checkpoint import save_checkpoint
        from dnf_studio.core.training.resume import checkpoint_of

        if kind not in ("run", "weights"):
            raise SettingError(f"A checkpoint is of the kind run or weights, not {kind!r:.100}.")
        save_checkpoint(as_path(path, CheckpointError), checkpoint_of(self, kind))

    @classmethod
    def resume(cls, path: Path | str, changes: Mapping[str, Any] | None = None, threads: int | None = None) -> Self:
        """Take up a run where its checkpoint left it, on CPU to the bit, with `changes` applied.

        Of what is fixed during a run, the device may be among the changes, and `data`, `validation` and `test`, where
        they have moved. The rows stay on the side of the split that they are on. Raises
        `CheckpointError` if the file holds no run or its data is no longer the same.
        """
        from dnf_studio.core.storage.checkpoint import read_checkpoint
        from dnf_studio.core.training.resume import restore

        checkpoint = read_checkpoint(as_path(path, CheckpointError))
        if checkpoint.kind != "run":
            raise CheckpointError(f"'{path}' holds weights only, no run that could be resumed.")
        coming = flatten(changes or {})
        movable = coming.keys() & {"training.device", "data", "validation", "test", "drop_constant"}
        place = {key: coming.pop(key) for key in movable}
        own = {key: getattr(checkpoint.config, key) for key in ("validation", "test")}
        config = checkpoint.config.changed(own | place)
        run = cls(config, open_configured(config, checkpoint.data.split), threads)
        if run.dataset.fingerprint != checkpoint.data.fingerprint:
            raise CheckpointError(f"The data '{run.config.data}' is not what '{path}' was trained on.")
        restore(run, checkpoint)
        # What the run has already is no change, also of what is fixed while it goes on
        said, had = (flatten(c.model_dump()) for c in (checkpoint.config.changed(coming), checkpoint.config))
        coming = {key: value for key, value in coming.items() if said.get(key, value) != had.get(key)}
        if coming:
            run.apply(coming)
        run._take_changes()
        return run

    def _step(self) -> StepReport | None:
        """One iteration; None where it was given up."""
        started = time.perf_counter()
        training = self.config.training
        rate = learning_rate(training, self.iteration, self.seconds)
        steps = training_steps(training, self.config.sde.steps, self.iteration, self.seconds)
        before = self._generator.get_state()
        x0 = self.dataset.draw(training.batch, self._generator).to(self.device)
        with single_threaded_kernels():
            try:
                found = self._engine.train(x0, steps, self._generator)
            except Cancelled:
                self._generator.set_state(before)
                return None
            marks = self.marks.step(self.iteration, steps)
            norm = self._weights.clip(training.clip)
            loss = float(found.value)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                self._go_back()
            self._weights.update(rate, training)
            validation = self.early_stopping.note(self.iteration + 1, self._weights.average, training.patience)
        self.iteration += 1
        if self.iteration % GOOD_STATE_EVERY == 0:
            self._good = self._weights.state(), self.iteration
        self.history.add(self.iteration, loss)
        elapsed = time.perf_counter() - started
        self.seconds += elapsed
        pace = elapsed / steps
        self._pace = pace if self._pace is None else 0.9 * self._pace + 0.1 * pace
        parts = found.disagreement.float().cpu().numpy()
        return StepReport(self.iteration, loss, steps, parts, rate, norm, self.seconds, marks, validation)

    def _make_engine(self) -> Engine:
        hidden = choose_hidden_type(self.config.training.precision, self.device)
        return make_engine(self._weights.raw, self._pool, hidden, self._box)

    def _go_back(self) -> None:
        """Return to the last good weights and say so; never returns."""
        state, then = self._good
        self._weights.restore(state)
        raise DivergenceError(
            f"Training diverged at iteration {self.iteration + 1}: the loss is no longer finite, and the weights of "
            f"iteration {then} are back; try a lower learning rate than {self.config.training.learning_rate:g} "
            "or a larger g."
        )

    def _take_changes(self) -> None:
        while self._queue:
            change = self._queue.popleft()
            before, self.config = self.config, self.config.changed(change)
            self.changes.append((self.iteration, change))
            self.marks.change(self.iteration, before, self.config)
            self._follow(before)

    def _follow(self, before: Config) -> None:
        """Let engine and models be as the config says, which was `before`."""
        if self.config.training.precision != before.training.precision:
            self._engine = self._make_engine()
        if self.config.sde != before.sde or not self.config.training.patience:
            self.early_stopping.forget()
        for flow in (self._weights.raw, self._weights.average, *filter(None, [self.early_stopping.best])):
            flow.config = self.config
            if self.config.sde != before.sde:
                flow.set_grid(make_grid(self.config.sde))
