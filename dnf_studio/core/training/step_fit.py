"""Fits the few steps of a model to its data: times and factors, the networks as they are (method.md, section 22).

What is made small is the sliced Wasserstein-2 distance of the samples of N steps to draws of the data, debiased, by
gradients through the whole chain; what is kept is chosen on draws that only serve to choose.

References: Watson, Chan, Ho and Norouzi, "Learning Fast Samplers for Diffusion Models by Differentiating Through Sample
Quality", ICLR 2022, arXiv:2202.05830, who make the kernel Inception distance small so; Shaul et al., "Bespoke Solvers
for Generative Flow Models", ICLR 2024, arXiv:2310.19075; Kolouri et al., "Sliced Wasserstein Auto-Encoders", ICLR 2019,
arXiv:1804.01947, for the loss.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dnf_studio.config.grids import check_steps
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import drawn
from dnf_studio.core.evaluation.distances import Comparison, Distance, Projections
from dnf_studio.core.evaluation.fresh import between_units, check_columns
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.training.step_unknowns import Unknowns, starts
from dnf_studio.errors import DataError, DivergenceError, SettingError, UnsupportedError, check_interrupt

BATCH, BLOCK, DIRECTIONS = 2048, 512, 64
"""Samples of an iteration in two halves, those computed together, and lines that they are projected on."""
OVERSAMPLED = 4
"""Draws of the data for each sample: what is compared with is then nearly the data itself."""
ITERATIONS, RATE, WARM = 300, 0.05, 10
"""Iterations, the greatest rate of Adam, and over which part of them, one of so many, it rises to that."""
MOST_STEPS = 64
"""Most steps that are fitted: with more there is nothing to gain, and gradients go through all of them."""
SETS, POINTS = 5, 20_000
"""Sets of validation draws that a schedule is kept by, and points in each."""
LOOKS = 2
"""How often the fit is looked at by validation draws; the best look is kept."""
STARTS = 8
"""Batches by which it is chosen from which solver's steps a fit begins."""
Tell = Callable[[float, str], None]
"""Is told how far the fit of one N is, from 0 to 1, and what it is at."""


@dataclass(frozen=True)
class FittedSteps:
    """What became of the fit of one N, by validation draws."""

    steps: int
    solver: str
    """The best of the model's other solvers that ask the networks no more often."""
    before: Distance
    """Its distance to the data."""
    after: Distance
    """That of the fitted steps."""
    rows: Tensor | None
    """The fitted steps (`core.sde.solvers.fitted`); None where they are not better by more than the error."""
    iterations: int

    @property
    def kept(self) -> bool:
        """Whether they are better."""
        return self.rows is not None


def checked_numbers(flow: GenerativeModel, steps: Sequence[int]) -> tuple[int, ...]:
    """`steps`, rising, each once; raises `SettingError` for one that cannot be, `UnsupportedError` for such a model."""
    if flow.fitted is None or flow.unsaved:
        raise UnsupportedError("Steps are fitted to models that are trained here; this one has none that could be.")
    if not steps:
        raise SettingError("Say for which numbers of steps to fit, such as 5 and 10.")
    for count in steps:
        if check_steps(count) > MOST_STEPS:
            raise SettingError(f"At most {MOST_STEPS} steps can be fitted, not {count:,}; more need no fit.")
    return tuple(sorted(set(steps)))


def fit_steps(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: int,
    seed: int = 0,
    iterations: int = ITERATIONS,
    seconds: float | None = None,
    tell: Tell = lambda _part, _text: None,
) -> FittedSteps:
    """Fit N = `steps` of `flow` to draws of `dataset`, which is left as it is; the numbers are those of any threads.

    With `seconds` the fit ends after so many instead. Raises `DataError` where the data has no rows to validate on,
    and `DivergenceError` where no solver of the model gives finite samples.
    """
    judge = _Judge(flow, dataset, steps, seed)
    with BlockPool(worker_threads(flow.device)) as pool:
        tell(0.0, "validating the model's own solvers")
        solver, before = judge.own()
        fit = _Fit(flow, dataset, steps, seed, pool)
        best: tuple[Distance, Tensor] | None = None
        began, done, look = time.monotonic(), 0, 1
        while look <= LOOKS:
            part = done / iterations if seconds is None else (time.monotonic() - began) / seconds
            if part * LOOKS >= look:
                rows, look = fit.rows(), math.floor(part * LOOKS) + 1
                tell(min(part, 1.0), "validating")
                found = judge.of_rows(rows)
                if found is not None and (best is None or found.value < best[0].value):
                    best = found, rows
                if part >= 1:
                    break
            check_interrupt()
            loss = fit.step(min(1.0, WARM * part + 0.02) * 0.5 * (1 + math.cos(math.pi * min(part, 1.0))))
            done += 1
            tell(min(part, 1.0), f"iteration {done}, distance {math.sqrt(max(loss, 0.0)):.4f}")
    if best is None:
        raise DivergenceError(f"The fit for N = {steps} left the finite numbers; try other steps or another seed.")
    return FittedSteps(steps, solver, before, best[0], best[1] if _better(best[0], before) else None, done)


