"""Models of several files beside each other: what their files hold, and what has to be measured for it.

Whatever a file's history and metrics say is taken from there; measured is what no file holds: the quality of samples
by N, likelihoods with their errors, and the excess of each step. Imports torch only where it works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Check, DataError, StudioError

if TYPE_CHECKING:
    from dnf_studio.config.model_kinds import Objective
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.variants import Variant
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint

SAMPLES = 40_000
EXCESS_POINTS, BLOCK = 256, 64
"""Fresh points whose excess is measured, and how many of them between two looks at `check`."""
NO_FILE = "The data '{}' is not here, so nothing can be measured with it."
Array = NDArray[np.float64]
What = Literal["quality", "bound", "ode", "excess"]


@dataclass(frozen=True, eq=False)
class Curve:
    """Values by iteration, means of several iterations each."""

    iterations: NDArray[np.int64]
    values: Array
    seconds: Array
    """Training time at each, s: that of the whole run shared out by what its iterations cost."""
    multiply_adds: Array | None
    """Multiply-adds of training until each; None where nobody has counted them."""


@dataclass(frozen=True, eq=False)
class Record:
    """What the file of a model says of it."""

    sha256: str
    model: str
    """The kind of model."""
    objective: Objective
    """What its loss is."""
    data: object
    """What distances are to, and their units: equal where those of two models can be compared."""
    data_name: str
    entropy: float | None
    """Exact entropy of the data, nats."""
    steps: int
    """N of training."""
    iteration: int
    seconds: float
    parameters: int
    multiply_adds: int | None
    """Multiply-adds of all of its training."""
    metrics: Mapping[str, float]
    loss: Curve
    validation: Curve
    """NLL on the validation split, nats; empty where there was none."""


@dataclass(frozen=True)
class Likelihood:
    """An NLL with its standard error, nats; None where it is not known or not finite."""

    nll: float | None
    error: float | None


@dataclass(frozen=True, eq=False)
class Excess:
    """The excess of each step of the model's own chain, nats, (N,), with standard errors."""

    mean: Array
    error: Array
    points: int


@dataclass(frozen=True)
class Job:
    """One thing to measure of one model."""

    sha256: str
    what: What
    steps: int | None = None
    """N, for the quality."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What came of a job: its value, or the sentence that says why there is none."""

    job: Job
    value: Variant | Likelihood | Excess | None
    missing: str = ""


def read_record(path: Path) -> Record:
    """The record of the checkpoint at `path`; raises `CheckpointError`."""
    from dnf_studio.config.model_kinds import MODEL_KINDS
    from dnf_studio.core.storage.checkpoint import read_checkpoint
    from dnf_studio.core.training.cost import cost_at
    from dnf_studio.core.training.record import History, Marks

    found = read_checkpoint(path)
    flow = found.build()
    marks = Marks.from_dict(found.history.get("marks"))

    def curve(name: str) -> Curve:
        history = History.read(found.history.get(name))
        costs = cost_at(flow, found.config, marks, (*history.iterations, found.iteration))
        at = np.array(history.iterations, np.int64)
        shares = at / max(1, found.iteration)
        if costs is not None and costs[-1]:
            shares = np.array(costs[:-1], float) / costs[-1]
        adds = None if costs is None else np.array(costs[:-1], float)
        return Curve(at, np.array(history.losses, float), found.seconds * shares, adds)

    total = cost_at(flow, found.config, marks, (found.iteration,))
    return Record(
        sha256=found.sha256,
        model=found.config.model,
        objective=MODEL_KINDS[found.config.model].objective,
        data=(found.data.fingerprint, found.standardisation),
        data_name=found.data.name or found.config.data,
        entropy=found.data.entropy,
        steps=found.config.sde.steps,
        iteration=found.iteration,
        seconds=found.seconds,
        parameters=sum(value.numel() for value in flow.parameters()),
        multiply_adds=None if total is None else total[0],
        metrics={name: float(value) for name, value in found.metrics.items() if value is not None},
        loss=curve("loss"),
        validation=curve("validation"),
    )


def jobs_of(sums: Sequence[str], steps: Sequence[int]) -> tuple[Job, ...]:
    """All there is to measure of these models: what is quick of all of them first, and equal N after each other."""
    single: tuple[What, ...] = ("bound", "excess", "ode")
    known = tuple(dict.fromkeys(sums))
    return (
        *(Job(one, "quality", n) for n in sorted(set(steps)) for one in known),
        *(Job(one, what) for what in single for one in known),
    )


