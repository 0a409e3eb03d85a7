"""Whole paths in one question: how the window asks for them, and how the script steps them by the same code.

A path of N steps takes some 4 N values of the callables, and the densities along it more. Asked for one by one, each of
them waits for its turn in both programs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from dnf_studio.config.grids import MAX_STEPS
from dnf_studio.core.exploration.display_set import PathSimulator
from dnf_studio.core.models.wrapped.base import WrappedModel
from dnf_studio.core.sampling.model import CarriedPath, CarriedPoints, Carry, Model
from dnf_studio.core.sampling.node_density import MOST_TIMES, log_density_at_nodes
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep, Parts
from dnf_studio.errors import Check, LinkError
from dnf_studio.link.answers import MOST_ROWS
from dnf_studio.link.messages import MOST_BYTES, Array, Message
from dnf_studio.link.remote import Asking, version_of

MOST_NUMBERS = MOST_BYTES // 16
"""Numbers of the longest path that is one question: it and its noise have room in a message, in float64 too."""
GRID = "t", "g", "condition"
DOES_NOT_FIT = "The window asks with arrays of a shape that does not fit."
Shapes = dict[str, tuple[tuple[int, ...], np.dtype[np.floating[Any]]]]


class _Asked(BaseModel):
    """The facts of a question for densities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[int, Field(ge=1)]
    number: int = 0


class _AskedPaths(_Asked):
    """The facts of a question for paths."""

    way: Carry
    solver: str
    lam: float
    last: LastStep
    parts: Parts


class RemotePaths:
    """Asks the script that has the callables of a model for whole paths; it has the `solvers`, by their names."""

    def __init__(self, ask: Asking, solvers: Collection[str]) -> None:
        self._ask, self._solvers = ask, frozenset(solvers)

    def __deepcopy__(self, _memo: object) -> Self:
        """Copies of a model ask the same script."""
        return self

    def carried(self, flow: Model, way: Carry, given: CarriedPoints, check: Check) -> Mapping[str, Array] | None:
        """The arrays of a `ForwardBlock`, or the ``path`` alone.

        Raises as `Asking` does, and what `check` raises, which is called while the script computes.
        """
        grid, settings, points, noise = given
        solver = flow.checked_solver(settings.solver).name
        if solver not in self._solvers or noise.numel() + points.numel() > MOST_NUMBERS:
            return None
        how = {"way": way, "solver": solver, "lam": float(settings.lam), "last": settings.last, "parts": settings.parts}
        arrays = {"x": points.detach().numpy(), "noise": noise.detach().numpy(), **_told(grid)}
        found = self._ask("carry", {"version": version_of(flow), **how}, arrays, check).arrays
        return _checked(found, _shapes(way, len(noise), arrays["x"], "noise" in flow.lacks))

    def log_density(self, flow: Model, given: CarriedPath, signs: Tensor | None, check: Check) -> Tensor | None:
        """ln q_i(x_i) (K, B) at the nodes; raises as `carried` does."""
        grid, path, times, nodes = given
        if path.numel() > MOST_NUMBERS:
            return None
        arrays = {"x": path.detach().numpy(), **_told(grid), "times": np.array(times, np.float64),
                  "nodes": np.array(nodes, np.int64)}  # fmt: skip
        if signs is not None:
            arrays["signs"] = signs.detach().numpy()
        found = self._ask("density", {"version": version_of(flow)}, arrays, check).arrays
        shape: Shapes = {"density": ((len(nodes), path.shape[1]), arrays["x"].dtype)}
        return torch.from_numpy(_checked(found, shape)["density"])


def stepped(model: Callable[[int], WrappedModel], asked: Message, check: Check) -> dict[str, Array]:
    """What `RemotePaths` asks for, of `model` with the weights of a version; raises `LinkError` for what fits none."""
    given = {name: torch.from_numpy(np.array(values)) for name, values in asked.arrays.items()}
    if asked.kind == "density":
        facts = _Asked.model_validate(dict(asked.facts))
        flow = model(facts.version)
        if not _fits_density(asked.arrays, flow.dim):
            raise LinkError(DOES_NOT_FIT)
        with torch.inference_mode():
            ways = given["times"].tolist(), given["nodes"].tolist(), given.get("signs")
            return {"density": log_density_at_nodes(flow, _grid(given), given["x"], *ways, check).numpy()}
    how = _AskedPaths.model_validate(dict(asked.facts))
    flow = model(how.version)
    if not _fits_paths(asked.arrays, flow.dim):
        raise LinkError(DOES_NOT_FIT)
    settings = SampleSettings(lam=how.lam, last=how.last, solver=how.solver, parts=how.parts)
    simulator = PathSimulator(flow, _grid(given), torch.float32, settings)
    points, noise = given["x"], given["noise"]
    with torch.inference_mode():
        if how.way == "forward":
            return simulator.forward(points, noise, check)._asdict()
        if how.way == "ahead":
            return {"path": simulator.ahead(points, noise, check)}
        return {"path": simulator.backward(points, noise, check, whole=how.way == "whole")}


