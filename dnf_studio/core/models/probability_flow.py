"""The probability-flow ODE dx/dt = f − ½ g² s at chosen times, in variables in which it is smooth."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from dnf_studio.core.models.base import FieldWithDivergence

__all__ = ["ProbabilityFlow"]


@dataclass(frozen=True, eq=False)
class ProbabilityFlow:
    """dy/dt at some times, for states y = x/a with a scale a(t) that a model may choose.

    A diffusion model's ODE is stiff in x and smooth in x/a; a DiffFlow has a = 1.
    """

    times: tuple[float, ...]
    """Increasing or not: whoever asks has its own order."""
    scale: tuple[float, ...]
    """a at each of `times`."""
    rate: FieldWithDivergence
    """dy/dt (B, D) and its divergence (B,) with respect to y, at the k-th of `times` and states y (B, D)."""

    def step(self, first: int, state: tuple[Tensor, Tensor], signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step of the classical Runge–Kutta method, of order 4, over three times: begin, middle and end.

        `first` is the index of the first of them; `state` is y (B, D) and the integral of the divergence so far (B,).
        """
        y, change = state
        length = self.times[first + 2] - self.times[first]
        v1, d1 = self.rate(first, y, signs)
        v2, d2 = self.rate(first + 1, y + v1 * (length / 2), signs)
        v3, d3 = self.rate(first + 1, y + v2 * (length / 2), signs)
        v4, d4 = self.rate(first + 2, y + v3 * length, signs)
        y = y + (v1 + 2 * (v2 + v3) + v4) * (length / 6)
        return y, change + (d1 + 2 * (d2 + d3) + d4) * (length / 6)
