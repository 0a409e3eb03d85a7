"""Flow matching: one network learns the velocity of straight paths from noise to data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dnf_studio.config.grids import GridKind
from dnf_studio.core.models.base import check_points
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import make_kernel, network_field
from dnf_studio.core.sampling.model import Ability, FieldWithDivergence, ProbabilityFlow
from dnf_studio.core.sde.grid import TimeGrid, diffusion_at, make_grid
from dnf_studio.core.sde.paths import Field, Sampler, minus_log_prior
from dnf_studio.core.sde.solvers import SDE, LastStep, SolversFor, with_fitted
from dnf_studio.core.sde.solvers.fitted import FITTED_OF_VELOCITY
from dnf_studio.core.sde.solvers.midpoint import MIDPOINT, midpoint_sampler
from dnf_studio.errors import UnsupportedError

COUPLED: Mapping[Ability, str] = {
    "noise": "Flow matching with optimal-transport coupling follows one ODE without noise: only λ = 0 is right there.",
    "score": "With optimal-transport coupling the velocity of flow matching does not tell the score; train it with "
    "independent coupling for one.",
    "bound": "With optimal-transport coupling flow matching has no noise and no bound to which steps could add: its "
    "likelihood is exact, by the method 'ode'.",
}
VALIDATION_STEPS, VALIDATION_POINTS = 8, 500
"""Steps of the ODE for the NLL of a validation split, short ones near the data, and the most points.

