"""What a run reports after each iteration, and its history: the record that a checkpoint keeps.

The loss curve, kept small however long the run is; what changed while it went on; and when the NLL on the validation
split was at its best.
"""

from __future__ import annotations

import itertools
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.config import Config, flatten
from dnf_studio.config.grids import grid_label
from dnf_studio.errors import SettingError

STAGE = "stage"
"""Name of a mark for an N that the run itself goes on to."""
MOST_MARKS = 1000
MOST_POINTS = 1000
"""Most points of a curve."""
MOST_CHANGES = 1 << 19
"""Bytes of JSON of all changes of settings: with them a checkpoint's header stays within `MAX_HEADER`."""
Value = bool | int | float | str | None


def check_changes(changes: Sequence[object]) -> None:
    """Raise `SettingError` where a file could not keep all `changes` of a run."""
    if len(json.dumps(changes)) > MOST_CHANGES:
        raise SettingError(
            "The settings of this run were changed so often that its file could keep no more; begin a new one."
        )


@dataclass(frozen=True)
class Mark:
    """A change of a setting: from iteration `iteration` + 1 on, `name` is `after` and no longer `before`."""

    iteration: int
    name: str
    """A dotted setting such as ``sde.steps``, or `STAGE` for the N of progressive training."""
    before: Value
    after: Value


@dataclass(frozen=True)
class StepReport:
    """The report on one finished iteration.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> run = dnf.train("moons", steps=4, iterations=2, batch=32, device="cpu")
    >>> [(report.iteration, report.disagreement.shape) for report in run]
    [(1, (4,)), (2, (4,))]
    """

    iteration: int
    """Iterations done since the run began, resumed parts included."""
    loss: float
    """Loss of this batch with the raw weights: the bound at this iteration's N in nats of standardised data, or the
    model's other training objective."""
    steps: int
    """N of this iteration; a progressive run begins with fewer than it ends with."""
    disagreement: NDArray[np.float32]
    """Mean ½(‖δB_i‖² − ‖δF_i‖²) of each step, (N,), nats, of this batch; N is that of this iteration.
    (0,) for a model that is not trained on paths."""
    learning_rate: float
    gradient_norm: float
    """Norm of the gradient before clipping."""
    seconds: float
    """Training time since the run began, pauses left out, resumed parts included."""
    marks: tuple[Mark, ...] = ()
    """What changed just before this iteration."""
    validation: float | None = None
    """The NLL on the validation split with the averaged weights after this iteration, nats, where it was measured:
    the bound, or that of a flow."""
    bend: float | None = None
    """Mean bend of the paths of this batch where training straightens them (method.md, section 6); not in `loss`."""
    ranks: tuple[float, ...] = ()
    """Loss of the part of this batch that each process had, in the order of ranks; empty where one process trains."""


