"""The solvers in words: what each is, where it comes from, and which settings of the view it leaves meaningless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnf_studio.config.solvers import Solver

if TYPE_CHECKING:
    from dnf_studio.core.models.base import Ability

__all__ = ["OWN_SOLVERS", "SolverWords", "solver_words", "unused_settings"]

OWN_SOLVERS: tuple[Solver, ...] = ("sde", "ode", "heun")
"""Of the model that a window begins with."""


@dataclass(frozen=True)
class SolverWords:
    """One solver."""

    name: str
    """In a few letters."""
    title: str
    """In a list with room."""
    moved: str
    """What carries the points: "… carried to samples by …"."""
    equation: str
    """What it computes, and where that is written."""


_ZHANG = "Zhang and Chen 2021"
WORDS: dict[str, SolverWords] = {
    "sde": SolverWords(
        "SDE",
        "SDE, Euler–Maruyama",
        "the backward SDE",
        f"dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄, by Euler–Maruyama steps ({_ZHANG}, equations 12 and 17).",
    ),
    "ode": SolverWords(
        "ODE",
        "ODE, Euler",
        "the probability-flow ODE",
        f"dx = [f − ½ g² s] dt, by Euler’s steps without noise ({_ZHANG}, equation 17 with λ = 0).",
    ),
    "ancestral": SolverWords(
        "ancestral",
        "ancestral, with noise",
        "ancestral steps",
        "Each step draws xₛ from a Gaussian with the mean of q(xₛ | xₜ, y), for the data it predicts, y = (xₜ − σₜ ε̂) "
        "/ aₜ, and the variance of the step (Ho, Jain and Abbeel 2020, section 3.2 and equation 7).",
    ),
    "ddim": SolverWords(
        "DDIM",
        "DDIM, without noise",
        "DDIM steps",
        "xₛ = aₛ y + σₛ ε̂ for the data it predicts, y = (xₜ − σₜ ε̂) / aₜ: first-order steps of the ODE, exact where ε̂ "
        "stays the same (J. Song, Meng and Ermon 2021, equation 12 with σ = 0).",
    ),
    "heun": SolverWords(
        "Heun",
        "Heun, second order",
        "Heun’s steps of the ODE",
        "Second-order steps of d(x/a) = ε̂ d(σ/a), two network evaluations each but the last (Karras et al. 2022, "
        "algorithm 1).",
    ),
}
RUNGE_KUTTA = SolverWords(
    "ODE",
    "ODE, Runge–Kutta 4",
    "the ODE",
    "dx = f dt, by Runge–Kutta steps of fourth order, four network evaluations each (Grathwohl et al. 2019, "
    "equation 4). A flow has no other solver.",
)
HEUN_OF_FIELDS = SolverWords(
    "Heun",
    "Heun, second order",
    "Heun’s steps of the ODE",
    f"dx = [f − ½ g² s] dt ({_ZHANG}, equation 17 with λ = 0), by Heun’s second-order steps, which evaluate the "
    "networks twice each but the last.",
)
"""Of a model that has no exact marginals to step by."""
_PARTS = "Only the solvers SDE and ODE can leave the drift or the score out."
REASONS: dict[str, dict[str, str]] = {
    "ode": {
        "lam": "The solver is the ODE, which is λ = 0; λ is for the solver SDE.",
        "last": "The solver is the ODE: no step has noise to leave out.",
    },
    "ancestral": {
        "lam": "Ancestral steps have the noise of the step; λ is for the solver SDE.",
        "parts": _PARTS,
    },
    "ddim": {
        "lam": "DDIM steps have no noise; λ is for the solver SDE.",
        "last": "DDIM steps have no noise that the last one could leave out.",
        "parts": _PARTS,
    },
    "heun": {
        "lam": "Heun’s steps have no noise; λ is for the solver SDE.",
        "last": "Heun’s steps have no noise that the last one could leave out.",
        "parts": _PARTS,
    },
}


def solver_words(solver: str | None, solvers: Sequence[str]) -> SolverWords:
    """On `solver`, None for its own, of a model that has these `solvers`."""
    name = solver or solvers[0]
    if name == "heun" and "ddim" not in solvers:
        return HEUN_OF_FIELDS
    return RUNGE_KUTTA if name == "ode" and "sde" not in solvers else WORDS[name]


def unused_settings(solver: str | None, lacks: Mapping[Ability, str]) -> dict[str, str]:
    """λ, last step and parts, by their names in `State`, where `solver` or what a model `lacks` leaves them without a
    meaning, and why."""
    found = dict(REASONS.get(solver or "", {}))
    if "noise" in lacks:
        found |= {"lam": lacks["noise"], "last": lacks["noise"]}
    if "score" in lacks:
        found["parts"] = lacks["score"]
    return found
