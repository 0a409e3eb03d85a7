"""What is measured of a model for a report: likelihoods point by point, excess, samples by their number of steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import SEEDS, StepRow, step_rows
from dnf_studio.core.evaluation.chain_bounds import ChainBounds, attainable_of, entropy_of
from dnf_studio.core.evaluation.excess_rows import ExcessRow, excess_rows
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.evaluation.likelihoods import affordable_points, mean_and_error
from dnf_studio.core.exploration.displayed import Displayed, displayed_paths, displayed_points
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.core.sde.sample_settings import AS_VIEWED
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.errors import Check, StudioError, continued

SHOWN = 400
"""Points of the two processes that are drawn."""
IMAGES = 64
FEWER = 4
"""Times fewer samples of a U-Net."""
Doubles = NDArray[np.float64]
PATHS = "both processes"
STEPS = (5, 10)
"""Numbers of steps at which samples are measured, beside a model's own, where none are given."""


@dataclass(frozen=True)
class Effort:
    """On how many points what is measured, which decides how certain it is."""

    words: str
    bound: int
    ode: int
    excess: int
    neighbours: int
    samples: int
    """Samples of a set, of which each N has five."""
    up_to: int | None = None
    """The N up to which there are so many samples, and paths of the excess; beyond it there are fewer, so that an N
    costs no more than this one."""

    def samples_at(self, flow: GenerativeModel, steps: int) -> int:
        """Samples of a set at N = `steps`, of a U-Net, which costs a hundred times as much a point, fewer."""
        count = self._within(self.samples, steps)
        return max(1, count if flow.config.network.kind == "mlp" else count // FEWER)

    def excess_at(self, steps: int) -> tuple[int, int]:
        """Paths whose excess is told by the ODE, and points for nearest neighbours, of a model with so many steps."""
        return self._within(self.excess, steps), self._within(self.neighbours, steps)

    def _within(self, count: int, steps: int) -> int:
        return count if self.up_to is None else max(1, count * self.up_to // max(steps, self.up_to))


QUICK = Effort("quickly", 4_000, 300, 48, 4_000, 4_000, 30)
"""Some fifteen seconds of one core for a bundled model of two components."""
FULL = Effort("in full, as evaluate measures", 20_000, 2_000, 400, 20_000, 200_000)
"""Some minutes."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model that is reported on."""

    name: str
    source: str
    """Its file or bundled name; empty of one that is in memory."""
    flow: GenerativeModel
    checkpoint: Checkpoint
    """What is known of it; its sum is empty where it is no file."""
    dataset: Dataset | None
    """What it is measured on."""
    told: str = ""
    """Why there is no data, or what is to be said of it, as a sentence."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found; None where it cannot be had of this model, or its data is not here."""

    subject: Subject
    effort: Effort
    displayed: Displayed
    """Both processes of `SHOWN` points at the model's own N."""
    bound: Doubles | None = None
    """The bound at each of the first fresh points of seed 0, nats."""
    ode: Doubles | None = None
    """The NLL of the probability-flow ODE at these, nats."""
    entropy: float | None = None
    attainable: float | None = None
    excess: tuple[ExcessRow, ...] | None = None
    excess_points: int = 0
    """Fresh points that it is the mean over."""
    by_steps: tuple[StepRow, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    """What could not be measured, and why."""

    def mean(self, name: str) -> tuple[float | None, float | None]:
        """Mean and standard error of ``bound`` or ``ode`` over its points."""
        values = getattr(self, name)
        return (None, None) if values is None else mean_and_error(torch.from_numpy(values))


def measure(
    subject: Subject, effort: Effort, steps: Sequence[int], check: Check = lambda: None
) -> Generator[tuple[float, str], None, Measured]:
    """Measure a model on its data: yields the share of the parts that is done and what is being measured, in words,
    and returns what was found.

    What fails is told in `Measured.failed` and left out, but for the paths, without which there is no report. `check`
    is called between two parts and raises to leave.
    """
    flow, dataset, parts = subject.flow, subject.dataset, dict[str, Any]()
    failed: dict[str, str] = {}
    todo = list(_parts(subject, effort, steps, check))
    for k, (words, work) in enumerate(todo):
        yield k / len(todo), f"{subject.name}: {words}"
        check()
        try:
            parts[words] = work()
        except StudioError as error:
            failed[words] = str(error)
    if PATHS in failed:
        raise StudioError(f"The paths of {subject.name} cannot be drawn: {continued(failed[PATHS])}")
    rows = parts.get("excess by step")
    return Measured(
        subject,
        effort,
        parts[PATHS],
        bound=parts.get("bound"),
        ode=parts.get("NLL of the ODE"),
        entropy=None if dataset is None else entropy_of(flow, dataset),
        attainable=None if dataset is None else attainable_of(flow, dataset),
        excess=None if rows is None else rows.by_step,
        excess_points=0 if rows is None else rows.points,
        by_steps=tuple(row for n in steps for row in parts.get(f"samples at N = {n}", ())),
        failed=failed,
    )


def measure_all(
    subjects: Sequence[Subject], effort: Effort, steps: Sequence[int], check: Check = lambda: None
) -> Generator[tuple[float, str], None, list[Measured]]:
    """`measure` each of several models, without `steps` at 5, 10 and its own; yields the share of the whole that is
    done and what is being measured.
    """
    found: list[Measured] = []
    for subject in subjects:
        work = measure(subject, effort, sorted(set(steps) or {*STEPS, subject.flow.grid().steps}), check)
        try:
            while True:
                done, words = next(work)
                yield (len(found) + done) / len(subjects), words
        except StopIteration as end:
            found.append(end.value)
    return found


def _parts(
    subject: Subject, effort: Effort, steps: Sequence[int], check: Check
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is to be measured, each part with its name."""
    flow, dataset = subject.flow, subject.dataset
    yield PATHS, lambda: _displayed(flow, dataset)
    if dataset is None:
        return
    chained, dense = flow.checked_solver(None).chain is not None, "divergence" not in flow.lacks
    if chained:
        yield "bound", lambda: _values(ChainBounds(flow, dataset).values(affordable_points(flow, effort.bound)))
    if dense:
        points = fresh_points(flow, dataset, affordable_points(flow, effort.ode), 0)
        yield "NLL of the ODE", lambda: _values(ode_nll(flow, points))
    if chained and dense:
        yield "excess by step", lambda: excess_rows(flow, dataset, None, *effort.excess_at(flow.grid().steps))
    for n in steps:
        # Each N has seeds of its own, so that it does not matter that they are measured one by one
        draw = partial(step_rows, flow, dataset, (n,), effort.samples_at(flow, n), SEEDS, lambda _set: check())
        yield f"samples at N = {n}", draw


def _displayed(flow: GenerativeModel, dataset: Dataset | None) -> Displayed:
    count = IMAGES if flow.image is not None else SHOWN
    with torch.no_grad(), single_threaded_kernels():
        x0 = displayed_points(flow, dataset, count).cpu()
        return displayed_paths(flow, flow.grid(), x0, AS_VIEWED)


def _values(found: torch.Tensor) -> Doubles:
    values: Doubles = found.detach().cpu().double().numpy()
    return values
