"""Which time grid: one of the formulas by its name, or a grid of one's own by its nodes (method.md, section 5)."""

from __future__ import annotations

from typing import Literal, get_args

from dnf_studio.errors import SettingError

GridName = Literal["reference", "paper", "uniform", "s-curve", "log-snr", "karras"]
Nodes = tuple[float, ...]
"""0 = u_0 < … < u_N = 1: the nodes as fractions of the way from t_start to t_end."""
GridKind = str | Nodes
"""A `GridName`, or `Nodes` that serve any N by interpolation."""
GRID_NAMES: tuple[str, ...] = get_args(GridName)
POWER_GRIDS = ("reference", "paper")
"""The grids whose nodes are spaced by the power β."""
LEVEL_GRIDS = ("log-snr", "karras")
"""The grids whose nodes are spaced by the noise levels a(t) and σ(t) of a diffusion model, which others do not have."""
NO_LEVELS = "The grids log-snr and karras follow the noise levels of a diffusion model; for others take another grid."
MAX_STEPS = 10_000
MOST_FITTED = 64
"""Most steps that are fitted: with more there is nothing to gain, and gradients go through all of them."""
LEAST_STEP = 2.0**-16
"""The shortest step between `Nodes`: 128 times what float32 tells apart at 1, and four of the cells below which
`core.sde.brownian` tells no times apart."""


def check_grid(value: object) -> GridKind:
    """`value` as a grid; lists and arrays of nodes become tuples. Raises `SettingError` for what is none."""
    if isinstance(value, str):
        if value not in GRID_NAMES:
            names = f"{', '.join(GRID_NAMES[:-1])} and {GRID_NAMES[-1]}"
            raise SettingError(f"The time grid '{value}' is not one of {names}.")
        return value
    nodes = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(nodes, list | tuple):
        raise SettingError("A time grid is a name or a list of nodes from 0 to 1.")
    if not 2 <= len(nodes) <= MAX_STEPS + 1:
        raise SettingError(f"A time grid must have between 2 and {MAX_STEPS + 1:,} nodes, not {len(nodes):,}.")
    if any(isinstance(node, bool) or not isinstance(node, int | float) for node in nodes):
        raise SettingError("The nodes of a time grid must be numbers.")
    if nodes[0] != 0 or nodes[-1] != 1 or not all(0 <= node <= 1 for node in nodes):
        raise SettingError("The nodes of a time grid must begin with 0, end with 1 and lie between.")
    for i in range(1, len(nodes)):
        if nodes[i] - nodes[i - 1] < LEAST_STEP:
            raise SettingError(f"Each node of a time grid must be at least {LEAST_STEP:.1e} beyond the one before, "
                               f"and node {i:,} is not.")  # fmt: skip
    return tuple(map(float, nodes))


def check_steps(steps: int) -> int:
    """`steps`, or `SettingError` if it is not a possible N."""
    if not 1 <= steps <= MAX_STEPS:
        raise SettingError(f"The number of steps N must be between 1 and {MAX_STEPS:,}, not {steps}.")
    return steps


def check_fitted(steps: int) -> int:
    """`steps`, or `SettingError` if no so many can be fitted."""
    if check_steps(steps) > MOST_FITTED:
        raise SettingError(f"At most {MOST_FITTED} steps can be fitted, not {steps:,}; more need no fit.")
    return steps


def grid_label(kind: GridKind) -> str:
    """A grid in a word or two."""
    return kind if isinstance(kind, str) else f"custom, {_steps(len(kind) - 1)}"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"
