"""Fits the few steps of a model to its data: times and factors, and where asked a network (method.md, section 22).

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
from torch import Tensor, nn

from dnf_studio.config.grids import check_fitted
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.core.evaluation.fresh import between_units
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sde.sample_settings import step_numbers
from dnf_studio.core.training.step_judge import Judge, better, seeded
from dnf_studio.core.training.step_loss import Drawn, distance_squared, latents_and_noise
from dnf_studio.core.training.step_unknowns import Unknowns, starts
from dnf_studio.errors import DivergenceError, SettingError, UnsupportedError, check_interrupt

BATCH, BLOCK = 4096, 512
"""Samples of an iteration in two halves, and those computed together."""
NETWORK_RATE, LATER_RATE = 1e-3, 0.01
"""The greatest rate of a network that is trained too, and then that of the other numbers."""
ITERATIONS, RATE, WARM = 300, 0.05, 10
"""Iterations, the greatest rate of Adam, and over which part of them, one of so many, it rises to that."""
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
    network: nn.Module | None
    """Their own network, in the place of the model's last one; None where that serves them."""
    iterations: int

    @property
    def kept(self) -> bool:
        """Whether they are better."""
        return self.rows is not None


def checked_numbers(flow: GenerativeModel, steps: int | Sequence[int]) -> tuple[int, ...]:
    """`steps`, one or several, rising, each once; raises `SettingError` for one that cannot be, `UnsupportedError` for
    such a model."""
    if flow.fitted is None or flow.unsaved:
        raise UnsupportedError("Steps are fitted to models that are trained here; this one has none that could be.")
    numbers = step_numbers(steps)
    if not numbers:
        raise SettingError("Say for which numbers of steps to fit, such as 5 and 10.")
    return tuple(sorted({check_fitted(count) for count in numbers}))


@dataclass(frozen=True)
class _Look:
    """Fitted steps as they were at one time, and their distance to validation draws."""

    distance: Distance
    rows: Tensor
    network: nn.Module | None


def fit_steps(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: int,
    seed: int = 0,
    iterations: int = ITERATIONS,
    seconds: float | None = None,
    tell: Tell = lambda _part, _text: None,
    network: bool = False,
) -> FittedSteps:
    """Fit N = `steps` of `flow` to draws of `dataset`, which is left as it is; the numbers are those of any threads.

    With `seconds` the fit ends after so many instead. With `network` a copy of the model's last network is trained as
    long again, from there, and kept where that is better. Raises `DataError` where the data has no rows to validate on,
    and `DivergenceError` where no solver of the model gives finite samples.
    """
    with BlockPool(worker_threads(flow.device)) as pool:
        tell(0.0, "validating the model's own solvers")
        judge = Judge(flow, dataset, steps, seed, pool)
        solver, before = judge.own()
        data = _drawn(flow, dataset, steps, seed)
        fit, share = _Fit(flow, data, steps, seed, pool), 1 / (1 + network)
        best, done = _best_look(fit, judge, iterations, seconds, lambda part, text: tell(part * share, text))
        if network and best is not None:
            further = _Fit(flow, data, steps, seed, pool, best.rows)
            later = partial(_later, tell, share)
            found, more = _best_look(further, judge, iterations, seconds, later)
            done += more
            if found is not None and better(found.distance, best.distance):
                best = found
    if best is None:
        raise DivergenceError(f"The fit for N = {steps} left the finite numbers; try other steps or another seed.")
    kept = best if better(best.distance, before) else None
    rows, own = (None, None) if kept is None else (kept.rows, kept.network)
    return FittedSteps(steps, solver, before, best.distance, rows, own, done)


