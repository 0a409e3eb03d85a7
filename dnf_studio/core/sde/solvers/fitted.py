"""A model's own fitted steps: times, and how much each step takes of the fields and of noise (method.md, section 22).

Each evaluation of the networks has a row of numbers, `COLUMNS`, which `core.training.step_fit` finds for one N; with
those of `unfitted_rows` the steps are the ones that the model makes anyway, to the bit.

References: Watson, Chan, Ho and Norouzi, "Learning Fast Samplers for Diffusion Models by Differentiating Through Sample
Quality", ICLR 2022, arXiv:2202.05830; Shaul et al., "Bespoke Solvers for Generative Flow Models", ICLR 2024,
arXiv:2310.19075.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, Self

from dnf_studio.core.sde.solvers.record import NOT_EULER, LastStep, OneDrift, OneVelocity, Solver, WithFields
from dnf_studio.core.sde.steps import backward_step, runge_kutta_step

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler

COLUMNS = ("time", "drift", "score", "drift before", "score before", "noise")
"""What a row holds: when the networks are evaluated, how much of that the step takes, how much of the evaluation
before, and of the noise that g gives a step of its length. Of an ODE the drift is its velocity; the rest is 0."""
TIME, DRIFT, SCORE, DRIFT_BEFORE, SCORE_BEFORE, NOISE = range(len(COLUMNS))
MOST = 1000.0
"""The greatest factor, either way: what is fitted stays within tens."""


class _WithSteps(Protocol):
    """A model with fitted steps for some N."""

    timestamps: Tensor

    def fitted_rows(self, steps: int) -> Tensor: ...

    def fitted_grid(self, steps: int | None = None) -> TimeGrid: ...

    def as_fitted(self, steps: int) -> Self: ...


class _WithFields(_WithSteps, WithFields, Protocol): ...


class _WithVelocity(_WithSteps, OneVelocity, Protocol): ...


class _WithDrift(_WithSteps, OneDrift, Protocol): ...


def fitted_states(
    fields: tuple[Field, Field], grid: TimeGrid, rows: Tensor, z: Tensor, noise: Callable[[int], Tensor]
) -> Iterator[Tensor]:
    """x_i = x_{i+1} − [a f + a′ f′ − g² (c s + c′ s′)] Δ_i + r g √Δ_i δB, f′ and s′ those of the step before.

    Row j of `rows` (N, 6) has the numbers of the step from t_{N−j}. The last step has no noise. Yields the states
    (B, D) from z at t_N to t_0, N+1 in all.
    """
    (drift, score), dt = fields, grid.dt
    x, before = z, None
    yield x
    for j, row in enumerate(rows):
        i = grid.steps - j
        f, s = drift(i, x), score(i, x)
        pull, push = f * row[DRIFT], s * row[SCORE]
        if before is not None:
            pull, push = pull + before[0] * row[DRIFT_BEFORE], push + before[1] * row[SCORE_BEFORE]
        before = f, s
        eps = noise(j) if i > 1 else None
        x = backward_step(x, pull, push, dt[i - 1], grid.g[i], eps, 1.0, row[NOISE])
        yield x


def fitted_midpoints(velocity: Field, times: Tensor, rows: Tensor, z: Tensor) -> Iterator[Tensor]:
    """Steps of two evaluations (two `rows` each) of an ODE with the nodes `times` (N+1,), in their order.

    Half a step by the first velocity, the whole one by the second, at a time between; each has a factor, and takes as
    much as fitted of the velocity before it. `velocity` knows the times of the rows by their numbers.
    """
    dt, x, before = times.diff(), z, None
    yield x
    for i in range(len(dt)):
        first, second = rows[2 * i], rows[2 * i + 1]
        slope = velocity(2 * i, x)
        pull = slope * first[DRIFT] if before is None else slope * first[DRIFT] + before * first[DRIFT_BEFORE]
        before = velocity(2 * i + 1, x + pull * (dt[i] / 2))
        x = x + (before * second[DRIFT] + slope * second[DRIFT_BEFORE]) * dt[i]
        yield x


def fitted_runge_kutta(stages: Callable[[Tensor], Field], times: Tensor, rows: Tensor, z: Tensor) -> Iterator[Tensor]:
    """Runge–Kutta steps of fourth order between the nodes `times` (N+1,), each with a factor of the velocity.

    `stages` gives the velocity at the 4N times of the stages, asked for once.
    """
    # Imported where torch is loaded already
    import torch

    dt = times.diff()
    inner = torch.stack([times[:-1], times[:-1] + dt / 3, times[:-1] + 2 * dt / 3, times[1:]], 1)
    velocity, x = stages(inner.flatten()), z
    yield x
    for i in range(len(dt)):
        x = runge_kutta_step(partial(_stage, velocity, 4 * i, rows[i, DRIFT]), x, dt[i])
        yield x


def _stage(velocity: Field, first: int, factor: Tensor, number: int, x: Tensor) -> Tensor:
    return velocity(first + number, x) * factor


def nodes_of(rows: Tensor, steps: int, t_start: Tensor) -> Tensor:
    """The times (N+1,) of the nodes, t_N first; `t_start` is t_0, a scalar."""
    # Imported where torch is loaded already
    import torch

    return torch.cat([rows[:: len(rows) // steps, TIME], t_start.reshape(1)])


def rows_fault(rows: Tensor, t_start: float, t_end: float) -> str | None:
    """What is wrong with finite rows of fitted steps between these times, as the end of a sentence, or None."""
    times = [*rows[:, TIME].tolist(), t_start]
    if times[0] != t_end or any(later <= earlier for later, earlier in pairwise(times)):
        return "have times that do not fall from T to t_0"
    if bool((rows[:, DRIFT:].abs() > MOST).any()) or bool((rows[:, NOISE] < 0).any()):
        return "have factors that are out of range"
    return None


def _by_fields(
    model: _WithFields, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    own, rows = model.fitted_grid(grid.steps), model.fitted_rows(grid.steps)
    fields = model.as_fitted(grid.steps).fields(own, hidden)
    return lambda z, noise: fitted_states(fields, own, rows, z, noise)


def _by_velocity(
    model: _WithVelocity, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    rows = model.fitted_rows(grid.steps)
    times = nodes_of(rows, grid.steps, model.timestamps[0])
    velocity = model.as_fitted(grid.steps).velocity_at(rows[:, TIME], hidden)
    return lambda z, _: fitted_midpoints(velocity, times, rows, z)


def _by_drift(
    model: _WithDrift, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    rows = model.fitted_rows(grid.steps)
    times, own = nodes_of(rows, grid.steps, model.timestamps[0]), model.as_fitted(grid.steps)
    return lambda z, _: fitted_runge_kutta(lambda at: own.drift_at(at, hidden), times, rows, z)


OWN = "The fitted steps are the whole of a schedule: "
FITTED = Solver(
    name="fitted",
    label="Fitted",
    title="fitted steps",
    moved_by="steps that were fitted to so few",
    equation="xᵢ = xᵢ₊₁ − [a f + a′ f′ − g² (c s + c′ s′)] Δᵢ + r g √Δᵢ δB with times and factors for each step that "
    "“fit-steps” has fitted to the data, the networks as they are or with a score of their own; f′ and s′ are those of "
    "the step before (after Watson et al. 2022).",
    card="<b>Fitted</b>  dx = [a f − c g² s] dt + r g dw̄, all fitted for few N",
    source="Watson et al. 2022, arXiv:2202.05830",
    needs="fitted",
    order=1,
    noise=True,
    sampler=_by_fields,
    unused={
        "lam": f"{OWN}how much noise a step has is fitted too.",
        "last": f"{OWN}its last one has no noise.",
        "grid": f"{OWN}its times are fitted too.",
        **NOT_EULER,
    },
    nodes=lambda model, steps: model.fitted_grid(steps),
)
FITTED_OF_VELOCITY = replace(
    FITTED,
    equation="Midpoint steps of dx = −v dt whose times and factors “fit-steps” has fitted to the data, the network as "
    "it is or a copy of its own (after Shaul et al. 2024).",
    order=2,
    noise=False,
    sampler=_by_velocity,
    evaluations=lambda steps: 2 * steps,
)
FITTED_OF_DRIFT = replace(
    FITTED,
    equation="Runge–Kutta steps of dx = f dt whose times, and a factor for each, “fit-steps” has fitted to the data, "
    "the network as it is or a copy of its own (after Shaul et al. 2024).",
    order=4,
    noise=False,
    sampler=_by_drift,
    evaluations=lambda steps: 4 * steps,
)
ROWS_A_STEP = {FITTED: 1, FITTED_OF_VELOCITY: 2, FITTED_OF_DRIFT: 1}
"""How many rows a step has."""


@cache
def fitted_for(solver: Solver, steps: tuple[int, ...]) -> Solver:
    """One of these solvers as a model has it that knows these numbers of steps: the same object at every call."""
    return replace(solver, only=steps)