@dataclass
class History:
    """A curve by iteration: means of `stride` values each; the stride doubles when the curve is full."""

    stride: int = 1
    iterations: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    """Values that wait until there are `stride` of them."""

    def add(self, iteration: int, loss: float) -> None:
        """Take up the value of one iteration."""
        self.open.append(loss)
        if len(self.open) < self.stride:
            return
        self.iterations.append(iteration)
        self.losses.append(sum(self.open) / len(self.open))
        self.open.clear()
        if len(self.losses) >= MOST_POINTS:
            self.iterations = self.iterations[1::2]
            self.losses = [(a + b) / 2 for a, b in zip(self.losses[::2], self.losses[1::2], strict=True)]
            self.stride *= 2

    def go_back(self, iteration: int) -> None:
        """Forget what came after `iteration`, and of a mean that spans it all."""
        kept = bisect_right(self.iterations, iteration)
        del self.iterations[kept:], self.losses[kept:]
        self.open.clear()

    def as_dict(self) -> dict[str, Any]:
        """The curve as plain values for the JSON of a checkpoint, in lists of their own."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """Read what `as_dict` gave."""
        return cls(values["stride"], list(values["iterations"]), list(values["losses"]), list(values["open"]))

    @classmethod
    def read(cls, values: object) -> History:
        """Read what `as_dict` gave, for a look only; anything else is empty."""
        try:
            history = cls.from_dict(values)  # type: ignore[arg-type]
            steps = [b - a for a, b in itertools.pairwise([0, *history.iterations])]
            losses = [float(loss) for loss in history.losses]
            increasing = len(losses) == len(steps) and all(step > 0 for step in steps)
            sound = increasing and history.stride >= 1 and all(map(math.isfinite, losses))
        except (TypeError, ValueError, KeyError, OverflowError):
            return cls()
        return history if sound else cls()


@dataclass
class EarlyStopping:
    """When the NLL on the validation split was at its best, and how long ago that is.

    The weights of that moment are kept beside those in training (`TrainedWeights.best`).
    """

    best_nll: float | None = None
    """Nats of the standardised data, None before the first measure and without patience."""
    best_iteration: int = 0
    measured: int = 0
    """The iteration of the last measure."""
    history: History = field(default_factory=History)
    """NLL by iteration, thinned out as that of the loss is."""

    def note(self, iteration: int, nll: float, patience: int) -> bool:
        """Take up the NLL measured after `iteration`; whether it is the best yet, never with a `patience` of 0."""
        self.measured = iteration
        if not math.isfinite(nll):
            return False
        self.history.add(iteration, nll)
        better = bool(patience) and (self.best_nll is None or nll < self.best_nll)
        if better:
            self.best_nll, self.best_iteration = nll, iteration
        return better

    @property
    def waited(self) -> int | None:
        """Iterations from the best measure to the last one; None before there is one."""
        return None if self.best_nll is None else self.measured - self.best_iteration

    def exhausted(self, patience: int) -> bool:
        """Whether the NLL has not fallen below its best for `patience` iterations; never with 0."""
        return bool(patience) and self.waited is not None and self.waited >= patience

    def go_back(self, iteration: int) -> None:
        """Forget what was measured after `iteration`; the best weights are kept, whenever they were."""
        self.history.go_back(iteration)
        self.measured = min(self.measured, iteration)

    def forget(self) -> None:
        """Begin anew: what was measured with another time grid cannot be compared, and without patience nothing is."""
        self.best_nll = None

    def as_dict(self) -> dict[str, Any]:
        """All but the curve, for the JSON of a checkpoint; nothing before the first measure."""
        if self.best_nll is None:
            return {}
        return {"best_nll": self.best_nll, "best_iteration": self.best_iteration, "measured": self.measured}

    @classmethod
    def from_dict(cls, values: object, history: History | None = None) -> EarlyStopping:
        """Read what `as_dict` gave, with the curve beside it; anything else knows no best."""
        curve = history or History()
        try:
            best, measured = int(values["best_iteration"]), int(values["measured"])  # type: ignore[index]
            return cls(float(values["best_nll"]), best, measured, curve)  # type: ignore[index]
        except (TypeError, ValueError, KeyError, OverflowError):
            return cls(history=curve)


class Marks:
    """The marks of a run in order, the newest 1,000 of them."""

    def __init__(self, marks: Iterable[Mark] = (), steps: int | None = None) -> None:
        self._marks = list(marks)
        self._steps = steps
        self._fresh: list[Mark] = []

    @property
    def all(self) -> tuple[Mark, ...]:
        """Every mark so far."""
        return tuple(self._marks)

    @property
    def steps(self) -> int | None:
        """N of the last iteration; None before the first."""
        return self._steps

    def change(self, iteration: int, before: Config, after: Config) -> None:
        """Note what differs between two settings; two changes of one setting at one iteration are one mark."""
        old, new = flatten(before.model_dump()), flatten(after.model_dump())
        for name in new:
            if old[name] != new[name]:
                self._put(Mark(iteration, name, _short(old[name]), _short(new[name])))

    def step(self, iteration: int, steps: int) -> tuple[Mark, ...]:
        """Note that the next iteration has N = `steps`; returns the marks since the last call.

        An N that follows from a change of ``sde.steps`` made just now is no stage of its own.
        """
        told = any(mark.name == "sde.steps" for mark in self._fresh)
        if self._steps not in (None, steps) and not told:
            self._put(Mark(iteration, STAGE, self._steps, steps))
        self._steps = steps
        fresh, self._fresh = tuple(self._fresh), []
        return fresh

    def follow(self, told: Sequence[Mark]) -> None:
        """Take up marks of a copy of the run elsewhere, as far as they are not here."""
        self._marks = [*self._marks, *(mark for mark in told if mark not in self._marks)][-MOST_MARKS:]

    def go_back(self, iteration: int) -> None:
        """Let settings that changed after `iteration` have changed there, and stages of training be yet to come."""
        later = [mark for mark in self._marks if mark.name == STAGE and mark.iteration > iteration]
        if later and isinstance(later[0].before, int):
            self._steps = later[0].before
        self._marks = [
            replace(mark, iteration=min(mark.iteration, iteration)) for mark in self._marks if mark not in later
        ]
        self._fresh.clear()

    def as_dict(self) -> dict[str, object]:
        """The marks as plain values for the JSON of a checkpoint."""
        return {"steps": self._steps, "marks": [list(astuple(mark)) for mark in self._marks]}

    @classmethod
    def from_dict(cls, values: object) -> Marks:
        """Read what `as_dict` gave; anything else has no marks."""
        try:
            rows, steps = values["marks"], values["steps"]  # type: ignore[index]
            marks = [Mark(int(row[0]), str(row[1]), _plain(row[2]), _plain(row[3])) for row in rows]
            return cls(marks[-MOST_MARKS:], None if steps is None else int(steps))
        except (TypeError, ValueError, KeyError, IndexError, OverflowError):
            return cls()

    def _put(self, mark: Mark) -> None:
        for marks in (self._marks, self._fresh):
            for earlier in marks[-10:]:
                if (earlier.iteration, earlier.name) == (mark.iteration, mark.name):
                    marks.remove(earlier)
                    mark = Mark(mark.iteration, mark.name, earlier.before, mark.after)
                    break
            if mark.before != mark.after:
                marks.append(mark)
            del marks[:-MOST_MARKS]


def _short(value: Any) -> Value:  # noqa: ANN401 - any setting
    """A value in short: a custom grid in words, for its nodes would fill the plot."""
    return grid_label(value) if isinstance(value, tuple) else value


def _plain(value: object) -> Value:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError("not a plain value")
