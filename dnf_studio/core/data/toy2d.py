"""The built-in two-dimensional sets of the paper (method.md, section 13).

Data units are those of the generators below; standardisation uses the exact mean and variance of
each distribution, so that entropies of the standardised data are exact too. The forms of
checkerboard, 8gaussian, 2spirals, swissroll, moons and line are those that FFJORD (Grathwohl et al.
2019, arXiv:1810.01367) made customary; line is blurred as the rings are, since without that it has
no density.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data import densities
from dnf_studio.core.data.planar import Toy2D, normal, uniform

BLUR = 0.01 * math.sqrt(0.2)
"""The reference program's isotropic blur of rings, 0.00447."""
WIDEST_BLUR = 0.05
"""Greatest blur, as a share of the radius of a ring, for which the least excess of a blurred density is known."""
ANGLES = 256
"""Angles in a quarter of a ring over which its thickness is averaged."""
SUPPORT_SIGMAS = 3.0
"""A blurred curve reaches this many of its standard deviations; 0.27% of its points lie beyond."""

# Differential entropies in nats of one ring in data units, and what overlaps take from a mixture's,
# from quadrature in polar coordinates about each component that is converged to 1e-10.
BLURRED_RING_ENTROPY = -2.1530785427
RADIAL_RING_ENTROPY = -3.6509401794
FIVE_RINGS_OVERLAP, FOUR_RINGS_OVERLAP, FIVE_SHARP_RINGS_OVERLAP = 0.0126022788, 0.0108414809, 0.0028222890
EIGHT_GAUSSIANS_OVERLAP = 0.0062987059
SEGMENT_END_ENTROPY = 0.9031972855  # −∫ Φ(z) ln Φ(z) dz


def gaussian_entropy(sigma: float) -> float:
    """Entropy in nats of N(·, `sigma`²) on the line."""
    return 0.5 * math.log(2 * math.pi * math.e * sigma**2)


class Rings(Toy2D):
    """Unit circles about `centres`, blurred isotropically by `sigma` or (`radial`) in radius only."""

    def __init__(
        self, name: str, title: str, centres: Sequence[tuple[float, float]], sigma: float, radial: bool, overlap: float
    ) -> None:
        self.centres = torch.tensor(centres, dtype=torch.float64)
        self.sigma = sigma
        self.radial = radial
        self.overlap = overlap
        # E[cos²] = ½ of E[radius²] = 1 + σ² for a noisy radius; an isotropic blur adds σ² to either axis.
        spread = 0.5 + (0.5 if radial else 1.0) * sigma**2
        entropy = RADIAL_RING_ENTROPY if radial else BLURRED_RING_ENTROPY
        mean, variance = self.centres.mean(0), self.centres.var(0, correction=0) + spread
        super().__init__(name, title, mean.tolist(), variance.tolist(), entropy + math.log(len(centres)) - overlap)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        ring = torch.randint(len(self.centres), (count,), generator=generator)
        angle = uniform(count, generator) * (2 * math.pi)
        points = torch.stack([angle.cos(), angle.sin()], 1)
        noise = normal(count, generator)
        points = points * (1 + self.sigma * noise[:, :1]) if self.radial else points.add_(noise, alpha=self.sigma)
        return points.add_(self.centres[ring])

    def _log_density(self, x: Tensor) -> Tensor:
        r = torch.linalg.vector_norm(x[:, None] - self.centres.to(x.device), dim=-1)
        ring = densities.log_radial_ring if self.radial else densities.log_blurred_ring
        return densities.log_mean_exp(ring(r, self.sigma))

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        sx, sy = self.standardisation.scale
        centres = self.standardisation.to_model(self.centres).numpy()
        distances = [densities.ellipse_distance(z - centre, 1 / sx, 1 / sy) for centre in centres]
        nearest: NDArray[np.float64] = np.min(distances, axis=0)
        return np.maximum(nearest - SUPPORT_SIGMAS * self.sigma / min(sx, sy), 0.0)

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """See `Dataset`. It is right to 0.003 for r up to a twentieth of the radius, beyond which the bend of the curve
        counts.

        At angle φ a ring is σ/√(sx² cos²φ + sy² sin²φ) thick, blurred either way.
        """
        sx, sy = scale
        if blur * math.sqrt(sx * sy) > WIDEST_BLUR:
            return None
        angles = np.arange(ANGLES) * (0.5 * math.pi / ANGLES)
        thick = self.sigma / np.hypot(sx * np.cos(angles), sy * np.sin(angles))
        excess = float(np.mean([densities.blur_excess(float(sigma), blur) for sigma in thick]))
        middle = float(np.exp(np.log(thick).mean()))
        return max(0.0, excess - self.overlap * (densities.crossing_growth(middle, blur) - 1))


