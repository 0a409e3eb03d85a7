"""What both processes do with given points, from a script: paths, fields along them, and where they disagree."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from dnf_studio.api.displaying import DisplaySet
from dnf_studio.api.measuring import as_model
from dnf_studio.api.settings import in_python
from dnf_studio.errors import SettingError, UnsupportedError
from dnf_studio.facts import WithFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dnf_studio.core.exploration.marginals import Marginals
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.sample_settings import Start
    from dnf_studio.core.sde.solvers import LastStep
    from dnf_studio.core.sde.solvers import Parts as PartsKept

    Array = NDArray[np.float32]

Units = Literal["data", "model"]


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

    def marginals(self) -> Marginals:
        """How far the two clouds are from each other at every t_i, and what chance alone makes of it, (N+1,) each.

        In the units of these paths; those of the window are ``units="model"``. Raises `DataError` for fewer than four
        points.

        Examples
        --------
        >>> import dnf_studio as dnf
        >>> model = dnf.load("diffflow-rings")
        >>> p = dnf.paths(model, dnf.display_set(model, 100), steps=5, units="model")
        >>> p.marginals().distance.shape, p.marginals().floor.shape
        ((6,), (6,))
        """
        import numpy as np

        from dnf_studio.core.exploration.marginals import compare_marginals

        return compare_marginals(self.forward, np.ascontiguousarray(self.backward[::-1]))

    def plot(
        self,
        points: int = 100,
        theme: Literal["light", "dark"] = "light",
        *,
        step: int | None = None,
        axes: tuple[int, int] = (0, 1),
        chosen: Sequence[int] = (),
        chosen_in: Literal["forward", "backward", "both"] = "both",
    ) -> Any:  # noqa: ANN401 - matplotlib
        """Draw the first `points` paths of both processes with matplotlib, in the colours of the studio.

        Two components are drawn against each other, those of `axes`; one is drawn over the time. With a `step` all
        points are drawn as they are at t_i of this number i, as the window shows them, else where the paths end. The
        paths of the points `chosen`, in the process `chosen_in` or in both, are set off.

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

        return plot_paths(self, points, theme, step, axes, {chosen_in: chosen})

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
    parts: PartsKept = "both",
    start: Start = "noise",
    units: Units = "data",
) -> Paths:
    """Carry `x` to noise by the forward process, and as many latents to data by the backward process.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file.
    x
        Points (B, D) in data units: an array, a list of rows, a tensor or a DataFrame. Or a `DisplaySet`: then paths,
        contributions and disagreement are those of the window with the same settings, to the bit on one machine.
    steps
        N, the model's own unless given. The same seed has the same Brownian paths whatever N is.
    seed
        Seed of the noise of both processes and of the latents.
    lam, solver, last_step, grid
        How the backward process goes, as in `export`; the last step keeps its noise unless ``"mean"`` is asked for.
    parts
        What the backward process by Euler's steps keeps of its drift: ``"both"`` fields, or ``"drift"`` or ``"score"``
        alone, to see what the other one does.
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
    # Long by its settings and by the fields of what it returns, which are named one by one
    import torch

    from dnf_studio.api.carrying import carried, checked_points
    from dnf_studio.core.parallel import single_threaded_kernels
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.core.storage.grid_presets import parse_grid

    with in_python():
        if units not in get_args(Units):
            raise SettingError(f"The units are data or model, not {units!r:.100}.")
        kind = parse_grid(grid) if isinstance(grid, str) else grid
        settings = SampleSettings(steps, lam, last_step, kind, seed, solver, parts=parts, start=start)
        flow = as_model(model)
        if units == "data" and flow.standardisation.logit is not None:
            raise SettingError("In the data units of a model of logits the fields are no others; say units='model'.")
        shown = isinstance(x, DisplaySet)
        x0 = x.of(flow) if isinstance(x, DisplaySet) else checked_points(flow, x)
        with torch.no_grad(), single_threaded_kernels():
            found = carried(flow, x0, settings, in_data_units=units == "data", displayed=shown)
            level = settings.lam if flow.checked_solver(settings.solver).noise else 0.0
        return Paths(
            forward=found.forward,
            backward=found.backward,
            t=found.t,
            g=found.g,
            drift=found.drift,
            score=found.score,
            contribution=found.contribution,
            parts=None if found.parts is None else Parts(*found.parts),
            model=flow.kind,
            units=units,
            lam=level,
            seed=seed,
            why=flow.lacks.get("bound") or flow.lacks.get("noise") or "",
            _log_ratios=found.log_ratios,
        )