def _better(after: Distance, before: Distance) -> bool:
    """Whether it is by more than the error of the difference of both squares."""
    squares = [np.asarray(one.squares) for one in (after, before)]
    error = math.sqrt(sum(float(one.var(ddof=1)) / len(one) for one in squares)) if len(squares[0]) > 1 else 0.0
    return float(squares[0].mean() + error) < float(squares[1].mean())


class _Judge:
    """Distances to validation draws, which training and fitting do not see, and no evaluation either."""

    def __init__(self, flow: GenerativeModel, dataset: Dataset, steps: int, seed: int) -> None:
        check_columns(flow, dataset)
        self._flow, self._steps = flow, steps
        self._seed = int(np.random.SeedSequence((seed, steps, 1)).generate_state(1, np.uint64)[0] >> 1)
        count = SETS * POINTS
        # Points that are drawn afresh are others for each seed; of recorded rows those to test on stay unseen
        x = dataset.fresh(count, self._seed) if dataset.rows is None else dataset.validation(count, self._seed)
        if x is None or len(x) < 2 * SETS:
            raise DataError(
                f"'{dataset.name}' has too few rows to validate on for a choice; steps cannot be fitted to it."
            )
        points = between_units(dataset.standardisation, flow.standardisation, x).cpu()
        mixed = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(self._seed))].numpy()
        size = len(mixed) // SETS
        self._data = [Projections(mixed[k * size : (k + 1) * size]) for k in range(SETS)]
        self._size = size

    def own(self) -> tuple[str, Distance]:
        """The best of the model's solvers that ask its networks no more often than fitted steps do."""
        flow, most = self._flow, self._flow.fitted
        assert most is not None
        found = {}
        for one in flow.solvers:
            if one.needs == "fitted" or one.evaluations(self._steps) > most.evaluations(self._steps):
                continue
            if (distance := self._measured(flow, one.name)) is not None:
                found[one.name] = distance
        if not found:
            raise DivergenceError(f"No solver of this model gives finite samples in {self._steps} steps.")
        name = min(found, key=lambda name: found[name].value)
        return name, found[name]

    def of_rows(self, rows: Tensor) -> Distance | None:
        """That of these fitted steps; None where they are none, or samples are not finite."""
        return self._measured(with_rows(self._flow, {self._steps: rows}), "fitted")

    def _measured(self, flow: GenerativeModel, solver: str) -> Distance | None:
        compared = Comparison()
        try:
            for k, data in enumerate(self._data):
                check_interrupt()
                samples = drawn(flow, self._size, self._steps, self._seed + k, solver)
                compared.add(Projections(samples), data)
        except DivergenceError:
            return None
        return compared.found()


def with_rows(flow: GenerativeModel, found: dict[int, Tensor]) -> GenerativeModel:
    """A copy of `flow` that has these fitted steps by their N beside those that it had."""
    own = copy.deepcopy(flow)
    for steps, rows in found.items():
        own.take_fitted(steps, rows)
    return own