class Checkerboard(Toy2D):
    """Uniform on the eight squares of side 2 in [−4, 4]² whose column and row numbers have an even sum."""

    SQUARES = tuple((2.0 * i - 4, 2.0 * j - 4) for i in range(4) for j in range(4) if (i + j) % 2 == 0)
    ROUNDING = 1e-6
    """Points drawn at an edge may round across it in float32: the density is the same that far out."""

    def __init__(self) -> None:
        super().__init__("checkerboard", "Checkerboard", (0.0, 0.0), (16 / 3, 16 / 3), math.log(32))

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        column = 4 * uniform(count, generator)
        row = uniform(count, generator) + 2 * torch.randint(2, (count,), generator=generator)
        return torch.stack([column, row + column.floor() % 2], 1).mul_(2).sub_(4)

    def _log_density(self, x: Tensor) -> Tensor:
        centres = x.new_tensor(self.SQUARES) + 1
        inside = ((x[:, None] - centres).abs().amax(-1) <= 1 + self.ROUNDING).any(1)
        density = torch.full_like(x[:, 0], -math.log(32)).masked_fill(~inside, -math.inf)
        return density.masked_fill(x.isnan().any(1), math.nan)

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        corners = np.array(self.SQUARES) / self.standardisation.scale
        side = 2 / np.array(self.standardisation.scale)
        distances = [densities.box_distance(z, corner, corner + side) for corner in corners]
        nearest: NDArray[np.float64] = np.min(distances, axis=0)
        return nearest


class EightGaussians(Toy2D):
    """Eight Gaussians of σ 0.5 on a circle of radius 4, everything divided by 1.414."""

    SIGMA = 0.5 / 1.414

    def __init__(self) -> None:
        angles = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
        self.centres = torch.stack([angles.cos(), angles.sin()], 1) * (4 / 1.414)
        variance = (16 / 2 + 0.25) / 1.414**2
        entropy = math.log(8) + 2 * gaussian_entropy(self.SIGMA) - EIGHT_GAUSSIANS_OVERLAP
        super().__init__("8gaussian", "Eight Gaussians", (0.0, 0.0), (variance, variance), entropy)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        centre = torch.randint(8, (count,), generator=generator)
        return normal(count, generator).mul_(self.SIGMA).add_(self.centres[centre])

    def _log_density(self, x: Tensor) -> Tensor:
        squared = (x[:, None] - self.centres.to(x.device)).square().sum(-1)
        return densities.log_mean_exp(densities.log_gaussian(squared, self.SIGMA))

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """See `Dataset`: there is none up to the modes' own width, for a Gaussian is a mixture of narrower ones."""
        return 0.0 if blur <= self.SIGMA / max(scale) else None


class Line(Toy2D):
    """The segment y = x for −2.5 ≤ x ≤ 2.5, blurred isotropically by 0.00447."""

    LENGTH = 5 * math.sqrt(2)

    def __init__(self) -> None:
        variance = 25 / 12 + BLUR**2
        along = math.log(self.LENGTH) + 2 * BLUR / self.LENGTH * SEGMENT_END_ENTROPY
        super().__init__("line", "Line", (0.0, 0.0), (variance, variance), along + gaussian_entropy(BLUR))

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        x = 5 * uniform(count, generator) - 2.5
        return normal(count, generator).mul_(BLUR).add_(x[:, None])

    def _log_density(self, x: Tensor) -> Tensor:
        along, across = (x[:, 0] + x[:, 1]) / math.sqrt(2), (x[:, 1] - x[:, 0]) / math.sqrt(2)
        return densities.log_blurred_segment(along, across, self.LENGTH, BLUR)

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = self.standardisation.scale[0]
        turned = np.stack([z[:, 0] + z[:, 1], z[:, 1] - z[:, 0]], 1) / math.sqrt(2)
        end = np.array([self.LENGTH / 2 / scale, 0.0])
        return np.maximum(densities.box_distance(turned, -end, end) - SUPPORT_SIGMAS * BLUR / scale, 0.0)

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """See `Dataset`: by the line's width, for equal scales, without its ends, where a little more is lost."""
        return densities.blur_excess(BLUR / scale[0], blur) if math.isclose(scale[0], scale[1], rel_tol=1e-3) else None


