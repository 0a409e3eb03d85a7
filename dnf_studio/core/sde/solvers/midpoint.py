"""Steps of the ODE of a model that has learned its velocity: Euler's, the midpoint rule and Heun's.

Reference: Runge, "Ueber die numerische Auflösung von Differentialgleichungen", Mathematische Annalen 46, 1895.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.record import LastStep, OneVelocity, Solver, without_noise

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def midpoint_sampler(velocity_at: Callable[[Tensor], Field], times: Tensor) -> Sampler:
    """From states (B, D) at the first of `times` (N+1,) to those at all of them, whichever way they run.

    Half a step by the velocity at the node, the whole step by that in the middle. `velocity_at` gives it at the 2N
    times where it is evaluated, asked for once.
    """
    # Imported where torch is loaded already
    import torch

    dt = times.diff()
    velocity = velocity_at(torch.stack([times[:-1], (times[:-1] + times[1:]) / 2], 1).flatten())

    def states(x: Tensor) -> Iterator[Tensor]:
        yield x
        for i in range(len(dt)):
            x = x + velocity(2 * i + 1, x + velocity(2 * i, x) * (dt[i] / 2)) * dt[i]
            yield x

    return lambda x, _: states(x)


def _midpoint(
    model: OneVelocity, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    return midpoint_sampler(lambda times: model.velocity_at(times, hidden), grid.t.flip(0))


def _euler(
    model: OneVelocity, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    times = grid.t.flip(0)
    dt, velocity = times.diff(), model.velocity_at(times[:-1], hidden)

    def states(x: Tensor) -> Iterator[Tensor]:
        yield x
        for i in range(len(dt)):
            x = x + velocity(i, x) * dt[i]
            yield x

    return lambda z, _: states(z)


def _heun(
    model: OneVelocity, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    times = grid.t.flip(0)
    dt, velocity = times.diff(), model.velocity_at(times, hidden)

    def states(x: Tensor) -> Iterator[Tensor]:
        yield x
        for i in range(len(dt)):
            slope = velocity(i, x)
            x = x + (slope + velocity(i + 1, x + slope * dt[i])) * (dt[i] / 2)
            yield x

    return lambda z, _: states(z)


MIDPOINT = Solver(
    name="midpoint",
    label="Midpoint",
    title="Midpoint, second order",
    moved_by="midpoint steps of the ODE",
    equation="dx = −v dt of flow matching, by the explicit midpoint rule: half a step by the velocity at the node, the "
    "whole step by that in the middle (Runge 1895).",
    card="<b>Midpoint</b>  dx = −v dt at second order, two evaluations a step",
    source="Runge 1895, Mathematische Annalen 46",
    needs="velocity",
    order=2,
    noise=False,
    sampler=_midpoint,
    evaluations=lambda steps: 2 * steps,
    unused=without_noise("Midpoint steps"),
)
EULER = replace(
    MIDPOINT,
    name="euler",
    label="Euler",
    title="Euler, first order",
    moved_by="Euler’s steps of the ODE",
    equation="dx = −v dt of flow matching, by Euler’s steps (Lipman et al. 2023, equation 1).",
    card="<b>Euler</b>  dx = −v dt at first order, one evaluation a step",
    source="Lipman et al. 2023, arXiv:2210.02747, (1)",
    order=1,
    sampler=_euler,
    evaluations=lambda steps: steps,
    unused=without_noise("Euler’s steps of the ODE"),
)
HEUN_OF_VELOCITY = replace(
    MIDPOINT,
    name="heun",
    label="Heun",
    title="Heun, second order",
    moved_by="Heun’s steps of the ODE",
    equation="dx = −v dt of flow matching, by Heun’s second-order steps: along the mean of the "
    "velocities at both ends (Heun 1900).",
    card="<b>Heun</b> of flow matching  dx = −v dt at second order, two evaluations a step",
    source="Heun 1900, Zeitschrift für Mathematik und Physik 45",
    sampler=_heun,
    unused=without_noise("Heun’s steps"),
)
