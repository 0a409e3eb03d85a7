"""What is said of a run that diverged: where it left the numbers, for which points, and what may help.

Plain facts, which another process may send; `doctor` finds them. What is watched while all is well costs a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from dnf_studio.config import Config
from dnf_studio.config.grids import MAX_STEPS
from dnf_studio.config.model_kinds import IN_NATS, MODEL_KINDS
from dnf_studio.errors import DivergenceError

TermName = Literal["data", "drift", "score", "noise", "prior", "predicted noise", "velocity", "change of volume"]
Cause = Literal["value", "gradient", "growth", "unknown"]
"""A term that is not finite; a gradient that is not while the loss is; a loss far above what it was; nothing found."""

FAR = 100.0
"""So many times the size of a loss above its level is far: method.md, section 6, has what was seen of runs."""
LONG = 10
"""Losses in a row that are far above: a single batch may have a point that no other has."""
PART = 0.05
"""Share of the newest loss in the running mean."""


@dataclass
class LossWatch:
    """Whether the loss has left the level it was at, by its running mean.

    `size` is what a loss of this kind is of: the number of components where it is a sum over them, else 1. Far is what
    lies `FAR` (`size` + |level|) above the least running mean so far; `LONG` such losses in a row are an explosion.
    """

    size: float = 1.0
    level: float | None = None
    """The least running mean so far; None before the first loss."""
    mean: float = 0.0
    far: int = 0
    """Losses up to now that were far above without one between them that was not."""

    @classmethod
    def of(cls, config: Config, dim: int) -> Self:
        """That of a run of such settings on data of `dim` components."""
        return cls(dim if MODEL_KINDS[config.model].objective in IN_NATS else 1)

    def note(self, loss: float, anew: bool = False) -> bool:
        """Take up a finite loss; whether it is an explosion, never where the level is to begin `anew`.

        So it is where settings have changed, for instance N: the loss has another level from there on.
        """
        level = self.level
        if level is None or anew:
            self.far = 0
            self.level = self.mean = loss
            return False
        if loss > level + FAR * (self.size + abs(level)):
            self.far += 1
            return self.far >= LONG
        self.far = 0
        self.mean += PART * (loss - self.mean)
        if self.mean < level:
            self.level = self.mean
        return False


@dataclass(frozen=True)
class Remedy:
    """A change of settings with which a run may go on from its last good state."""

    label: str
    """In short, for a button."""
    words: str
    """As the end of a sentence that begins with "try"."""
    change: Mapping[str, Any]
    """Dotted settings, as `Run.apply` takes them."""


@dataclass(frozen=True)
class Diagnosis:
    """Where and how a run left the numbers, and the state it is back at."""

    iteration: int
    """The iteration that failed."""
    back: int
    """The iteration of the last good state, at which the run is now."""
    cause: Cause
    loss: float
    """That of the batch; it need not be finite."""
    level: float | None
    """About what the loss was at its best, as far as that is known."""
    batch: int
    """Points in the batch."""
    term: TermName | None = None
    """The term that left the numbers first, from data to noise, or the largest one."""
    network: TermName | None = None
    """With a gradient that is not finite, whose network has it."""
    step: int = 0
    """The step of the chain, 1 next to the data … `steps` next to the noise."""
    steps: int = 0
    """N of that iteration."""
    time: float = 0.0
    """t at the end of that step."""
    nan: bool = False
    """Whether the term is no number, and not infinite."""
    onwards: bool = False
    """Whether later steps have it as well, at points of their own, which are among those told."""
    affected: int = 0
    """The points for which the term is not finite, or which make half of it; 0 where many do."""
    points: tuple[str, ...] = ()
    """The first of them in words, data units."""
    remedies: tuple[Remedy, ...] = field(default=())

    @property
    def facts(self) -> str:
        """What happened, as one sentence without its end."""
        return f"Training diverged at iteration {self.iteration:,}: {self._what}"

    @property
    def sentence(self) -> str:
        """What happened, where the run is now, and what may help."""
        words = [remedy.words for remedy in self.remedies]
        listed = " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
        return f"{self.facts}, and the run is back at iteration {self.back:,}{f'; try {listed}' if listed else ''}."

    @property
    def _what(self) -> str:
        loss = f"{self.loss:.3g}".replace("-", "−")
        if self.cause == "growth":
            level = "" if self.level is None else f" from {self.level:.3g}".replace("-", "−")
            return f"the loss rose{level} to {loss}{self._most}"
        if self.cause == "gradient":
            whose = f" of the {self.network}" if self.network else ""
            return f"the gradient{whose} is not finite while the loss is {loss}{self._most}"
        if self.cause == "unknown" or self.term is None:
            return "the loss is not finite, and no single term of it was found to be the cause"
        if self.term == "data":
            return f"the data {self._kind} for {self._whom}"
        return f"the {self.term} {self._place} {self._kind} for {self._whom}"

    @property
    def _most(self) -> str:
        """What most of the loss is, with the points that make half of that."""
        if self.term is None:
            return ""
        by = f", half of that from {self._whom}" if self.affected else ", from points all over the data"
        return f", most of it the {self.term} {self._place}{by}"

    @property
    def _kind(self) -> str:
        return "is not a number" if self.nan else "is infinite"

    @property
    def _place(self) -> str:
        if self.term == "prior":
            return f"after all {self.steps:,} steps"
        step = f"step {self.step:,} of {self.steps:,} (t = {self.time:.4g})"
        return f"from {step} on" if self.onwards else f"in {step}"

    @property
    def _whom(self) -> str:
        if self.affected == self.batch:
            return f"all {self.batch:,} points"
        such = "" if not self.points else f", {'' if self.affected == 1 else 'such as '}{self.points[0]}"
        return f"{self.affected:,} of {self.batch:,} points{such}"


class TrainingDiverged(DivergenceError):
    """A run left the numbers and is back at its last good state, from which it may go on; `diagnosis` has the facts."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.sentence)
        self.diagnosis = diagnosis

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.diagnosis,)


def remedies_for(config: Config, precision: str) -> tuple[Remedy, ...]:
    """What may keep a run of these settings, with hidden layers of this `precision`, from diverging again.

    A third of the learning rate, but not more than its default; twice the steps where training takes steps, a tenth of
    the gradient clip, and float32.
    """
    rate = _short(min(config.training.learning_rate / 3, config.defaults().training.learning_rate))
    clip, steps = _short(config.training.clip / 10), config.sde.steps
    found = [Remedy(f"Rate {rate:g}", f"a learning rate of {rate:g}", {"training.learning_rate": rate})]
    if MODEL_KINDS[config.model].objective in ("bound", "likelihood") and 2 * steps <= MAX_STEPS:
        found.append(Remedy(f"N {2 * steps:,}", f"N = {2 * steps:,}", {"sde.steps": 2 * steps}))
    found.append(Remedy(f"Clip {clip:g}", f"a gradient clip of {clip:g}", {"training.clip": clip}))
    if precision != "float32":
        found.append(Remedy("float32", "float32", {"training.precision": "float32"}))
    return tuple(found)


def _short(value: float) -> float:
    """`value` with two digits."""
    return float(f"{value:.2g}")