class TwoSpirals(Toy2D):
    """Two arms of 1½ turns, n = 3π√u, each point moved by U(0, ½)² before and N(0, 0.1²) after dividing by 3."""

    def __init__(self) -> None:
        # With density 2n/9π²: E[n² cos²n] = 9π²/4 + ¾, E[n² sin²n] = 9π²/4 − ¾, E[n cos n] = −4/3π,
        # E[n sin n] = 2 − 8/9π²; the second arm is the first one turned by π, so the mean is 0.
        square, offset = 9 * math.pi**2 / 4, 1 / 12
        x = square + 0.75 + 0.5 * 4 / (3 * math.pi) + offset
        y = square - 0.75 + 0.5 * (2 - 8 / (9 * math.pi**2)) + offset
        super().__init__("2spirals", "Two spirals", (0.0, 0.0), (x / 9 + 0.01, y / 9 + 0.01))

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        n = uniform(count, generator).sqrt() * (3 * math.pi)
        moved = torch.rand(count, 2, generator=generator, dtype=torch.float64) / 2
        arm = moved.add_(torch.stack([-n * n.cos(), n * n.sin()], 1)) / 3
        sign = 2 * torch.randint(2, (count, 1), generator=generator) - 1
        return normal(count, generator).mul_(0.1).add_(arm * sign)


class SwissRoll(Toy2D):
    """The roll (t cos t, t sin t), t uniform on [3π/2, 9π/2], blurred by σ 1, everything divided by 5."""

    def __init__(self) -> None:
        # E[t cos t] = 2, E[t sin t] = 2/3π, E[t²] = 9.75π², E[t² cos 2t] = −½.
        mean = 2.0, 2 / (3 * math.pi)
        squares = 9.75 * math.pi**2 / 2 - 0.25, 9.75 * math.pi**2 / 2 + 0.25
        variance = [(s - m**2 + 1) / 25 for s, m in zip(squares, mean, strict=True)]
        super().__init__("swissroll", "Swiss roll", (mean[0] / 5, mean[1] / 5), variance)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        t = (uniform(count, generator) * 2 + 1) * (1.5 * math.pi)
        return normal(count, generator).add_(torch.stack([t * t.cos(), t * t.sin()], 1)).div_(5)


class Moons(Toy2D):
    """Two interleaved half circles of radius 2, blurred by σ 0.2: scikit-learn's moons times 2, less (1, 0.2)."""

    def __init__(self) -> None:
        # Before scaling: mean (½, ¼), variance (¾, 9/16 − 1/π), noise 0.1².
        variance = 4 * (0.75 + 0.01), 4 * (0.5625 - 1 / math.pi + 0.01)
        super().__init__("moons", "Two moons", (0.0, 0.3), variance)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        angle = uniform(count, generator) * math.pi
        lower = torch.randint(2, (count, 1), generator=generator, dtype=torch.float64)
        moon = torch.stack([angle.cos(), angle.sin()], 1) * (1 - 2 * lower)
        shift = lower * moon.new_tensor([1.0, 0.5])
        return normal(count, generator).mul_(0.1).add_(moon).add_(shift).mul_(2).sub_(moon.new_tensor([1.0, 0.2]))


TOP = ((-1.75, 0.75), (0.0, 0.75), (1.75, 0.75))
BOTTOM = ((-1.05, -0.75), (1.05, -0.75))

TOY_SETS: tuple[Toy2D, ...] = (
    Rings("rings", "Five rings", TOP + BOTTOM, BLUR, False, FIVE_RINGS_OVERLAP),
    Rings("rings-sharp", "Five sharp rings", TOP + BOTTOM, 0.001, True, FIVE_SHARP_RINGS_OVERLAP),
    Rings("four-rings", "Four rings", TOP[1:] + BOTTOM, BLUR, False, FOUR_RINGS_OVERLAP),
    Checkerboard(),
    EightGaussians(),
    TwoSpirals(),
    SwissRoll(),
    Moons(),
    Line(),
    Rings("circle", "Circle", ((0.0, 0.0),), BLUR, False, 0.0),
)
"""The sets of this module, in the order in which they are offered; `catalogue.SETS` has all."""