def _told(grid: TimeGrid) -> dict[str, Array]:
    """A grid as arrays."""
    fitted = {} if grid.fitted is None else {"fitted": grid.fitted.numpy()}
    return {**{name: getattr(grid, name).numpy() for name in GRID}, **fitted}


def _grid(given: Mapping[str, Tensor]) -> TimeGrid:
    return TimeGrid(given["t"], given["g"], given["condition"], given.get("fitted"))


def _fits_paths(arrays: Mapping[str, Array], dim: int) -> bool:
    """Whether these are a grid (N+1,) and points (B, D) with noise (N, B, D) of one type."""
    if not _fits(arrays, {"x", "noise"}, {"fitted"}):
        return False
    x, noise, steps = arrays["x"], arrays["noise"], len(arrays["t"]) - 1
    shaped = x.ndim == 2 and x.shape[1] == dim and 1 <= len(x) <= MOST_ROWS
    return shaped and noise.shape == (steps, *x.shape) and noise.dtype == x.dtype


def _fits_density(arrays: Mapping[str, Array], dim: int) -> bool:
    """Whether these are a grid (N+1,), a path (N+1, B, D), times that rise and some of its nodes that end with N."""
    if not _fits(arrays, {"x", "times", "nodes"}, {"fitted", "signs"}):
        return False
    x, times, nodes, last = arrays["x"], arrays["times"], arrays["nodes"], len(arrays["t"]) - 1
    return (
        x.ndim == 3
        and x.shape == (last + 1, min(max(x.shape[1], 1), MOST_ROWS), dim)
        and ("signs" not in arrays or arrays["signs"].shape == x.shape[1:])
        and times.ndim == nodes.ndim == 1
        and 2 <= len(times) <= MOST_TIMES + 1
        and bool((np.diff(times) > 0).all())
        and 2 <= len(nodes) <= last + 1
        and bool((np.diff(nodes) > 0).all() and nodes[0] >= 0 and nodes[-1] == last)
    )


def _fits(arrays: Mapping[str, Array], wanted: set[str], optional: set[str]) -> bool:
    """Whether a grid (N+1,), what is `wanted` and nothing but what is `optional` are there, numbers all."""
    names = set(arrays)
    if names - optional != {*GRID, *wanted} or any(one.dtype.kind not in "fi" for one in arrays.values()):
        return False
    steps = len(arrays["t"]) - 1 if arrays["t"].ndim == 1 else 0
    shaped = all(arrays[name].shape == (steps + 1,) and arrays[name].dtype.kind == "f" for name in GRID)
    fitted = arrays["fitted"].shape == (steps,) if "fitted" in names else True
    return 1 <= steps <= MAX_STEPS and shaped and fitted and arrays["x"].dtype.kind == "f"


def _shapes(way: Carry, steps: int, x: NDArray[Any], noiseless: bool) -> Shapes:
    """Shapes and types of the arrays that a question for `steps` steps of the points x (B, D) brings."""
    path: Shapes = {"path": ((steps + 1, *x.shape), x.dtype)}
    if way != "forward":
        return path
    told, sums = 0 if noiseless else steps, np.dtype(np.float64)
    each = (0, 0) if noiseless else (steps, len(x))
    return {**path, "contributions": (each, x.dtype), "parts": ((3, told), sums), "saved": ((2, told), sums),
            "lengths": ((3, told), sums)}  # fmt: skip


def _checked(found: Mapping[str, Array], wanted: Shapes) -> dict[str, Array]:
    """Copies that may be written to; raises `LinkError` for other arrays than those that are `wanted`."""
    if {name: (values.shape, values.dtype) for name, values in found.items()} != wanted:
        raise LinkError("The script gives paths that do not fit its question.")
    return {name: np.array(values) for name, values in found.items()}
