"""Flow matching with a person's own velocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from dnf_studio.config import Config
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.models.wrapped.base import (
    UNKNOWN,
    OwnUnits,
    Units,
    WrappedModel,
    checked_dim,
    checked_number,
    units_of,
)
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.errors import SettingError


class WrappedMatching(WrappedModel, Matching):
    """The ODE of an own velocity between data and noise, and where its paths join independent pairs the SDEs too."""

    def __init__(self, called: Called, config: Config, units: OwnUnits) -> None:
        super().__init__(called.dim, config, units)
        self.vector_field = called


def from_velocity(
    velocity: Callable[..., Any],
    *,
    dim: int,
    data_at: float = 1.0,
    coupling: Literal["independent", "transport"] = "independent",
    t_start: float = 1e-4,
    g: float | Sequence[float] = (0.03, 0.4),
    steps: int = 10,
    mean: Units = 0.0,
    scale: Units = 1.0,
) -> WrappedMatching:
    """A flow-matching model of your own velocity, as a model of the studio.

    `velocity` is v(x, u) = E[x_1 − x_0 | x_u] of straight paths x_u = (1 − u) x_0 + u x_1 (Lipman et al., ICLR 2023,
    arXiv:2210.02747, equation 23 with σ_min = 0; Tong et al., TMLR 2024, arXiv:2302.00482, with σ = 0), so that
    dx/du = v. With `data_at` = 1 noise is at u = 0 and data at u = 1, as torchcfm has it; with 0 the other way round.
    The studio's time t goes from data to noise: u = 1 − t or t. Of independent pairs E[noise | x] follows from v, and
    with it a score and SDEs of any g (section 20 of the guide's method; Albergo et al., arXiv:2303.08797, section 2).

    Parameters
    ----------
    velocity : callable
        v: called with x, a float tensor (B, D), and u, a float tensor (B,), it returns (B, D); see `wrap`.
    dim : int
        D, the number of components.
    data_at : float
        The u of the data, 1 or 0.
    coupling : {"independent", "transport"}
        How data and noise were paired in training. Of pairs by optimal transport only the ODE is known.
    t_start : float
        The first time t, where the score ends; x there over 1 − t_start is taken for the data.
    g : float or two floats
        The diffusion coefficient of the SDEs, at the data and at the noise, linear in t; the ODE does not depend on it.
    steps : int
        N of the model's own grid.
    mean, scale : float or sequence
        What v takes for data is (data − mean)/scale; the noise is N(0, I).

    Returns
    -------
    WrappedMatching
        A `GenerativeModel` that samples by midpoint steps unless told otherwise.

    Raises
    ------
    SettingError
        With one sentence on what does not fit.

    Examples
    --------
    Of data N(1, 1/4) in torchcfm's convention:

    >>> import torch
    >>> import dnf_studio as dnf
    >>> def velocity(x, u):
    ...     u = u[:, None]
    ...     return 1 + (u / 4 - (1 - u)) / (u**2 / 4 + (1 - u) ** 2) * (x - u)
    >>> model = dnf.from_velocity(velocity, dim=1)
    >>> model.sample(10_000).std().round(decimals=1)
    tensor(0.5000)
    >>> model.log_prob(torch.ones(1, 1)).round(decimals=2)  # -ln(sqrt(2 pi)/2)
    tensor([-0.2300])
    """
    # Long by its docstring, which tells each parameter
    number = checked_dim(dim)
    if data_at not in (0, 1):
        raise SettingError(f"The data of a velocity is at the time data_at 1 or 0, not {data_at!r:.50}.")
    if coupling not in ("independent", "transport"):
        raise SettingError(f"The coupling of a velocity is independent or transport, not {coupling!r:.50}.")
    start = checked_number("first time t_start", t_start, 0.0, 1.0)
    ends = tuple(g) if isinstance(g, Sequence) else (g, g)
    if len(ends) != 2:
        raise SettingError("The diffusion coefficient g of a velocity is one number or two, at the data and the noise.")
    widths = [checked_number("diffusion coefficient g", one) for one in ends]
    sde = {"steps": steps, "t_start": start, "g_start": widths[0], "g_end": widths[1]}
    training = {"training": {"coupling": coupling}}
    config = Config.create({"data": UNKNOWN, "model": "matching", "sde": sde, **training})
    ahead = data_at == 1
    called = Called(velocity, "velocity", number, 1.0 if ahead else -1.0, backwards=ahead)
    model = WrappedMatching(called, config, units_of(number, mean, scale, 1 - start))
    adapter = {"name": "from_velocity", "data_at": float(data_at), "coupling": coupling, "t_start": start, "g": widths}
    model.take(adapter, [start, 0.5, 1.0])
    return model
