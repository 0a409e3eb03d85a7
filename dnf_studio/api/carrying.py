"""What `paths` computes: both processes from given points, or those that the window shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dnf_studio.errors import DataError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.sample_settings import SampleSettings

    Array = NDArray[np.float32]

BLOCK = 512
"""Points whose Brownian paths are made at once."""


class Carried(NamedTuple):
    """The first fields of `Paths`, in their order, and how its disagreement is found."""

    forward: Array
    backward: Array
    t: Array
    g: Array
    drift: Array
    score: Array
    contribution: Array | None
    parts: Sequence[Array] | None
    log_ratios: Callable[[], Array]


def checked_points(flow: GenerativeModel, x: Any) -> Tensor:  # noqa: ANN401 - any data
    """`x` in the units of the model, of its type and on its device; raises `DataError` for what are no points of it."""
    import torch

    from dnf_studio.api.training import source_of
    from dnf_studio.core.data.missing import DO_ALONE, checked_table
    from dnf_studio.core.data.own_rows import matched, refuse_width
    from dnf_studio.core.data.readers import read_table
    from dnf_studio.core.storage.origins import checkpoint_of

    source = source_of(x, takes_missing=False)
    if source is None:
        raise DataError("Give the points whose paths to follow, (B, D) in data units.")
    table = read_table(source)
    columns = checkpoint_of(flow).data.columns
    refuse_width(table.columns, columns, flow.dim)
    if len(columns) == flow.dim and set(columns) <= set(table.columns):
        table = matched(table, columns)
    if len(table.columns) != flow.dim:
        components = "1 component" if len(table.columns) == 1 else f"{len(table.columns)} components"
        raise DataError(f"The points have {components}, and the model has {flow.dim}.")
    checked_table(table, do=DO_ALONE)
    rows = torch.from_numpy(table.read(slice(0, len(table))))
    return flow.standardisation.to_model(rows).to(flow.timestamps)


def carried(
    flow: GenerativeModel, x0: Tensor, settings: SampleSettings, in_data_units: bool, displayed: bool
) -> Carried:
    """Both processes from x0 (B, D), model units; with the latents, noise and blocks of the window if `displayed`."""
    import torch

    from dnf_studio.core.exploration.contributions import explain_path
    from dnf_studio.core.exploration.displayed import displayed_log_ratios
    from dnf_studio.core.exploration.excess import excess, widths
    from dnf_studio.core.sde.paths import remembering

    grid = flow.grid_of(settings)
    drift, score = map(remembering, flow.fields(grid))
    found = (_as_displayed if displayed else _from_points)(flow, grid, x0, settings)
    forward, backward, ahead = found.forward, found.backward, found.noise
    f, s = (torch.stack([of(i, x) for i, x in enumerate(forward)]) for of in (drift, score))
    contribution = parts = None
    ratios = lambda: excess(flow, x0, ahead, grid).log_ratios  # noqa: E731
    if flow.bounded and "noise" not in flow.lacks:
        told = explain_path((drift, score), grid, forward, ahead)
        parts = [*map(_array, told.parts)]
        contribution = (told.steps if found.steps is None else found.steps) + widths(grid, flow.dim)[:, None]
        if displayed:
            path, added = forward, contribution
            ratios = lambda: displayed_log_ratios(flow, grid, path, added)  # noqa: E731
    if in_data_units:
        scale = x0.new_tensor(flow.standardisation.scale)
        forward, backward = map(flow.standardisation.to_data, (forward, backward))
        f, s = f * scale, s / scale
    return Carried(
        forward=_array(forward),
        backward=_array(backward),
        t=_array(grid.t),
        g=_array(grid.g),
        drift=_array(f),
        score=_array(s),
        contribution=None if contribution is None else _array(contribution),
        parts=parts,
        log_ratios=lambda: _array(_without_gradients(ratios)),
    )


class _Both(NamedTuple):
    """Both processes (N+1, B, D), model units, the backward one from t_N on, and the forward noise (N, B, D)."""

    forward: Tensor
    backward: Tensor
    noise: Tensor
    steps: Tensor | None = None
    """What each step adds to the bound but for its g term, (N, B), where that is already known."""


def _from_points(flow: GenerativeModel, grid: TimeGrid, x0: Tensor, settings: SampleSettings) -> _Both:
    from dnf_studio.core.sde.brownian import latents
    from dnf_studio.core.sde.paths import collected
    from dnf_studio.core.sde.solvers.sde import backward_states, fields_in_part

    ahead, back = _noise(grid, x0, settings.seed)
    forward = collected(flow.encoder(grid)(x0, ahead.__getitem__))
    begin = forward[-1] if settings.start == "forward" else latents(settings.seed, *x0.shape).to(x0)
    drawn = back.flip(0).__getitem__
    if settings.parts == "both":
        states = flow.sampler(grid, settings)(begin, drawn)
    else:
        solver = flow.checked_solver(settings.solver)
        if not solver.euler:
            raise SettingError(f"The solver {solver.name} has no parts to leave out; only Euler's steps have.")
        fields, level = fields_in_part(flow.fields(grid), settings.parts), settings.lam if solver.noise else 0.0
        states = backward_states(*fields, grid, begin, drawn, level, settings.last)
    return _Both(forward, collected(states), ahead)


def _as_displayed(flow: GenerativeModel, grid: TimeGrid, x0: Tensor, settings: SampleSettings) -> _Both:
    from dnf_studio.core.exploration.displayed import displayed_paths

    found = displayed_paths(flow, grid, x0, settings)
    return _Both(found.forward, found.backward.flip(0), found.noise, found.contributions)


def _without_gradients(work: Callable[[], Tensor]) -> Tensor:
    import torch

    from dnf_studio.core.parallel import single_threaded_kernels

    with torch.no_grad(), single_threaded_kernels():
        return work()


def _noise(grid: TimeGrid, x0: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Forward and backward noise (N, B, D), row i of the step between t_i and t_{i+1}."""
    import torch

    from dnf_studio.core.sde.brownian import BrownianPath, noise_of_both

    span = float(grid.t[0]), float(grid.t[-1])
    drawn = [
        noise_of_both(BrownianPath(seed, min(BLOCK, len(x0) - start), 2 * x0.shape[1], *span, stream=start), grid.t)
        for start in range(0, len(x0), BLOCK)
    ]
    ahead, back = (torch.cat(parts, 1).to(x0) for parts in zip(*drawn, strict=True))
    return ahead, back


def _array(values: Tensor) -> Array:
    found: Array = values.detach().cpu().float().numpy()
    return found
