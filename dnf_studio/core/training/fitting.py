"""A run trained to its end at one call, as scripts do it: its progress shown, and ended by Ctrl-C in good order."""

from __future__ import annotations

import signal
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.files import as_path
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.core.storage.origins import remember
from dnf_studio.core.storage.snapshots import save_snapshots
from dnf_studio.core.training.schedules import remaining_steps
from dnf_studio.core.training.snapshots import SAVED_BYTES, Snapshots, thinned
from dnf_studio.errors import CheckpointError
from dnf_studio.facts import WithFacts
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    import torch

    from dnf_studio.core.training.record import EarlyStopping, StepReport
    from dnf_studio.core.training.state import RunState


class Fitting(WithFacts):
    """What a `Run` has for scripts: when it ends, how long that takes, and all of it at one call."""

    config: Config
    dataset: Dataset
    device: torch.device
    iteration: int
    seconds: float
    early_stopping: EarlyStopping
    snapshots: Snapshots
    """The weights at some of its iterations, few and evenly spread over their square roots."""
    _pace: float | None

    @abstractmethod
    def __iter__(self) -> Iterator[StepReport]: ...

    @abstractmethod
    def interrupt_when(self, asked: Callable[[], bool]) -> None: ...

    @abstractmethod
    def state(self) -> RunState: ...

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
        left = remaining_steps(training, self.config.sde.steps, self.iteration)
        return None if self._pace is None else self._pace * left

    def save(self, path: Path | str, kind: Literal["run", "weights"] = "run", snapshots: bool = False) -> None:
        """Write a checkpoint: `run` to resume from, `weights` to sample with; raises `SettingError` for other kinds.

        With `snapshots` the weights at earlier iterations go into a folder beside it, ``rings.snapshots``; without,
        those of a run that it takes the place of go.
        """
        file = as_path(path, CheckpointError)
        save_checkpoint(file, self.state().checkpoint(kind))
        save_snapshots(thinned(self.snapshots.all, self.iteration, SAVED_BYTES) if snapshots else (), file)

    def fit(self, progress: bool = True) -> GenerativeModel:
        """Train to the end of the run and return its model, the one with the weights that sampling uses.

        Ctrl-C ends the training after the iteration at hand and returns what there is; calling again goes on. A run
        that is finished is not trained further.

        Parameters
        ----------
        progress
            Whether to show how far it is: a bar in a terminal or a notebook, else a line every ten seconds.

        Returns
        -------
        GenerativeModel
            A model of its own, ready to sample: further training of the run does not change it.

        Raises
        ------
        DivergenceError
            Where the loss is no longer finite; `flow` is then the model of the last good state.

        Examples
        --------
        >>> import dnf_studio as dnf
        >>> run = dnf.train("moons", steps=4, iterations=2, batch=32, device="cpu")
        >>> model = run.fit(progress=False)
        >>> run.finished, run.iteration
        (True, 2)
        """
        # Long by its docstring, which tells each parameter
        with _interrupt() as asked, Progress("Training", progress) as bar:
            self.interrupt_when(asked)
            try:
                for report in self:
                    left = self.remaining()
                    done = None if left is None else report.seconds / (report.seconds + left or 1.0)
                    bar.update(done, f"{report.iteration:,} iterations, N = {report.steps}, loss {report.loss:.3f}")
                    if asked():
                        break
            finally:
                self.interrupt_when(lambda: False)
        if asked() and not self.finished:
            note(f"Stopped after {self.iteration:,} iterations; the model is as it is then.")
        checkpoint = self.state().checkpoint("weights")
        return remember(checkpoint.build().to(self.device), checkpoint, self.dataset)

    def _facts(self) -> Mapping[str, object]:
        training = self.config.training
        total = f"{training.iterations:,} iterations" if training.seconds is None else f"{training.seconds:g} s"
        return {
            "model": self.config.model,
            "data": self.dataset.name,
            "dim": self.dataset.dim,
            "steps": self.config.sde.steps,
            "iteration": self.iteration,
            "of": total,
            "finished": self.finished,
            "device": str(self.device),
        }


@contextmanager
def _interrupt() -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C is a wish, which the result tells of; the second raises as ever."""
    came = False

    def take(_signum: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    # Only the main thread is told of signals, and a program that ignores them keeps doing so
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if here else None
    if not here or before in (signal.SIG_IGN, None):
        yield lambda: came
        return
    signal.signal(signal.SIGINT, take)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)
