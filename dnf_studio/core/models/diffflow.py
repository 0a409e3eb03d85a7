"""The diffusion normalizing flow: a drift and a score network that share the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.config.grids import GridKind
from dnf_studio.core.models.base import check_points
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.networks.affine_kernel import LinearKernel, ResidualKernel
from dnf_studio.core.networks.base import FieldKernel, FieldNetwork
from dnf_studio.core.networks.build import make_kernel, make_kernels, network_field, network_fields
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.deviations import anchors, fit_deviations, ratios_on, rows_for
from dnf_studio.core.sde.grid import TimeGrid, formula_at
from dnf_studio.core.sde.paths import Field


class DiffFlow(TwoSDEs):
    """Two SDEs trained together: dx = f dt + g dw and dx = [f − g² s] dt + g dw̄ (8, 9).

    s is a network, and by `config.network.drift` so is f (``free``), or f = −½ g² x + a network that begins at zero
    (``residual``), or f = −½ g² x (``frozen``), the drift of a diffusion model that preserves variance with β = g².
    By `config.sde.backward_deviation` steps back have the noise of g, or of deviations that are found from forward
    paths (`core.sde.deviations`), which it trains with (``fitted``) or does not (``afterwards``).

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579.
    """

    kind = "diffflow"
    networks = "drift", "score"
    other_nodes = True
    drift: FieldNetwork
    """Not there where the drift is frozen."""
    score: FieldNetwork
    backward_deviations: Tensor | None
    """ln r (M+1, M+1) of the steps between its nodes, all 0 until it is fitted; None where g alone counts."""

    def set_up(self) -> None:
        if self.config.network.drift == "residual":
            self.drift.begin_at_zero()
        self._begin_deviations()

    def _begin_deviations(self) -> None:
        """Let r be 1 for the nodes as they are now, where it is fitted."""
        table, size = None, len(anchors(len(self.timestamps) - 1))
        if self.config.sde.backward_deviation != "g":
            table = self.timestamps.new_zeros(size, size)
        self.register_buffer("backward_deviations", table)

    def set_grid(self, grid: TimeGrid) -> None:
        super().set_grid(grid)
        self._begin_deviations()

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """As `GenerativeModel`, with the backward deviations."""
        return self.with_deviations(super().grid(steps, kind))

    def with_deviations(self, grid: TimeGrid) -> TimeGrid:
        table = self.backward_deviations
        if table is None or not table.any():
            return grid
        return replace(grid, fitted=ratios_on(table, self.timestamps[anchors(len(self.timestamps) - 1)], grid.t))

    def training_grid(self, steps: int | None = None) -> TimeGrid:
        """The grid that it trains on, of N = `steps` where given: β is the power of few steps, too."""
        kind = self.config.sde.grid if self.formula_grid else None
        return self.as_trained(super().grid(steps, kind))

    def as_trained(self, grid: TimeGrid) -> TimeGrid:
        """`grid` with the backward deviations where it trains with them."""
        return self.with_deviations(grid) if self.config.sde.backward_deviation == "fitted" else grid

    @torch.no_grad()
    def fit_backward(self, points: Tensor, pool: BlockPool | None = None) -> None:
        """Fit the backward deviations to forward paths of `points` (n, D), training data in model units.

        The settings say so from then on. 4,096 points of two components do, a hundredth of the noise being then what
        r is unsure by. Raises `DataError` for other points.
        """
        check_points(points, self)
        if self.backward_deviations is None:
            self.config = self.config.changed({"sde.backward_deviation": "afterwards"})
            self._begin_deviations()
        assert self.backward_deviations is not None
        grid = replace(self.grid(), fitted=None)
        with single_threaded_kernels():
            found = fit_deviations(self.fields(grid), grid, points, pool=pool)
        self.backward_deviations.copy_(found)

    def complete(self, draw: Callable[[int], Tensor], pool: BlockPool, part: float = 1.0) -> None:
        if self.backward_deviations is not None:
            count = round(part * rows_for(self.dim, len(self.timestamps) - 1))
            self.fit_backward(draw(count).to(self.timestamps), pool)

    @classmethod
    def networks_of(cls, config: Config) -> tuple[str, ...]:
        return ("score",) if config.network.drift == "frozen" else cls.networks

    @property
    def parts(self) -> tuple[FieldNetwork, ...]:
        """The networks of drift and score, or that of the score alone where the drift is frozen."""
        return (self.score,) if self.config.network.drift == "frozen" else (self.drift, self.score)

    def rates(self, grid: TimeGrid) -> Tensor | None:
        """The fixed part of the drift at the nodes, −½ g² (N+1,), which x is multiplied by; None where f is free."""
        return None if self.config.network.drift == "free" else -0.5 * grid.g.square()

    def kernels(
        self,
        grid: TimeGrid,
        embeddings: Sequence[Tensor],
        hidden: torch.dtype | None = None,
        alike: bool | None = None,
    ) -> tuple[FieldKernel, FieldKernel]:
        """Those of drift and score, for the embeddings of the grid's times by each of `parts`; `alike` is as in
        `make_kernels`."""
        rates = self.rates(grid)
        if len(embeddings) == 1:
            assert rates is not None
            score = make_kernel(self.score, embeddings[0], hidden)
            return LinearKernel(rates, score), score
        drift, score = make_kernels((self.drift, self.score), (embeddings[0], embeddings[1]), hidden, alike)
        return drift if rates is None else ResidualKernel(rates, drift), score

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        rates = self.rates(grid)
        if rates is None:
            return network_fields(self.drift, self.score, grid.condition, hidden)
        if len(self.parts) == 1:
            return lambda i, x: x * rates[i], network_field(self.score, grid.condition, hidden)
        learned, score = network_fields(self.drift, self.score, grid.condition, hidden)
        return lambda i, x: learned(i, x) + x * rates[i], score

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        drift, score = self.kernels(grid, [network.embed_time(grid.condition) for network in self.parts], hidden)
        return (
            lambda i, x, signs=None: drift.with_divergence(x, i, signs),
            lambda i, x, signs=None: score.with_divergence(x, i, signs),
        )

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """f − ½ g² s, with g and the networks' time input as in `grid_at`."""

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = self.grid_at([float(time)])
            moment, half = now.condition[0].to(x), 0.5 * float(now.g[0]) ** 2
            *learned, score = (network(x, moment) for network in self.parts)
            value: Tensor = sum(learned) - half * score
            return value if self.rates(now) is None else value - half * x

        return velocity

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """The grid at other times: between the nodes of training, g and the networks' time input are linear in t.

        Where the settings have one of them bend with t, both are what the settings say.
        """
        sde = self.config.sde
        if self.formula_grid and (sde.linear == "log" or sde.condition == "node"):
            return formula_at(sde, torch.tensor(times, dtype=torch.float64)).to(self.timestamps)
        nodes, at = self.grid(), np.asarray(times, np.float64)
        t, *others = (values.detach().cpu().double().numpy() for values in (nodes.t, nodes.g, nodes.condition))
        found = [torch.from_numpy(values) for values in (at, *(np.interp(at, t, other) for other in others))]
        return TimeGrid(*(values.to(nodes.t) for values in found))