class _Fit:
    """Adam on the unknowns of one N, by the distance of two half batches to the data and to each other."""

    def __init__(self, flow: GenerativeModel, dataset: Dataset, steps: int, seed: int, pool: BlockPool) -> None:
        # Its weights want no gradients, and those of `flow` are left as they are
        self._flow = copy.deepcopy(flow).eval().requires_grad_(False)
        self._dataset, self._steps, self._pool = dataset, steps, pool
        self._generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence((seed, steps, 0)).generate_state(1, np.uint64)[0] >> 1)
        )
        self._unknowns = self._begin()
        self._adam = torch.optim.Adam(self._unknowns.parameters, lr=RATE)

    def _begin(self) -> Unknowns:
        """From the solver whose samples are nearest in a first look."""
        tried = [Unknowns(self._flow, rows) for rows in starts(self._flow, self._steps)]
        if len(tried) == 1:
            return tried[0]
        state, losses = self._generator.get_state(), []
        for one in tried:
            self._generator.set_state(state)
            with torch.no_grad():
                losses.append(float(np.mean([float(self._loss(one)[0]) for _ in range(STARTS)])))
        return tried[int(np.argmin([loss if math.isfinite(loss) else math.inf for loss in losses]))]

    def rows(self) -> Tensor:
        """The steps as they are now."""
        with torch.no_grad():
            return self._unknowns.rows().float().cpu().clone()

    def step(self, rate: float) -> float:
        """One step of Adam with this part of its rate; the loss, a debiased squared distance."""
        loss, gradients = self._loss(self._unknowns)
        # A batch whose gradient is not finite says nothing
        if all(bool(one.isfinite().all()) for one in gradients):
            for parameter, gradient in zip(self._unknowns.parameters, gradients, strict=True):
                parameter.grad = gradient
            self._adam.param_groups[0]["lr"] = RATE * rate
            self._adam.step()
        return float(loss)

    def _loss(self, unknowns: Unknowns) -> tuple[Tensor, list[Tensor]]:
        """SWD² of the samples to the data less half of that between the halves, and its gradients by the unknowns."""
        flow, generator, dim = self._flow, self._generator, self._flow.dim
        lines = torch.randn(dim, DIRECTIONS, generator=generator)
        lines = (lines / lines.norm(dim=0)).to(flow.timestamps)
        z = torch.randn(BATCH, dim, generator=generator).to(lines)
        noise = torch.randn(self._steps, BATCH, dim, generator=generator).to(lines)
        x = self._dataset.draw(BATCH // 2 * OVERSAMPLED, generator)
        data = between_units(self._dataset.standardisation, flow.standardisation, x).to(lines)
        wanted = torch.is_grad_enabled()
        carry = partial(_carried, unknowns, z, noise, wanted)
        ends = self._pool.map(carry, [slice(k, k + BLOCK) for k in range(0, BATCH, BLOCK)])
        samples = torch.cat([end.detach() for end in ends]).requires_grad_(wanted)
        loss = distance_squared(samples, data, lines)
        if not wanted:
            return loss, []
        (pull,) = torch.autograd.grad(loss, samples)
        back = partial(_pulled, unknowns.parameters)
        parts = self._pool.map(lambda pair: back(*pair), list(zip(ends, torch.split(pull, BLOCK), strict=True)))
        return loss.detach(), [torch.stack(column).sum(0) for column in zip(*parts, strict=True)]


def _carried(unknowns: Unknowns, z: Tensor, noise: Tensor, wanted: bool, rows: slice) -> Tensor:
    """The samples of these rows; whether gradients are wanted belongs to the thread."""
    with torch.set_grad_enabled(wanted):
        return unknowns.carry(z[rows], noise[:, rows])


def _pulled(parameters: Sequence[Tensor], end: Tensor, pull: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(end, parameters, pull, allow_unused=True)
    return [torch.zeros_like(own) if one is None else one for own, one in zip(parameters, found, strict=True)]


def distance_squared(samples: Tensor, data: Tensor, lines: Tensor) -> Tensor:
    """SWD² of `samples` (2n, D) to `data` (kn, D) along `lines` (D, K), right in the mean over both.

    The mean of the halves' squared distances to the data, less half of that between the halves: without it the best
    samples would be narrower than the data. On a line sorted points are paired with the means of as many sorted
    draws as there are for each.
    """
    halves = [(half @ lines).sort(0).values for half in samples.chunk(2)]
    wanted = (data @ lines).sort(0).values.reshape(len(halves[0]), -1, lines.shape[1]).mean(1)
    near = sum((half - wanted).square().mean() for half in halves) / 2
    loss: Tensor = near - (halves[0] - halves[1]).square().mean() / 2
    return loss