def measure(
    files: Mapping[str, Path], jobs: Sequence[Job], threads: int | None, check: Check
) -> Iterator[Measured | tuple[Job, None]]:
    """Do the `jobs` one after the other, those of models in `files` by their sums; before each it is told alone.

    A model that cannot be read, or whose data is not here, has the sentence that says so in place of each value.
    """
    opened: dict[str, _Subject | str] = {}
    for job in jobs:
        check()
        yield job, None
        if job.sha256 not in opened:
            opened[job.sha256] = _open(files[job.sha256], job.sha256)
        subject = opened[job.sha256]
        if isinstance(subject, str):
            yield Measured(job, None, subject)
            continue
        try:
            yield Measured(job, subject.do(job, threads, check))
        except StudioError as problem:
            yield Measured(job, None, str(problem))


def _open(path: Path, sha256: str) -> _Subject | str:
    from dnf_studio.core.storage.checkpoint import read_checkpoint

    try:
        found = read_checkpoint(path)
        if found.sha256 != sha256:
            return f"The file '{path}' has changed since it was listed; look at the table again."
        return _Subject(found.build(), _data_of(found))
    except StudioError as problem:
        return str(problem)


def _data_of(checkpoint: Checkpoint) -> Dataset:
    from dnf_studio.core.data.catalogue import open_configured
    from dnf_studio.core.storage.reference_program import UNKNOWN

    if checkpoint.config.data == UNKNOWN:
        raise DataError("This model does not say what data it was trained on, so nothing can be measured.")
    dataset = open_configured(checkpoint.config, checkpoint.data.split)
    if checkpoint.data.fingerprint and dataset.fingerprint != checkpoint.data.fingerprint:
        raise DataError(f"The data '{checkpoint.config.data}' is not as it was when this model was trained.")
    return dataset


@dataclass(frozen=True, eq=False)
class _Subject:
    """A model with its data."""

    flow: GenerativeModel
    dataset: Dataset

    def do(self, job: Job, threads: int | None, check: Check) -> Variant | Likelihood | Excess:
        if job.what == "quality":
            return self._quality(job.steps or 1, threads, check)
        return self._excess(check) if job.what == "excess" else self._likelihood(job.what, threads, check)

    def _quality(self, steps: int, threads: int | None, check: Check) -> Variant:
        from dnf_studio.core.evaluation.likelihoods import affordable_points
        from dnf_studio.core.exploration.variants import compare_variants

        ways, points = [SampleSettings(steps=steps)], affordable_points(self.flow, SAMPLES)
        (found,) = compare_variants(self.flow, ways, self.dataset, points=points, threads=threads, check=check)
        return found

    def _likelihood(self, what: Literal["bound", "ode"], threads: int | None, check: Check) -> Likelihood:
        from dnf_studio.core.evaluation.likelihoods import likelihood_parts
        from dnf_studio.core.parallel import BlockPool, worker_threads

        lacks = self.flow.lacks
        if (reason := lacks.get("bound" if what == "bound" else "divergence")) is not None:
            raise DataError(reason)
        with BlockPool(threads or worker_threads(self.flow.device)) as pool:
            pool.check = check
            parts = likelihood_parts(self.flow, self.dataset, pool=pool)
            names = [name for name in parts if ("ODE" in name) == (what == "ode")]
            if not names:
                raise DataError("Its own solver draws no noise, so its samples have no bound; their NLL is by the ODE.")
            found = parts[names[0]]()
        name = "nll_bound" if what == "bound" else "nll_ode"
        return Likelihood(found[name], found[f"{name}_error"])

    def _excess(self, check: Check) -> Excess:
        import torch

        from dnf_studio.core.evaluation.fresh import fresh_points
        from dnf_studio.core.evaluation.likelihoods import affordable_points
        from dnf_studio.core.exploration.excess import excess, step_means

        if (reason := self.flow.lacks.get("bound") or self.flow.lacks.get("divergence")) is not None:
            raise DataError(reason)
        x0 = fresh_points(self.flow, self.dataset, affordable_points(self.flow, EXCESS_POINTS), 0)
        source = torch.Generator().manual_seed(0)
        rows = []
        for part in torch.split(x0, BLOCK):
            check()
            noise = torch.randn((self.flow.grid().steps, *part.shape), generator=source).to(part)
            rows.append(excess(self.flow, part, noise, check=check).log_ratios.double().cpu().numpy())
        means = step_means(np.concatenate(rows, axis=1))
        return Excess(means.mean, means.error, means.points)