Every 50 iterations of the default batch they take a third of the time of those. Of a checkerboard the value is .004
nats off, of rings .003 to .0044 thick .08."""
MOST_EXACT = 4
"""Dimensions up to which that NLL takes the exact divergence."""


class Matching(TwoSDEs):
    """The ODE dx/dt = −v(x, t) between data at t = 0 and noise at t = 1, learned by conditional flow matching.

    The literature's time u is 1 − t: straight paths x_t = (1 − t) x_0 + t z join data x_0 and noise z, and
    `vector_field` is trained to be their velocity towards the data, v = E[x_0 − z | x_t]. Samples follow the ODE, by
    midpoint steps unless told otherwise, and its likelihood is exact.

    Of independent pairs E[z | x_t] = x_t − (1 − t) v, so that the score is s = −(x_t − (1 − t) v)/t. For any g the SDE
    with drift f = −v + ½ g² s then has the marginals of the ODE, and all that holds of two SDEs holds here: λ, bounds
    by the solver SDE, disagreement. t_0 is a little above 0, where s is finite; the data is taken for x at t_0. Pairs
    that are coupled by optimal transport have another E[z | x_t], which v does not tell: then g is 0 and there is the
    ODE alone.

    References: Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, arXiv:2210.02747; Tong et al.,
    TMLR 2024, arXiv:2302.00482; Albergo, Boffi and Vanden-Eijnden, "Stochastic Interpolants", arXiv:2303.08797,
    section 2, for score and SDEs.
    """

    kind = "matching"
    networks = ("vector_field",)
    vector_field: FieldNetwork
    solvers = SolversFor("velocity", first=(MIDPOINT,), also=(SDE,))
    fitted = FITTED_OF_VELOCITY

    def set_up(self) -> None:
        if self.coupled:
            self.solvers, self.lacks = tuple(one for one in self.solvers if one is not SDE), COUPLED

    def take_fitted(self, steps: int, rows: Tensor, network: nn.Module | None = None) -> None:
        super().take_fitted(steps, rows, network)
        if self.coupled:
            own = tuple(one for one in self.solvers if one.needs != "fitted")
            self.solvers = with_fitted(own, self)

    @property
    def coupled(self) -> bool:
        """Whether data and noise are paired by optimal transport, and not independent."""
        return self.config.training.coupling == "transport"

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """As `GenerativeModel`, of coupled pairs with g = 0; the buffer `diffusion` keeps the settings' g."""
        nodes = super().grid(steps, kind)
        return replace(nodes, g=torch.zeros_like(nodes.g)) if self.coupled else nodes

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """g is known at every t, and the network takes t itself."""
        t = torch.tensor(times, dtype=torch.float64)
        g = torch.zeros_like(t) if self.coupled else diffusion_at(self.config.sde, t)
        return TimeGrid(t, g, t.clone()).to(self.timestamps)

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        """Drift f and score s, from one evaluation where both are asked for at the same states one after the other."""
        velocity = network_field(self.vector_field, grid.condition, hidden)
        if self.coupled:
            return lambda i, x: -velocity(i, x), lambda _, x: torch.zeros_like(x)
        shared = _Shared(velocity)
        weight, t = 0.5 * grid.g.square() / grid.t, grid.t

        def drift(i: int, x: Tensor) -> Tensor:
            return shared("drift", i, x) * (weight[i] * (1 - t[i]) - 1) - x * weight[i]

        def score(i: int, x: Tensor) -> Tensor:
            return (shared("score", i, x) * (1 - t[i]) - x) / t[i]

        return drift, score

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        kernel = make_kernel(self.vector_field, self.vector_field.embed_time(grid.condition), hidden)
        weight, t = 0.5 * grid.g.square() / grid.t, grid.t

        def drift(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = kernel.with_divergence(x, i, signs)
            rate = weight[i] * (1 - t[i]) - 1
            return value * rate - x * weight[i], divergence * rate - self.dim * weight[i]

        def score(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            if self.coupled:
                return torch.zeros_like(x), torch.zeros_like(x[:, 0])
            value, divergence = kernel.with_divergence(x, i, signs)
            return (value * (1 - t[i]) - x) / t[i], (divergence * (1 - t[i]) - self.dim) / t[i]

        return drift, score

    def velocity_at(self, times: Tensor, hidden: torch.dtype | None = None) -> Field:
        """dx/dt = −v of the ODE at the times (K,), by their number; `hidden` is as in `fields`."""
        velocity = network_field(self.vector_field, times, hidden)
        return lambda i, x: -velocity(i, x)

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """−v."""
        return lambda t, x: -self.vector_field(x, t.to(x))

    def probability_flow(self, times: Sequence[float]) -> ProbabilityFlow:
        """dx/dt = −v at these times, without the detour by f and s."""
        embeddings = self.vector_field.embed_time(self.grid_at(times).condition)
        kernel = make_kernel(self.vector_field, embeddings)

        def rate(k: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = kernel.with_divergence(x, k, signs)
            return -value, -divergence

        return ProbabilityFlow(tuple(map(float, times)), (1.0,) * len(times), rate)

    def encoder(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Sampler:
        """Steps of the forward SDE (11), of coupled pairs midpoint steps of the ODE; those ask for no noise."""
        if self.coupled:
            return midpoint_sampler(lambda times: self.velocity_at(times, hidden), grid.t)
        return super().encoder(grid, hidden)

    def forward_path(self, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None) -> Tensor:
        """Data to noise, row 0 at t_0; of coupled pairs by midpoint steps, which take no noise."""
        if not self.coupled:
            return super().forward_path(x0, noise, grid)
        return self._solved(x0, noise, (grid or self.grid()).t)

    def backward_path(
        self,
        z: Tensor,
        noise: Tensor | None = None,
        lam: float = 1.0,
        last: LastStep = "noise",
        grid: TimeGrid | None = None,
    ) -> Tensor:
        """Noise to data, row 0 at t_N; of coupled pairs by midpoint steps, with no noise and no λ but 0.

        λ = 1, which is no choice, stands for 0 there. Raises `UnsupportedError` for another.
        """
        if not self.coupled:
            return super().backward_path(z, noise, lam, last, grid)
        if lam not in (0, 1):
            raise UnsupportedError(COUPLED["noise"])
        return self._solved(z, noise, (grid or self.grid()).t.flip(0))

    def _solved(self, x: Tensor, noise: Tensor | None, times: Tensor) -> Tensor:
        """The states (N+1, B, D) of the ODE at `times` (N+1,), x (B, D) first."""
        check_points(x, self)
        if noise is not None:
            raise UnsupportedError("The paths of flow matching with optimal-transport coupling take no noise.")
        return torch.stack(list(midpoint_sampler(self.velocity_at, times)(x, lambda _: x)))

    def validation_nll(self, points: Tensor, draws: int) -> Tensor:
        """−log p of the ODE (≤ n,), of the first points, by a few Runge–Kutta steps: an NLL, which the loss is not.

        In many dimensions with one Hutchinson probe a point, the same at every call.
        """
        points, signs = points[:VALIDATION_POINTS], None
        if self.dim > MOST_EXACT:
            generator = torch.Generator().manual_seed(0)
            signs = (torch.randint(0, 2, points.shape, generator=generator) * 2 - 1).to(points)
        ends = make_grid(self.config.sde, VALIDATION_STEPS, "reference").t
        times = torch.stack([ends[:-1], (ends[:-1] + ends[1:]) / 2], 1).flatten().tolist()
        flow = self.probability_flow([*times, float(ends[-1])])
        state = points, torch.zeros_like(points[:, 0])
        with torch.no_grad():
            for step in range(VALIDATION_STEPS):
                state = flow.step(2 * step, state, signs)
        return minus_log_prior(state[0]) - state[1]


class _Shared(threading.local):
    """A field's value at a node and states, computed once where drift and score ask for it one after the other.

    The states may not change between the two.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self._last: tuple[str, int, Tensor, Tensor] | None = None

    def __call__(self, who: str, node: int, x: Tensor) -> Tensor:
        last, self._last = self._last, None
        if last is not None and last[0] != who and last[1] == node and last[2] is x:
            return last[3]
        value = self._field(node, x)
        self._last = who, node, x, value
        return value
