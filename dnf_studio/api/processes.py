"""What both processes do with given points, from a script: paths, fields along them, and where they disagree."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from dnf_studio.api.measuring import as_model
from dnf_studio.api.settings import in_python
from dnf_studio.errors import DataError, SettingError, UnsupportedError
from dnf_studio.facts import WithFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.sample_settings import Start
    from dnf_studio.core.sde.solvers import LastStep

    Array = NDArray[np.float32]

Units = Literal["data", "model"]
BLOCK = 512
"""Points whose Brownian paths are made at once."""


class Parts(NamedTuple):
    """The three parts of what a step adds to the bound beside its g term, each (N, B), nats (method.md, section 2)."""

    noise: Array
    """g differs between the two ends of the step."""
    drift: Array
    """The drift changes over the step."""
    score: Array
    """What the score adds."""


@dataclass(frozen=True, eq=False, repr=False)
class Paths(WithFacts):
    """The two processes of a model from given points: B paths each way over N steps, of D components.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> model = dnf.load("diffflow-rings")
    >>> dnf.paths(model, model.sample(4), steps=5)
    Paths(model='diffflow', points=4, dim=2, steps=5, lam=1, units='data', seed=0)
    """

    forward: Array
    """Data to noise (N+1, B, D), row i at t_i; row 0 are the given points."""
    backward: Array
    """Noise to data (N+1, B, D), in the order of sampling: row 0 at t_N, row N at t_0."""
    t: Array
    """The times (N+1,), rising from t_0 at the data to t_N at the noise."""
    g: Array
    """The diffusion coefficient (N+1,) at these times; in data units a component has g times its scale."""
    drift: Array
    """f(x_i, t_i) (N+1, B, D) along the forward paths."""
    score: Array
    """s(x_i, t_i) (N+1, B, D) along the forward paths; that at t_0 is not trained, since no step needs it."""
    contribution: Array | None
    """What each step adds to the bound on −log p, (N, B), nats, its g term D ln(g_{i+1}/g_i) included; None for a model
    without a bound."""
    parts: Parts | None
    """Its three parts, without the g term."""
    model: str
    units: Units
    lam: float
    seed: int
    why: str = field(repr=False)
    """Why there is no disagreement; empty where there is."""
    _log_ratios: Callable[[], Array] = field(repr=False)

    @cached_property
    def disagreement(self) -> Array:
        """By how much each backward step misses the reverse of the forward step, (N, B), nats: the log-ratio of both.

        It is `contribution` + ln p_i(x_i) − ln p_{i+1}(x_{i+1}), with the densities of the probability-flow ODE; its
        mean over many points is never negative and zero for a perfect step (method.md, section 2). Solving the ODE
        from every node takes seconds, so this is done when it is first asked for, with the model's weights of then.
        Raises `UnsupportedError` for a model without a bound.
        """
        if self.why:
            raise UnsupportedError(self.why)
        return self._log_ratios()

    def plot(self, points: int = 100, theme: Literal["light", "dark"] = "light") -> Any:  # noqa: ANN401 - matplotlib
        """Draw the first `points` paths of both processes with matplotlib, in the colours of the studio.

        Two components are drawn against each other, the first two of more; one is drawn over the time.

        Returns
        -------
        matplotlib.figure.Figure
            With one plot for each process. Raises `StudioError` where there is no matplotlib.

        Examples
        --------
        >>> import dnf_studio as dnf
        >>> model = dnf.load("diffflow-rings")
        >>> figure = dnf.paths(model, model.sample(20), steps=5).plot()
        >>> [axes.get_title() for axes in figure.axes]
        ['Forward: data → noise', 'Backward: noise → data']
        """
        from dnf_studio.api.plotting import plot_paths

        return plot_paths(self, points, theme)

    def _facts(self) -> Mapping[str, object]:
        nodes, points, dim = self.forward.shape
        return {
            "model": self.model,
            "points": points,
            "dim": dim,
            "steps": nodes - 1,
            "lam": self.lam,
            "units": self.units,
            "seed": self.seed,
            "no_disagreement": self.why or None,
        }


def paths(
    model: GenerativeModel | str | os.PathLike[str],
    x: Any,  # noqa: ANN401 - any data
    steps: int | None = None,
    *,
    seed: int = 0,
    lam: float = 1.0,
    solver: str | None = None,
    last_step: LastStep = "noise",
    grid: Any = None,  # noqa: ANN401 - a name, a file or nodes
    start: Start = "noise",
    units: Units = "data",
) -> Paths:
    """Carry `x` to noise by the forward process, and as many latents to data by the backward process.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file.
    x
        Points (B, D) in data units: an array, a list of rows, a tensor or a DataFrame.
    steps
        N, the model's own unless given. The same seed has the same Brownian paths whatever N is.
    seed
        Seed of the noise of both processes and of the latents.
    lam, solver, last_step, grid
        How the backward process goes, as in `export`; the last step keeps its noise unless ``"mean"`` is asked for.
    start
        Where the backward paths begin: at ``"noise"`` of their own, or where the ``"forward"`` path of the same number
        ends, so that the two are a round trip.
    units
        Of paths and fields: those of the ``"data"`` or of the ``"model"``, whose data is standardised.

    Returns
    -------
    Paths
        Arrays of float32, with `Paths.disagreement` and `Paths.plot`.

    Raises
    ------
    StudioError
        In one sentence, for points of other dimensions or that are not finite, and for settings that cannot be.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> model = dnf.load("diffflow-rings")
    >>> p = dnf.paths(model, model.sample(6, seed=1), steps=10, seed=0)
    >>> p.forward.shape, p.t.shape, p.score.shape, p.parts.drift.shape
    ((11, 6, 2), (11,), (11, 6, 2), (10, 6))
    """
    import torch

    from dnf_studio.core.parallel import single_threaded_kernels
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.core.storage.grid_presets import parse_grid

    with in_python():
        if units not in get_args(Units):
            raise SettingError(f"The units are data or model, not {units!r:.100}.")
        kind = parse_grid(grid) if isinstance(grid, str) else grid
        settings = SampleSettings(steps, lam, last_step, kind, seed, solver, start=start)
        flow = as_model(model)
        if units == "data" and flow.standardisation.logit is not None:
            raise SettingError("In the data units of a model of logits the fields are no others; say units='model'.")
        x0 = _points(flow, x)
        with torch.no_grad(), single_threaded_kernels():
            return _paths(flow, x0, settings, units)


def _points(flow: GenerativeModel, x: Any) -> Tensor:  # noqa: ANN401 - any data
    """`x` in the units of the model, of its type and on its device; raises `DataError` for what are no points of it."""
    import torch

    from dnf_studio.api.training import source_of
    from dnf_studio.core.data.missing import checked_table
    from dnf_studio.core.data.own_rows import matched, refuse_width
    from dnf_studio.core.data.readers import read_table
    from dnf_studio.core.storage.origins import checkpoint_of

    source = source_of(x)
    if source is None:
        raise DataError("Give the points whose paths to follow, (B, D) in data units.")
    table = read_table(source)
    columns = checkpoint_of(flow).data.columns
    refuse_width(table.columns, columns, flow.dim)
    if len(columns) == flow.dim and set(columns) <= set(table.columns):
        table = matched(table, columns)
    if len(table.columns) != flow.dim:
        raise DataError(f"The points have {len(table.columns)} components, and the model has {flow.dim}.")
    checked_table(table)
    rows = torch.from_numpy(table.read(slice(0, len(table))))
    return flow.standardisation.to_model(rows).to(flow.timestamps)


def _paths(flow: GenerativeModel, x0: Tensor, settings: Any, units: Units) -> Paths:  # noqa: ANN401 - SampleSettings
    """All that is computed at once."""
    import torch

    from dnf_studio.core.exploration.contributions import explain_path
    from dnf_studio.core.exploration.excess import excess, widths
    from dnf_studio.core.sde.brownian import latents
    from dnf_studio.core.sde.paths import collected, remembering

    grid = flow.grid(settings.steps, settings.grid)
    ahead, back = _noise(grid, x0, settings.seed)
    drift, score = map(remembering, flow.fields(grid))
    forward = collected(flow.encoder(grid)(x0, ahead.__getitem__))
    begin = forward[-1] if settings.start == "forward" else latents(settings.seed, *x0.shape).to(x0)
    backward = collected(flow.sampler(grid, settings)(begin, back.flip(0).__getitem__))
    f, s = (torch.stack([of(i, x) for i, x in enumerate(forward)]) for of in (drift, score))
    contribution = parts = None
    if flow.bounded and "noise" not in flow.lacks:
        found = explain_path((drift, score), grid, forward, ahead)
        parts = Parts(*map(_array, found.parts))
        contribution = _array(found.steps + widths(grid, flow.dim)[:, None])
    if units == "data":
        scale = x0.new_tensor(flow.standardisation.scale)
        forward, backward = map(flow.standardisation.to_data, (forward, backward))
        f, s = f * scale, s / scale
    return Paths(
        forward=_array(forward),
        backward=_array(backward),
        t=_array(grid.t),
        g=_array(grid.g),
        drift=_array(f),
        score=_array(s),
        contribution=contribution,
        parts=parts,
        model=flow.kind,
        units=units,
        lam=settings.lam if flow.checked_solver(settings.solver).noise else 0.0,
        seed=settings.seed,
        why=flow.lacks.get("bound") or flow.lacks.get("noise") or "",
        _log_ratios=lambda: _array(excess(flow, x0, ahead, grid).log_ratios),
    )


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
