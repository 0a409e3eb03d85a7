"""The ODE that a model follows without noise: by Euler's steps of two fields, by Runge–Kutta steps of one drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.record import LastStep, OneDrift, Solver, TwoFields
from dnf_studio.core.sde.solvers.sde import SDE, backward_states
from dnf_studio.core.sde.steps import runge_kutta_step

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def runge_kutta_sampler(drift_at: Callable[[Tensor], Field], times: Tensor) -> Sampler:
    """From states (B, D) at the first of `times` (N+1,) to those at all of them, whichever way they run.

    `drift_at` gives the field at the 4N times of the stages, asked for once.
    """
    # Imported where torch is loaded already
    import torch

    dt = times.diff()
    stages = torch.stack([times[:-1], times[:-1] + dt / 3, times[:-1] + 2 * dt / 3, times[1:]], 1)
    drift = drift_at(stages.flatten())

    def states(x: Tensor) -> Iterator[Tensor]:
        yield x
        for i in range(len(dt)):
            x = runge_kutta_step(partial(_stage, drift, 4 * i), x, dt[i])
            yield x

    return lambda x, _: states(x)


def _stage(drift: Field, first: int, number: int, x: Tensor) -> Tensor:
    return drift(first + number, x)


def _euler(model: TwoFields, grid: TimeGrid, _lam: float, last: LastStep, hidden: torch.dtype | None = None) -> Sampler:
    drift, score = model.fields(grid, hidden)
    return lambda z, noise: backward_states(drift, score, grid, z, noise, 0.0, last)


def _runge_kutta(
    model: OneDrift, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    return runge_kutta_sampler(lambda times: model.drift_at(times, hidden), grid.t.flip(0))


ODE = Solver(
    name="ode",
    label="ODE",
    title="ODE, Euler",
    moved_by="the probability-flow ODE",
    equation="dx = [f − ½ g² s] dt, by Euler’s steps without noise (Zhang and Chen 2021, equation 17 with λ = 0).",
    card="<b>ODE</b>  dx = [f − ½ g² s] dt, Euler",
    source=SDE.source,
    needs="fields",
    order=1,
    noise=False,
    euler=True,
    sampler=_euler,
    unused={
        "lam": "The solver is the ODE, which is λ = 0; λ is for the solver SDE.",
        "last": "The solver is the ODE: no step has noise to leave out.",
    },
)
# What λ, last step and parts mean to it a flow says itself: it has neither noise nor score
RUNGE_KUTTA = Solver(
    name="ode",
    label="ODE",
    title="ODE, Runge–Kutta 4",
    moved_by="the ODE",
    equation="dx = f dt, by Runge–Kutta steps of fourth order, four network evaluations each (Grathwohl et al. 2019, "
    "equation 4). A flow has no other solver.",
    card="<b>ODE</b> of a flow  dx = f dt, Runge–Kutta of fourth order",
    source="Grathwohl et al. 2019, arXiv:1810.01367, (4)",
    needs="drift",
    order=4,
    noise=False,
    sampler=_runge_kutta,
    evaluations=lambda steps: 4 * steps,
)