def _drawn(flow: GenerativeModel, dataset: Dataset, steps: int, seed: int) -> Drawn:
    """Draws of the data to train on, in the model's units."""
    generator = seeded(seed, steps, 2)

    def draw(count: int) -> Tensor:
        return between_units(dataset.standardisation, flow.standardisation, dataset.draw(count, generator))

    return Drawn.of(draw, flow.dim, BATCH // 2, generator)


def _later(tell: Tell, share: float, part: float, text: str) -> None:
    tell(1 - share + part * share, f"network, {text}")


def _best_look(fit: _Fit, judge: Judge, iterations: int, seconds: float | None, tell: Tell) -> tuple[_Look | None, int]:
    """The best of so many looks at a fit, None where none has finite samples, and how many iterations it took."""
    best: _Look | None = None
    began, done, look = time.monotonic(), 0, 1
    while look <= LOOKS:
        part = done / iterations if seconds is None else (time.monotonic() - began) / seconds
        if part * LOOKS >= look:
            look = math.floor(part * LOOKS) + 1
            tell(min(part, 1.0), "validating")
            rows, network = fit.rows(), fit.network()
            found = judge.of_rows(rows, network)
            if found is not None and (best is None or found.value < best.distance.value):
                best = _Look(found, rows, network)
            if part >= 1:
                break
        check_interrupt()
        loss = fit.step(min(1.0, WARM * part + 0.02) * 0.5 * (1 + math.cos(math.pi * min(part, 1.0))))
        done += 1
        tell(min(part, 1.0), f"iteration {done}, distance {math.sqrt(max(loss, 0.0)):.4f}")
    return best, done


class _Fit:
    """Adam on the unknowns of one N, by what two half batches, independent of each other, differ from the data.

    From `rows` that are fitted already, the last network is trained too.
    """

    def __init__(
        self,
        flow: GenerativeModel,
        data: Drawn,
        steps: int,
        seed: int,
        pool: BlockPool,
        rows: Tensor | None = None,
    ) -> None:
        # Only what is trained wants gradients, and the weights of `flow` are left as they are
        self._flow = copy.deepcopy(flow).eval().requires_grad_(False)
        self._data, self._steps, self._pool = data, steps, pool
        self._generator = seeded(seed, steps, 0)
        self._trained = rows is not None
        self._unknowns = self._begin() if rows is None else Unknowns(self._flow, rows)
        trained = [(RATE, self._unknowns.parameters)]
        if rows is not None:
            weights = self._flow.last_network.requires_grad_().parameters()
            trained = [(LATER_RATE, self._unknowns.parameters), (NETWORK_RATE, list(weights))]
        self._rates = [rate for rate, _ in trained]
        self._adam = torch.optim.Adam([{"params": group} for _, group in trained])
        self._parameters = [one for _, group in trained for one in group]

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

    def network(self) -> nn.Module | None:
        """The network as it is now, where it is trained."""
        return copy.deepcopy(self._flow.last_network).requires_grad_(False) if self._trained else None

    def step(self, rate: float) -> float:
        """One step of Adam with this part of its rate; the loss, a debiased squared distance."""
        loss, gradients = self._loss(self._unknowns)
        # A batch whose gradient is not finite says nothing
        if all(bool(one.isfinite().all()) for one in gradients):
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                parameter.grad = gradient
            for group, greatest in zip(self._adam.param_groups, self._rates, strict=True):
                group["lr"] = greatest * rate
            self._adam.step()
        return float(loss)

    def _loss(self, unknowns: Unknowns) -> tuple[Tensor, list[Tensor]]:
        """SWD² of the samples to the data, debiased, and its gradients by the unknowns."""
        flow, generator, dim = self._flow, self._generator, self._flow.dim
        data = self._data.some(generator)
        lines, values = data.lines.to(flow.timestamps), data.values.to(flow.timestamps)
        z, noise = (one.to(lines) for one in latents_and_noise(BATCH // 2, dim, self._steps, generator))
        wanted = torch.is_grad_enabled()
        carry = partial(_carried, unknowns, z, noise, wanted)
        ends = self._pool.map(carry, [slice(k, k + BLOCK) for k in range(0, BATCH, BLOCK)])
        samples = torch.cat([end.detach() for end in ends]).requires_grad_(wanted)
        loss = distance_squared(samples, lines, values, values)
        if not wanted:
            return loss, []
        (pull,) = torch.autograd.grad(loss, samples)
        back = partial(_pulled, self._parameters)
        parts = self._pool.map(lambda pair: back(*pair), list(zip(ends, torch.split(pull, BLOCK), strict=True)))
        return loss.detach(), [torch.stack(column).sum(0) for column in zip(*parts, strict=True)]


def _carried(unknowns: Unknowns, z: Tensor, noise: Tensor, wanted: bool, rows: slice) -> Tensor:
    """The samples of these rows; whether gradients are wanted belongs to the thread."""
    with torch.set_grad_enabled(wanted):
        return unknowns.carry(z[rows], noise[:, rows])


def _pulled(parameters: Sequence[Tensor], end: Tensor, pull: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(end, parameters, pull, allow_unused=True)
    return [torch.zeros_like(own) if one is None else one for own, one in zip(parameters, found, strict=True)]
