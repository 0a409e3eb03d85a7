"""By which distance few steps are fitted and chosen: quasi-random samples beside sorted draws (method.md, section 22).

Reference for the points: Owen, "Scrambling Sobol' and Niederreiter-Xing Points", Journal of Complexity 14 (1998), 466.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.evaluation.distances import Projections, directions
from dnf_studio.errors import check_interrupt

LINES_OF_A_PLANE, LINES = 128, 512
"""Lines that a fit projects on in one or two dimensions, where they are equally spaced, and at random in more."""
LINES_AT_ONCE = 64
"""As many of these, others each time, in one iteration."""
SORTED = 1 << 28
"""Numbers that are sorted for the draws that a fit is compared with: 2 million draws on 128 lines."""
NUMBERS = 1 << 23
"""Numbers of the draws that are held for it, 32 MB; of wide data there are fewer draws."""
FEWEST_TIMES = 4
"""Draws for each sample at the least."""
LINES_SORTED = 8
"""Lines on which all draws are projected at once."""
SOBOL_COLUMNS = 64
"""The first numbers of a sample that are quasi-random; beyond, such points are no better than random ones."""
EDGE = 1e-7
"""How near to 0 or 1 a uniform number may be that a normal one is made of, some 5.2 standard deviations out."""


@dataclass(frozen=True)
class Drawn:
    """Draws of the data as the samples of half a batch are compared with them."""

    lines: Tensor
    """(K, D), unit vectors."""
    values: Tensor
    """(K, n): projected on each and sorted, in means of as many neighbours as there are draws for each sample."""

    def some(self, generator: torch.Generator) -> Drawn:
        """Those on `LINES_AT_ONCE` of the lines, chosen at random."""
        if len(self.lines) <= LINES_AT_ONCE:
            return self
        chosen = torch.randperm(len(self.lines), generator=generator)[:LINES_AT_ONCE]
        return Drawn(self.lines[chosen], self.values[chosen])

    @classmethod
    def of(cls, draw: Callable[[int], Tensor], dim: int, count: int, generator: torch.Generator) -> Drawn:
        """By points (n, D) that `draw` gives when it is asked for so many, a multiple of `count`."""
        if dim <= 2:
            lines = torch.from_numpy(directions(dim, LINES_OF_A_PLANE).copy())
        else:
            lines = torch.randn(LINES, dim, generator=generator)
            lines = lines / lines.norm(dim=1, keepdim=True)
        times = max(FEWEST_TIMES, min(SORTED // len(lines), NUMBERS // dim) // count)
        return cls(lines, sorted_means(draw(times * count), lines, count))


def sorted_means(points: Tensor, lines: Tensor, count: int) -> Tensor:
    """Points (kn, D) projected on lines (K, D) and sorted, in means of k neighbours: (K, n), on the processor."""
    x, found = points.cpu().float().numpy(), []
    for first in range(0, len(lines), LINES_SORTED):
        check_interrupt()
        some = lines[first : first + LINES_SORTED]
        values = torch.from_numpy(Projections(x, some.numpy()).values)
        found.append(values.reshape(len(some), count, -1).mean(2))
    return torch.cat(found)


def quasi_normal(count: int, columns: int, generator: torch.Generator) -> Tensor:
    """Standard normals (n, C): each row has the right law, and together they cover it more evenly than by chance.

    Scrambled Sobol points, each call's independent of every other's; what goes beyond `SOBOL_COLUMNS` is random.
    """
    even = min(columns, SOBOL_COLUMNS)
    seed = int(torch.randint(1 << 31, (1,), generator=generator))
    engine = torch.quasirandom.SobolEngine(even, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    uniform = engine.draw(count, dtype=torch.float64)
    normal = (math.sqrt(2) * torch.erfinv(2 * uniform.clamp(EDGE, 1 - EDGE) - 1)).float()
    if even == columns:
        return normal
    return torch.cat([normal, torch.randn(count, columns - even, generator=generator)], 1)


def latents_and_noise(count: int, dim: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What two halves of `count` samples each are made of: z (B, D), and the noise (N, B, D) of the steps in order.

    The halves are independent of each other, which `distance_squared` asks for.
    """
    rows = torch.cat([quasi_normal(count, dim * (1 + steps), generator) for _ in range(2)])
    z, *noise = rows.reshape(2 * count, 1 + steps, dim).unbind(1)
    return z.contiguous(), torch.stack(noise)


def distance_squared(samples: Tensor, lines: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """SWD² of the law of samples (2n, D) to that of the data along lines (K, D), right in the mean over all draws.

    (m − a) · (m′ − b) in the mean, m and m′ the two halves' sorted projections, a and b (K, n) those of draws: each
    difference is that of the laws and an error of its own, and the errors know nothing of each other. Where a is b, the
    square of its own error is in it too, whatever the samples are.
    """
    m, other = ((lines @ half.T).sort(1).values for half in samples.chunk(2))
    return ((m - a) * (other - b)).mean()
