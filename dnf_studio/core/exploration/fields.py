"""The vector fields that move points, on a regular grid over a plane.

All of them are sums of the drift f and of g² s, so one evaluation of the two serves them all. Like the equations
they belong to, they are dx/dt with t rising, or its negative, which is how points move as time runs ``backward``.
The score alone is a gradient and the same either way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.errors import SettingError

FieldName = Literal["drift", "score", "backward", "flow"]
MeasuredField = Callable[[int, Tensor], tuple[Tensor, Tensor]]
"""Value (B, D) and divergence (B,) at a node and states (B, D)."""
Measured = tuple[MeasuredField, MeasuredField]
MAX_EXACT_DIM = 16
"""The divergence of the whole field takes one derivative a dimension and network."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FieldGrid:
    """f and g² s at one node of a time grid and at R × C places of a plane, model units.

    Row r and column c belong to the place (x[c], y[r]) of the plane. `name` is ``drift`` f, ``backward``
    f − ½(1+λ²) g² s (9, 17) or ``flow`` f − ½ g² s, the velocity of the probability-flow ODE, which all change
    their sign with `direction`; or ``score`` g² s, which points up the log-density and does not.
    """

    node: int
    t: float
    g: float
    plane: Plane
    x: Array
    """(C,)"""
    y: Array
    """(R,)"""
    drift: Array
    """f, (R, C, D)."""
    score_term: Array
    """g² s, (R, C, D)."""
    drift_divergence: Array
    """(R, C)"""
    score_divergence: Array
    """Divergence of g² s, (R, C)."""
    whole: bool
    """Whether the divergences are those of the whole field; else, beyond 16 dimensions, within the plane."""

    def values(self, name: FieldName, lam: float = 1.0, direction: Direction = "forward") -> Array:
        """The whole vectors, (R, C, D)."""
        a, b = _weights(name, lam, direction)
        with np.errstate(invalid="ignore"):
            summed: Array = a * self.drift + b * self.score_term
        return summed

    def vectors(self, name: FieldName, lam: float = 1.0, direction: Direction = "forward") -> Array:
        """The part of the vectors that lies in the plane, (R, C, 2)."""
        with np.errstate(invalid="ignore", over="ignore"):
            inside: Array = self.values(name, lam, direction) @ self.plane.axes.T
        return inside

    def magnitude(self, name: FieldName, lam: float = 1.0) -> Array:
        """Length of the whole vectors, (R, C)."""
        with np.errstate(invalid="ignore", over="ignore"):
            length: Array = np.sqrt(np.square(self.values(name, lam)).sum(axis=-1))
        return length

    def divergence(self, name: FieldName, lam: float = 1.0, direction: Direction = "forward") -> Array:
        """∇·v, (R, C), of the whole field or within the plane, as `whole` says."""
        a, b = _weights(name, lam, direction)
        with np.errstate(invalid="ignore"):
            summed: Array = a * self.drift_divergence + b * self.score_divergence
        return summed


def measured_fields(
    flow: GenerativeModel, grid: TimeGrid, plane: Plane, divergence: bool = True, hidden: torch.dtype | None = None
) -> Measured:
    """Drift and score of `flow` at the nodes of `grid` for `field_grid`, hidden layers in `hidden`.

    Up to 16 dimensions their divergence is exact, beyond it is that within `plane`, by autograd and in the model's
    own type; without `divergence` it is NaN, in a sixth of the time.
    """
    if not divergence:
        drift, score = flow.fields(grid, hidden)
        return _alone(drift), _alone(score)
    if flow.dim <= MAX_EXACT_DIM:
        return flow.fields_with_divergence(grid, hidden)
    # The explorer asks from within inference mode, which no graph could be recorded in
    with torch.inference_mode(False), torch.enable_grad():
        drift, score = flow.fields(grid)
    axes = torch.from_numpy(plane.axes)
    return differentiated(drift, axes), differentiated(score, axes)


def field_grid(
    fields: Measured,
    grid: TimeGrid,
    node: int,
    plane: Plane,
    extent: tuple[float, float, float, float],
    size: tuple[int, int] = (32, 32),
) -> FieldGrid:
    """`fields`, drift and score, at t_node in the middles of `size` columns and rows of the rectangle `extent`.

    `extent` is left, bottom, right and top in coordinates of `plane`. Raises `SettingError` for a node that the
    grid has not or a rectangle without area.
    """
    if not 0 <= node <= grid.steps:
        raise SettingError(f"The time grid has the nodes 0 to {grid.steps}, not {node}.")
    x, y = _middles(extent, size)
    cells = plane.place(*np.meshgrid(x, y))
    dim = cells.shape[-1]
    places = torch.from_numpy(cells.reshape(-1, dim)).to(grid.t)
    with torch.no_grad():
        drift, score = (field(node, places) for field in fields)
    g = float(grid.g[node])

    def shaped(values: Tensor, factor: float = 1.0) -> Array:
        return factor * values.cpu().double().numpy().reshape(*cells.shape[:2], *values.shape[1:])

    return FieldGrid(
        *(node, float(grid.t[node]), g, plane, x, y),
        drift=shaped(drift[0]),
        score_term=shaped(score[0], g * g),
        drift_divergence=shaped(drift[1]),
        score_divergence=shaped(score[1], g * g),
        whole=dim <= MAX_EXACT_DIM,
    )


def _middles(extent: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[Array, Array]:
    """Middles of the columns and rows of a rectangle."""
    left, bottom, right, top = extent
    columns, rows = size
    if not (np.isfinite(extent).all() and left < right and bottom < top and min(size) >= 1):
        raise SettingError("A field needs a rectangle with an area and at least one place in it.")
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    return x, y


def _weights(name: FieldName, lam: float, direction: Direction) -> tuple[float, float]:
    """How often f and g² s are in a field."""
    known = {"drift": (1.0, 0.0), "backward": (1.0, -0.5 * (1 + lam * lam)), "flow": (1.0, -0.5), "score": (0.0, 1.0)}
    if name not in known:
        raise SettingError(f"The field '{name}' is not one of {', '.join(get_args(FieldName))}.")
    f, s = known[name]
    return (-f, -s) if direction == "backward" and name != "score" else (f, s)


def differentiated(field: Field, directions: Tensor | None = None) -> MeasuredField:
    """`field` with Σ_k a_kᵀ J a_k over orthonormal `directions` a (K, D) by autograd; with ∇·field where none are."""

    def both(node: int, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(False), torch.enable_grad():
            points = x.clone().requires_grad_()
            axes = torch.eye(x.shape[1]) if directions is None else directions.clone()
            value = field(node, points)
            divergence = torch.zeros_like(value[:, 0])
            # A field that does not depend on x has no graph to go back through
            for axis in axes.to(points) if value.requires_grad else ():
                along = (value * axis).sum()
                (row,) = torch.autograd.grad(along, points, retain_graph=True, materialize_grads=True)
                divergence += row @ axis
        return value.detach(), divergence.detach()

    return both


def _alone(field: Field) -> MeasuredField:
    def both(node: int, x: Tensor) -> tuple[Tensor, Tensor]:
        value = field(node, x)
        return value, torch.full_like(value[:, 0], torch.nan)

    return both
