"""The ways to step from noise to data, one file each; a new one is its file, its import and its place in `SOLVERS`.

Nothing here needs torch before a path is computed, so that the window and the command line can list them at start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dnf_studio.config.grids import LEVEL_GRIDS
from dnf_studio.core.sde.solvers.ancestral import ANCESTRAL
from dnf_studio.core.sde.solvers.ddim import DDIM
from dnf_studio.core.sde.solvers.dpmpp import DPMPP_2M
from dnf_studio.core.sde.solvers.fitted import FITTED, FITTED_OF_DRIFT, FITTED_OF_VELOCITY, fitted_for
from dnf_studio.core.sde.solvers.heun import HEUN, HEUN_OF_MARGINALS
from dnf_studio.core.sde.solvers.midpoint import EULER, HEUN_OF_VELOCITY, MIDPOINT
from dnf_studio.core.sde.solvers.ode import ODE, RUNGE_KUTTA
from dnf_studio.core.sde.solvers.record import Chain, LastStep, Needs, Parts, Solver
from dnf_studio.core.sde.solvers.sde import SDE
from dnf_studio.errors import SettingError

__all__ = [
    "FITTED",
    "ODE",
    "SDE",
    "SOLVERS",
    "Chain",
    "LastStep",
    "Needs",
    "Parts",
    "Solver",
    "SolversFor",
    "missing_grids",
    "solver_in_effect",
    "solver_named",
    "solver_names",
    "solvers_for",
    "unused_settings",
    "with_fitted",
]

SOLVERS: list[Solver] = [
    SDE,
    ODE,
    RUNGE_KUTTA,
    ANCESTRAL,
    DDIM,
    HEUN,
    HEUN_OF_MARGINALS,
    DPMPP_2M,
    EULER,
    MIDPOINT,
    HEUN_OF_VELOCITY,
    FITTED,
    FITTED_OF_VELOCITY,
    FITTED_OF_DRIFT,
]
"""All of them, in the order of lists; the first that a model can use is its own choice. Plug-ins add theirs."""


def solver_names() -> tuple[str, ...]:
    """The names of all of them, each once."""
    return tuple(dict.fromkeys(one.name for one in SOLVERS))


class SolversFor:
    """The attribute `solvers` of a class of models: `first` ones, `solvers_for` what it needs, and `also` others.

    It is asked for whenever somebody looks, since plug-ins add theirs.
    """

    def __init__(self, *needs: Needs, first: tuple[Solver, ...] = (), also: tuple[Solver, ...] = ()) -> None:
        self._needs, self._first, self._also = needs, first, also

    def __get__(self, model: Any, kind: type | None = None) -> tuple[Solver, ...]:  # noqa: ANN401 - a model or None
        found = tuple(dict.fromkeys((*self._first, *solvers_for(*self._needs), *self._also)))
        return found if model is None else with_fitted(found, model)


def with_fitted(solvers: tuple[Solver, ...], model: Any) -> tuple[Solver, ...]:  # noqa: ANN401 - a model
    """`solvers`, and last the steps that were fitted to `model`, where some were."""
    return (*solvers, fitted_for(model.fitted, model.fitted_steps)) if model.fitted_steps else solvers


def solvers_for(*needs: Needs) -> tuple[Solver, ...]:
    """The solvers of a model that has what they need; what it has first is what it rather steps by.

    Of two with the same name it has the one of the earlier need.
    """
    found: dict[str, Solver] = {}
    for need in needs:
        for one in SOLVERS:
            if one.needs == need:
                found.setdefault(one.name, one)
    return tuple(found.values())


def solver_named(name: str) -> Solver:
    """The first solver of this name, of whatever model; raises `SettingError` where there is none."""
    for one in SOLVERS:
        if one.name == name:
            return one
    *others, last = solver_names()
    raise SettingError(f"The solver '{name}' is not one of {', '.join(others)} and {last}.")


def solver_in_effect(name: str | None, solvers: tuple[Solver, ...], steps: int | None) -> Solver:
    """The one of a model's `solvers` that `name` stands for with so many `steps`, None being the model's own number.

    It is the model's own choice where it has none of that name, or that one does not make so many steps.
    """
    return next((one for one in solvers if one.name == name and one.makes(steps)), solvers[0])


def missing_grids(solvers: tuple[Solver, ...]) -> tuple[str, ...]:
    """The time grids that a model with these `solvers` cannot have, as it has no marginals; `NO_LEVELS` says why."""
    return () if any(one.needs == "marginals" for one in solvers) else LEVEL_GRIDS


def unused_settings(solver: Solver, lacks: Mapping[Any, str]) -> dict[str, str]:
    """Why settings mean nothing to `solver`, or to a model that `lacks` noise or score: λ, last step, parts and others.

    Keys are the names in `SampleSettings`, values one sentence each.
    """
    found = dict(solver.unused)
    if "noise" in lacks:
        found |= {"lam": lacks["noise"], "last": lacks["noise"]}
    if "score" in lacks:
        found |= {"parts": lacks["score"], "langevin": lacks["score"]}
    return found
