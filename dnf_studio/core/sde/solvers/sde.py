"""The backward SDE by Euler–Maruyama steps, the solver that λ is for.

Equation numbers are those of Zhang and Chen, "Diffusion Normalizing Flow", arXiv:2110.07579.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.record import Chain, LastStep, Parts, Solver, TwoFields, WithFields
from dnf_studio.core.sde.steps import backward_step, forward_step, path_backward_noise

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def backward_states(
    drift: Field,
    score: Field,
    grid: TimeGrid,
    z: Tensor,
    noise: Callable[[int], Tensor] | None,
    lam: float = 1.0,
    last: LastStep = "noise",
    correct: Callable[[int, Tensor], Tensor] | None = None,
) -> Iterator[Tensor]:
    """Noise to data (12, 17), one state (B, D) after the other, z at t_N first, N+1 in all.

    `noise(j)` is called once for each step j = 0 … N−1 that uses noise, in this order; step j
    leads from t_{N−j} to t_{N−j−1}. `last="mean"` leaves the noise out of the last step.
    `correct(i, x)` may put another state in the place of each one reached at t_i, z included.
    """
    dt, ratio = grid.dt, grid.ratio
    x = z if correct is None else correct(grid.steps, z)
    yield x
    for j in range(grid.steps):
        i = grid.steps - j
        noisy = noise is not None and lam != 0 and not (last == "mean" and i == 1)
        eps = noise(j) if noisy and noise is not None else None
        x = backward_step(x, drift(i, x), score(i, x), dt[i - 1], grid.g[i], eps, lam, ratio[i - 1])
        if correct is not None:
            x = correct(i - 1, x)
        yield x


def backward_path(
    drift: Field, score: Field, grid: TimeGrid, z: Tensor, noise: Tensor, lam: float = 1.0, last: LastStep = "noise"
) -> Tensor:
    """Noise to data: states (N+1, B, D), row 0 at t_N … row N at t_0, noise (N, B, D) in the order drawn."""
    import torch

    return torch.stack(list(backward_states(drift, score, grid, z, noise.__getitem__, lam, last)))


def fields_in_part(fields: tuple[Field, Field], parts: Parts) -> tuple[Field, Field]:
    """Drift and score with the one that `parts` leaves out replaced by zeros; the step formula stays as it is.

    Neither half is a model of the data: the same latents and noise carried through whole and half show what the
    missing field does.
    """
    drift, score = fields
    return (_nothing if parts == "score" else drift), (_nothing if parts == "drift" else score)


def _nothing(_node: int, x: Tensor) -> Tensor:
    return x.new_zeros(x.shape)


def chain_terms(model: WithFields, x0: Tensor, noise: Tensor, grid: TimeGrid) -> tuple[Tensor, Tensor]:
    """The forward paths (N+1, B, D) of x0 (B, D) with forward noise (N, B, D), and what each step adds to the bound.

    The latter are ½(‖δB_i‖² − ‖δF_i‖²) + D log(r_i g_{i+1}/g_i), (N, B), nats; with −log N(x_N; 0, I) they add up to
    what, in the mean over the noise, bounds −log p(x0) of the chain with λ = 1.
    """
    import torch

    drift, score = model.fields(grid)
    dt, g, ratio, states, terms = grid.dt, grid.g, grid.ratio, [x0], []
    f = drift(0, x0)
    for i in range(grid.steps):
        x = forward_step(states[-1], f, dt[i], g[i], noise[i])
        f_next = drift(i + 1, x)
        back = path_backward_noise(f, f_next, score(i + 1, x), noise[i], dt[i], g[i], g[i + 1], ratio[i])
        width = model.dim * torch.log(g[i + 1] * ratio[i] / g[i])
        terms.append(0.5 * (back.square().sum(-1) - noise[i].square().sum(-1)) + width)
        states.append(x)
        f = f_next
    return torch.stack(states), torch.stack(terms)


def _spread(_model: WithFields, grid: TimeGrid) -> float:
    """r_0 g_1 √Δ_0."""
    return float(grid.g[1] * grid.dt[0].sqrt() * grid.ratio[0])


def _sampler(
    model: TwoFields, grid: TimeGrid, lam: float, last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    drift, score = model.fields(grid, hidden)
    return lambda z, noise: backward_states(drift, score, grid, z, noise, lam, last)


SDE = Solver(
    name="sde",
    label="SDE",
    title="SDE, Euler–Maruyama",
    moved_by="the backward SDE",
    equation="dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄, by Euler–Maruyama steps (Zhang and Chen 2021, equations 12 and "
    "17).",
    card="<b>SDE</b>  dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄, Euler–Maruyama",
    source="Zhang and Chen 2021, arXiv:2110.07579, (12) and (17)",
    needs="fields",
    order=1,
    noise=True,
    euler=True,
    sampler=_sampler,
    chain=Chain(chain_terms, _spread),
)
