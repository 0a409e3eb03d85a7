"""The ways to step from noise to data, by name; nothing here needs torch."""

from __future__ import annotations

from typing import Literal

__all__ = ["WITHOUT_NOISE", "Solver"]

Solver = Literal["sde", "ode", "ancestral", "ddim", "heun"]
"""How to step from noise to data; which of them a model has is in its `solvers`."""
WITHOUT_NOISE = frozenset({"ode", "ddim", "heun"})
"""Those that follow the probability-flow ODE, λ = 0 of (17)."""
