"""What is registered is tried once, small, before it is trusted; and the names and the calls that it must have."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio import plugins
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import GROUPS
from dnf_studio.core.sde.solvers import Needs, Solver
from dnf_studio.errors import PluginError, StudioError, UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.sde.paths import Sampler

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SMALL: dict[Needs, str] = {"fields": "diffflow", "marginals": "diffusion", "drift": "flow", "velocity": "matching"}
"""A kind of model that has what a solver needs."""


def check_name(kind: plugins.Kind, name: object, known: Sequence[str] | Mapping[str, object]) -> None:
    """Raise `PluginError` for what is no name, and for one that is taken."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(f"A {kind} is named by at most 40 small letters, digits, - and _, not {name!r:.60}.")
    if name in known:
        whose = plugins.owner(kind, name)
        taken = "is built in" if whose is None else f"is registered already, by '{whose}'"
        raise PluginError(f"The {kind} '{name}' {taken}; take another name.")


def check_call(kind: plugins.Kind, name: str, function: object, *arguments: str) -> None:
    """Raise `PluginError` where `function` cannot be called with so many arguments."""
    try:
        inspect.signature(function).bind(*arguments)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise PluginError(f"The {kind} '{name}' is to be called with ({', '.join(arguments)}): {error}.") from error


def groups_of(
    kind: plugins.Kind, name: str, given: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, dict[str, Any]]:
    """Defaults by group, copied; raises `PluginError` for other groups."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(key in GROUPS and isinstance(given[key], Mapping) for key in given):
        raise PluginError(f"The defaults of the {kind} '{name}' are to be given by group: {', '.join(GROUPS)}.")
    return {group: dict(values) for group, values in given.items()}


def tried(work: Callable[[], object]) -> None:
    """Do `work` without drawing from torch's generator.

    A `StudioError` as such, or an `UnsupportedError`, says that it is not made for what it is tried with, such as
    points that are no images: that is no fault. Every other kind is.
    """
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            work()
    except PluginError:
        raise
    except StudioError as error:
        if type(error) not in (StudioError, UnsupportedError):
            raise PluginError(str(error)) from error


def counted(name: str, sampler: Any) -> Callable[..., Sampler]:  # noqa: ANN401 - checked by its signature
    """`sampler`, whose states are counted and measured."""

    def checked(model: Any, grid: Any, *settings: Any) -> Sampler:  # noqa: ANN401 - whatever `Solver.sampler` takes
        states = sampler(model, grid, *settings)

        def run(z: Tensor, noise: Callable[[int], Tensor]) -> Iterator[Tensor]:
            count = 0
            for state in states(z, noise):
                if getattr(state, "shape", None) != z.shape:
                    shape = tuple(getattr(state, "shape", ())) or type(state).__name__
                    raise PluginError(f"The solver '{name}' is to yield states {tuple(z.shape)}, and yielded {shape}.")
                yield state
                count += 1
            if count != grid.steps + 1:
                raise PluginError(f"The solver '{name}' is to yield {grid.steps + 1} states, and yielded {count}.")

        return run

    return checked


def run_small(solver: Solver) -> None:
    """Step three points in two steps by a small model; raises `PluginError` where that fails."""
    import torch

    from dnf_studio.core.models.build import build_model

    small = {"layers": 1, "channels": 4, "features": 0}
    model = build_model(2, Config.create({"model": SMALL[solver.needs], "network": small}))
    z = torch.linspace(-1, 1, 6).reshape(3, 2)
    try:
        with torch.no_grad():
            sampler = solver.sampler(model, model.grid(2), 1.0, "mean", None)
            for _ in sampler(z, lambda j: torch.zeros_like(z)):
                pass
    except StudioError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise PluginError(f"The solver '{solver.name}' failed: {type(error).__name__}: {said}.") from error


def check_samples(name: str, model: GenerativeModel) -> None:
    """Raise `PluginError` where samples have another shape."""
    shape = tuple(model.sample(3, steps=2).shape)
    if shape != (3, 2):
        raise PluginError(f"The model '{name}' is to sample (3, 2) points, and sampled {shape}.")
