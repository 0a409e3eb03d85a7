"""Harder built-in sets: unlike narrow Gaussians on a spiral and in eight dimensions, and linked rings in space.

Formulas and entropies are in method.md, section 13. The parts of each set lie so far apart that what their overlaps
take from its entropy is below 1e-9 nats; a test bounds it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data import densities
from dnf_studio.core.data.planar import GeneratedSet, normal, uniform
from dnf_studio.core.data.toy2d import ANGLES, BLUR, BLURRED_RING_ENTROPY, SUPPORT_SIGMAS, WIDEST_BLUR, gaussian_entropy

CHUNK = 16_384
"""Points moved, or compared with every Gaussian, at once."""
SUPPORT_OF_GAUSSIANS = 4.5
"""A Gaussian in the plane reaches this many of its standard deviations; 4 in 100,000 of its points lie beyond."""
APART = 12.0
"""By how many of its deviations a blur of the Gaussians lets their centres be apart, so that they still do not meet."""


class GaussianMixture(GeneratedSet):
    """Gaussians N(μ_k, A_k A_kᵀ) with unlike weights p_k that hardly overlap.

    With no overlap the entropy is Σ_k p_k [−ln p_k + ½ ln det(2πe A_k A_kᵀ)]. `roots` are the A_k (K, D, D), `centres`
    the μ_k (K, D), `weights` the p_k (K,), which add up to one.
    """

    def __init__(
        self,
        name: str,
        title: str,
        weights: NDArray[np.float64],
        centres: NDArray[np.float64],
        roots: NDArray[np.float64],
        columns: tuple[str, ...],
    ) -> None:
        self.columns, self.dim = columns, len(columns)
        self.weights, self.centres, self.roots = weights, centres, roots
        inverse = np.linalg.inv(roots)
        self._inverse = torch.from_numpy(inverse.reshape(-1, self.dim))
        self._whitened = torch.from_numpy((inverse @ centres[..., None])[..., 0])
        log_root = np.linalg.slogdet(roots)[1]
        self._constant = torch.from_numpy(np.log(weights) - log_root - self.dim / 2 * densities.LOG_TWO_PI)
        mean = weights @ centres
        variance = weights @ (centres**2 + (roots**2).sum(2)) - mean**2
        entropy = float(weights @ (log_root - np.log(weights))) + self.dim * gaussian_entropy(1.0)
        super().__init__(name, title, mean.tolist(), variance.tolist(), entropy)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        edges = torch.from_numpy(np.cumsum(self.weights))
        part = torch.searchsorted(edges, uniform(count, generator), right=True).clamp_(max=len(edges) - 1)
        points, roots = normal(count, generator, self.dim), torch.from_numpy(self.roots)
        for own, rows in zip(torch.split(part, CHUNK), torch.split(points, CHUNK), strict=True):
            rows.copy_((roots[own] @ rows[..., None])[..., 0])
        return points.add_(self._centres[part])

    def _log_density(self, x: Tensor) -> Tensor:
        inverse, whitened, constant = (one.to(x) for one in (self._inverse, self._whitened, self._constant))
        parts = []
        for rows in torch.split(x, CHUNK):
            away = (rows @ inverse.T).view(-1, *whitened.shape) - whitened
            parts.append(torch.logsumexp(constant - 0.5 * away.square().sum(-1), 1))
        return torch.cat(parts)

    @property
    def _centres(self) -> Tensor:
        return torch.from_numpy(self.centres)

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """See `Dataset`: the mean over the Gaussians, along the axes of each, while a blurred one meets no other."""
        units = np.asarray(scale)
        centres = self.centres / units
        pairs = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(len(centres), 1)]
        if blur * APART > pairs.min():
            return None
        widths = np.linalg.svd(self.roots / units[:, None], compute_uv=False)
        return float(self.weights @ [sum(densities.blur_excess(float(one), blur) for one in own) for own in widths])


class SpiralLattice(GaussianMixture):
    """Sixteen round Gaussians of unlike weights and widths where a sunflower has its seeds.

    Those lie on Fermat's spiral, the k-th at √(k + ½) turned by k golden angles (Vogel 1979, Mathematical Biosciences
    44, 179), k = 0…15, and at least 1.5 from each other. Its σ is 0.01 · 10^((7k mod 16)/15), its weight
    (1 + 5k mod 16)/136.
    """

    def __init__(self) -> None:
        k = np.arange(16)
        angle, radius = k * math.pi * (3 - math.sqrt(5)), np.sqrt(k + 0.5)
        self.sigmas = 0.01 * 10.0 ** (7 * k % 16 / 15)
        centres = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        roots = self.sigmas[:, None, None] * np.eye(2)
        super().__init__("spiral-lattice", "Spiral lattice", (1 + 5 * k % 16) / 136, centres, roots, ("x", "y"))

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        centres = self.standardisation.to_model(self._centres).numpy()
        reach = SUPPORT_OF_GAUSSIANS * self.sigmas / min(self.standardisation.scale)
        distance: NDArray[np.float64] = (np.linalg.norm(z[:, None] - centres, axis=-1) - reach).min(1)
        return np.maximum(distance, 0.0)


class EightDimensions(GaussianMixture):
    """Sixteen anisotropic Gaussians at corners of a cube of side 2 in eight dimensions, mirror images of one another.

    The corners c_k are the words of the extended Hamming code with −1 for 1 (Hamming 1950, Bell System Technical
    Journal 29, 147): every pair differs in four or in all eight components, so centres are at least 4 apart. A_k = D_k
    H S with D_k = diag(c_k), S = diag(0.3 · 10^(−j/4)), j = 0…7, and H the reflection I − 2 v vᵀ/vᵀv at v = (1, …, 8).
    The weights are (1 + 5k mod 16)/136; the message of word k is the number k in binary.
    """

    CHECKS = np.array([[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]])
    """What the other four digits of a word are made of: each the sum of three digits of the message, modulo 2."""

    def __init__(self) -> None:
        k = np.arange(16)
        message = k[:, None] >> np.arange(4) & 1
        corners = 1.0 - 2.0 * np.hstack([message, message @ self.CHECKS % 2])
        v = np.arange(1.0, 9.0)
        mirror = np.eye(8) - 2 * np.outer(v, v) / (v @ v)
        roots = corners[:, :, None] * (mirror * (0.3 * 10.0 ** (-np.arange(8) / 4)))
        columns = tuple(f"x{j}" for j in range(1, 9))
        title = "Sixteen Gaussians in eight dimensions"
        super().__init__("gaussians-8d", title, (1 + 5 * k % 16) / 136, corners, roots, columns)


class LinkedRings(GeneratedSet):
    """A chain of three unit circles in space, blurred isotropically by σ: the middle one stands upright in both others.

    Their centres are (−1.25, 0, 0), 0 and (1.25, 0, 0); the outer ones lie in the plane of x and y, the middle one in
    that of x and z. No two come nearer than half a radius.
    """

    SIGMA = BLUR
    dim = 3
    columns = ("x", "y", "z")

    def __init__(self) -> None:
        self.centres = np.array([[-1.25, 0.0, 0.0], [0.0, 0.0, 0.0], [1.25, 0.0, 0.0]])
        self.planes = ((0, 1), (0, 2), (0, 1))
        """The axes in which each ring lies."""
        spread = np.array([0.5, 1 / 3, 1 / 6]) + self.SIGMA**2
        variance = self.centres.var(0) + spread
        # Across a ring's plane it is a Gaussian, within it a ring of the plane
        entropy = math.log(3) + BLURRED_RING_ENTROPY + gaussian_entropy(self.SIGMA)
        super().__init__("rings-3d", "Three linked rings in space", (0.0, 0.0, 0.0), variance.tolist(), entropy)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        ring = torch.randint(3, (count,), generator=generator)
        angle = uniform(count, generator) * (2 * math.pi)
        points = normal(count, generator, 3).mul_(self.SIGMA).add_(torch.from_numpy(self.centres)[ring])
        rows = torch.arange(count)
        first, second = torch.tensor(self.planes)[ring].T
        points[rows, first] += angle.cos()
        points[rows, second] += angle.sin()
        return points

    def _log_density(self, x: Tensor) -> Tensor:
        parts = []
        for centre, plane in zip(self.centres, self.planes, strict=True):
            away = x - x.new_tensor(centre)
            within = torch.linalg.vector_norm(away[:, plane], dim=1)
            across = away[:, 3 - sum(plane)]
            height = -(across**2) / (2 * self.SIGMA**2) - 0.5 * densities.LOG_TWO_PI - math.log(self.SIGMA)
            parts.append(densities.log_blurred_ring(within, self.SIGMA) + height)
        return densities.log_mean_exp(torch.stack(parts, 1))

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = np.array(self.standardisation.scale)
        distances = []
        for centre, plane in zip(self.centres, self.planes, strict=True):
            away = z - centre / scale
            within = densities.ellipse_distance(away[:, plane], *(1 / scale[list(plane)]))
            distances.append(np.hypot(within, away[:, 3 - sum(plane)]))
        nearest: NDArray[np.float64] = np.min(distances, axis=0)
        beyond: NDArray[np.float64] = np.maximum(nearest - SUPPORT_SIGMAS * self.SIGMA / scale.min(), 0.0)
        return beyond

    def distances(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far points `x` (n, 3), data units, are from each ring, (n, 3)."""
        found = []
        for centre, plane in zip(self.centres, self.planes, strict=True):
            away = x - centre
            found.append(np.hypot(np.hypot(*away[:, plane].T) - 1, away[:, 3 - sum(plane)]))
        return np.stack(found, 1)

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """See `Dataset`: that of a ring in the plane (`toy2d.Rings`), and as much again as its height costs."""
        if blur * float(np.prod(scale)) ** (1 / 3) > WIDEST_BLUR:
            return None
        angles = np.arange(ANGLES) * (0.5 * math.pi / ANGLES)
        total = 0.0
        for plane in self.planes:
            a, b = (scale[axis] for axis in plane)
            thick = self.SIGMA / np.hypot(a * np.cos(angles), b * np.sin(angles))
            total += float(np.mean([densities.blur_excess(float(sigma), blur) for sigma in thick]))
            total += densities.blur_excess(self.SIGMA / scale[3 - sum(plane)], blur)
        return total / len(self.planes)


HARD_SETS: tuple[GeneratedSet, ...] = (SpiralLattice(), LinkedRings(), EightDimensions())
"""The sets of this module, in the order in which they are offered; `catalogue.SETS` has all."""
